"""Configuration: defaults, groups and aliases, and settings that cannot be honoured."""

import os
import tempfile
from datetime import timedelta

import pytest

from shardyfusion import (
    BufferingOptions,
    CompositeFactory,
    ConfigValidationError,
    DistanceMetric,
    HashShardedWriteConfig,
    HashShardingConfig,
    KeyEncoding,
    KeyValueWriteConfig,
    KvWriteRateLimitConfig,
    LanceDbFactory,
    PythonRecordInput,
    PythonWriteOptions,
    RetryConfig,
    SharedMemoryOptions,
    SlateDbFactory,
    SlateDbSettings,
    UnifiedVectorWriteConfig,
    VectorSpec,
    WriterLifecycleConfig,
    WriterManifestConfig,
    WriterObservabilityConfig,
    WriterOutputConfig,
    WriterRetryConfig,
    WriterStorageConfig,
)
from shardyfusion.config import VectorSpecSharding
from shardyfusion.slatedb_adapter import SlateDbBridgeTimeouts
from shardyfusion.writer.python import write_hash_sharded


def refused(match, make, *args, **kwargs):
    with pytest.raises(ConfigValidationError, match=match):
        make(*args, **kwargs)


def test_defaults():
    config = HashShardedWriteConfig(num_dbs=3, s3_prefix="/p")
    assert config.num_dbs == config.sharding.num_dbs == 3
    assert config.max_keys_per_shard is None
    assert config.s3_prefix == config.storage.s3_prefix == "/p"
    assert config.output == WriterOutputConfig(
        None, "db={db_id:05d}", "shards", "runs", os.path.join(tempfile.gettempdir(), "shardyfusion")
    )
    assert config.manifest == WriterManifestConfig(None, {}, None, None)
    assert config.kv == KeyValueWriteConfig(None, 50_000, None, False)
    assert config.batch_size == 50_000
    assert config.key_encoding is config.adapter_factory is config.vector_spec is None
    assert config.shard_retry is config.run_registry is config.metrics_collector is None
    assert config.credential_provider is config.s3_connection_options is None
    assert config.shard_id_col == "_shard_id"
    retry = RetryConfig()
    assert (retry.max_retries, retry.initial_backoff, retry.backoff_multiplier) == (
        3,
        timedelta(seconds=1),
        2.0,
    )


def test_vector_spec():
    spec = VectorSpec(384)
    assert spec.metric is DistanceMetric.COSINE
    assert (spec.vector_col, spec.index_type, spec.index_params, spec.quantization) == (
        None,
        "hnsw",
        {},
        None,
    )
    assert spec.sharding == VectorSpecSharding("cluster", 1, None, False, 100_000, 8)
    assert VectorSpec(3, metric="dot_product").metric is DistanceMetric.DOT_PRODUCT
    assert VectorSpec(3, metric=DistanceMetric.L2).metric == "l2"
    assert UnifiedVectorWriteConfig is VectorSpec
    refused("vector_spec.metric must be one of", VectorSpec, 3, metric="hamming")
    refused("index_params must be a dict", VectorSpec, 3, index_params=[1])
    refused("index_type must be a str", VectorSpec, 3, index_type=None)
    sharding = VectorSpecSharding(num_probes=2)
    refused("sharding.num_probes=2 is not supported", VectorSpec, 3, sharding=sharding)


def test_keyword_only():
    with pytest.raises(TypeError):
        HashShardedWriteConfig(3)
    with pytest.raises(TypeError):
        HashShardedWriteConfig(num_dbs=3, s3_prefix="/p", no_such_thing=1)


@pytest.mark.parametrize(
    "group, alias, value",
    [
        ("storage", "s3_prefix", "/q"),
        ("kv", "key_encoding", "raw"),
        ("kv", "batch_size", 10),
        ("kv", "adapter_factory", SlateDbFactory()),
        ("retry", "shard_retry", RetryConfig()),
        ("rate_limits", "max_writes_per_second", 5),
        ("observability", "metrics_collector", object()),
        ("lifecycle", "run_registry", object()),
        ("vector", "vector_spec", VectorSpec(3)),
        ("sharding", "num_dbs", 3),
        ("sharding", "max_keys_per_shard", 3),
    ],
)
def test_group_and_alias(group, alias, value):
    groups = {
        "storage": WriterStorageConfig("/p"),
        "kv": KeyValueWriteConfig(),
        "retry": WriterRetryConfig(),
        "rate_limits": KvWriteRateLimitConfig(),
        "observability": WriterObservabilityConfig(),
        "lifecycle": WriterLifecycleConfig(),
        "vector": VectorSpec(3),
        "sharding": HashShardingConfig(2),
    }
    given = {"storage": groups["storage"], "sharding": groups["sharding"], group: groups[group]}
    HashShardedWriteConfig(**given)
    refused(f"{group} cannot be combined with {alias}", HashShardedWriteConfig, **given, **{alias: value})


def test_groups_have_types():
    for group in ("storage", "output", "manifest", "kv", "retry", "rate_limits", "lifecycle"):
        refused(f"{group} must be a", HashShardedWriteConfig, num_dbs=1, **{"s3_prefix": "/p"} if group != "storage" else {}, **{group: 5})
    refused("vector_spec must be a VectorSpec", HashShardedWriteConfig, num_dbs=1, s3_prefix="/p", vector_spec=5)


def test_sharding():
    refused("num_dbs must be > 0", HashShardingConfig)
    refused("num_dbs must be > 0", HashShardingConfig, 0)
    refused("num_dbs must be > 0", HashShardingConfig, -1)
    for other in ("4", 1.5, True):
        refused("num_dbs must be an int", HashShardingConfig, other)
    refused("cannot be combined", HashShardingConfig, 4, 4)
    refused("max_keys_per_shard must be > 0", HashShardingConfig, max_keys_per_shard=0)
    refused("num_dbs must be > 0", HashShardedWriteConfig, s3_prefix="/p")


def test_prefix():
    refused("s3_prefix is required", HashShardedWriteConfig, num_dbs=1)
    refused("s3_prefix must be a str or a path", WriterStorageConfig, 5)


def test_key_encoding():
    assert KeyValueWriteConfig("utf8").key_encoding is KeyEncoding.UTF8
    refused("Unsupported key encoding", KeyValueWriteConfig, "utf7")
    refused("batch_size must be > 0", KeyValueWriteConfig, batch_size=0)


def test_factories():
    spec = VectorSpec(3)
    composite = CompositeFactory(SlateDbFactory(), LanceDbFactory(), spec)
    config = HashShardedWriteConfig(num_dbs=1, s3_prefix="/p", adapter_factory=composite)
    assert config.effective_vector_spec() is spec
    HashShardedWriteConfig(
        num_dbs=1, s3_prefix="/p", adapter_factory=composite, vector_spec=VectorSpec(3)
    )
    refused(
        "differs from the vector_spec of the CompositeFactory",
        HashShardedWriteConfig,
        num_dbs=1,
        s3_prefix="/p",
        adapter_factory=composite,
        vector_spec=VectorSpec(4),
    )
    refused("must be a SlateDbFactory", CompositeFactory, LanceDbFactory(), LanceDbFactory(), spec)
    refused("must be a SlateDbFactory or a CompositeFactory", KeyValueWriteConfig, None, 1, object())


@pytest.mark.parametrize(
    "make, name, value",
    [
        (WriterStorageConfig, "credential_provider", object()),
        (WriterStorageConfig, "s3_connection_options", {"region_name": "eu"}),
        (WriterOutputConfig, "run_registry_prefix", "other"),
        (WriterManifestConfig, "store", object()),
        (WriterManifestConfig, "credential_provider", object()),
        (WriterManifestConfig, "s3_connection_options", {}),
        (KeyValueWriteConfig, "profile_value_sizes_for_page_size", True),
        (WriterRetryConfig, "shard_retry", RetryConfig()),
        (KvWriteRateLimitConfig, "max_writes_per_second", 100),
        (KvWriteRateLimitConfig, "max_write_bytes_per_second", 100),
        (WriterObservabilityConfig, "metrics_collector", object()),
        (WriterLifecycleConfig, "run_registry", object()),
        (SlateDbFactory, "env_file", "x.env"),
        (SlateDbFactory, "settings", SlateDbSettings(l0_sst_size_bytes=1)),
        (SlateDbFactory, "credential_provider", object()),
        (SlateDbFactory, "bridge_timeouts", SlateDbBridgeTimeouts(open_s=1)),
        (SlateDbFactory, "s3_connection_options", {}),
        (LanceDbFactory, "s3_connection_options", {}),
        (LanceDbFactory, "credential_provider", object()),
        (PythonWriteOptions, "max_queue_size", 5),
        (PythonWriteOptions, "shared_memory", SharedMemoryOptions(1)),
        (PythonWriteOptions, "buffering", BufferingOptions(1)),
    ],
)
def test_never_ignored(make, name, value):
    first = {"s3_prefix": "/p"} if make is WriterStorageConfig else {}
    refused("not supported", make, **first, **{name: value})


def test_limits_must_be_positive():
    refused("max_writes_per_second must be > 0 when set", KvWriteRateLimitConfig, 0)


def test_changes_after_construction_are_seen(prefix):
    config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix)
    with pytest.raises(ConfigValidationError):
        config.s3_prefix = ""
    config.s3_prefix = prefix
    config.rate_limits.max_writes_per_second = 5
    with pytest.raises(ConfigValidationError, match="max_writes_per_second"):
        write_hash_sharded([], config, PythonRecordInput(str, str))


def test_record_input():
    refused("input.key_fn must be callable", PythonRecordInput, None, str)
    refused("input.value_fn must be callable", PythonRecordInput, str, "x")
    refused("input.vector_fn must be callable", PythonRecordInput, str, str, None, 5)
    refused("input.columns_fn must be callable", PythonRecordInput, str, str, 5)


def test_argument_types(prefix):
    config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix)
    source = PythonRecordInput(str, str)
    refused("config must be", write_hash_sharded, [], None, source)
    refused("input must be", write_hash_sharded, [], config, None)
    refused("options must be", write_hash_sharded, [], config, source, 5)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"output": WriterOutputConfig(shard_prefix="a/b")}, "single path segment"),
        ({"output": WriterOutputConfig(shard_prefix="")}, "must be non-empty"),
        ({"output": WriterOutputConfig(shard_prefix="..")}, r"must not contain '\.\.'"),
        ({"output": WriterOutputConfig(shard_prefix="ä")}, "unsupported characters"),
        ({"output": WriterOutputConfig(db_path_template="{foo}")}, "db_path_template"),
        ({"output": WriterOutputConfig(run_id="a b")}, "run_id"),
        ({"output": WriterOutputConfig(run_id="a\0b")}, "without NUL"),
        ({"adapter_factory": SlateDbFactory(compression="lz4")}, "compression"),
        ({"adapter_factory": SlateDbFactory(block_size=5)}, "block_size"),
        ({"adapter_factory": SlateDbFactory(block_size=-5)}, "block_size is -5"),
        ({"adapter_factory": SlateDbFactory(bloom_bits_per_key=100)}, "bloom_bits_per_key"),
        ({"adapter_factory": SlateDbFactory(sst_bytes="big")}, "sst_bytes has type str"),
        ({"vector_spec": VectorSpec(0)}, "vector.dim must be > 0, got 0"),
        ({"vector_spec": VectorSpec(-1)}, "vector.dim is -1"),
        ({"vector_spec": VectorSpec(3, index_type="tree")}, "index_type"),
        ({"vector_spec": VectorSpec(3, quantization="pq")}, "pq"),
        ({"vector_spec": VectorSpec(3, quantization="q9")}, "quantization"),
        ({"vector_spec": VectorSpec(3, index_params={"m": 20})}, "index_params"),
        ({"vector_spec": VectorSpec(3, index_params={"M": 0})}, "must be >= 1"),
        ({"vector_spec": VectorSpec(3, index_params={"M": 1.5})}, "must be an int >= 1"),
        ({"vector_spec": VectorSpec(3, index_params={5: 1})}, "index_params"),
        ({"manifest": WriterManifestConfig(custom_manifest_fields={"a": object()})}, "JSON"),
        ({"manifest": WriterManifestConfig(custom_manifest_fields={"a": float("nan")})}, "JSON"),
    ],
)
def test_refused_before_any_row(prefix, change, match):
    def never():
        pytest.fail("a row was asked for")
        yield

    config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix, **change)
    source = PythonRecordInput(str, str, vector_fn=str if "vector_spec" in change else None)
    refused(match, write_hash_sharded, never(), config, source)
    assert not os.path.exists(os.path.join(prefix, "_CURRENT"))


@pytest.mark.parametrize(
    "options, match",
    [
        (PythonWriteOptions(threads=-1), "threads is -1"),
        (PythonWriteOptions(threads=10_000), "threads"),
        (PythonWriteOptions(memory_limit=5), "memory_limit"),
        (PythonWriteOptions(progress=5), "progress must be callable"),
    ],
)
def test_options_are_checked(prefix, options, match):
    config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix)
    refused(match, write_hash_sharded, [], config, PythonRecordInput(str, str), options)


def test_unknown_writer_option(prefix):
    from shardyfusion import _core

    with pytest.raises(TypeError, match="no_such"):
        _core.Writer(prefix, no_such=1)
    with pytest.raises(TypeError):
        _core.Writer(5)
