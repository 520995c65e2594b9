"""What a build is configured with.

Plain dataclasses: values are checked by the C library when the build begins. Here is only what the
library never sees: groups and their flat aliases, and settings that this version cannot honour.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from ._refuse import S3_ONLY, refuse
from .composite_adapter import CompositeFactory
from .errors import ConfigValidationError
from .sharding_types import KeyEncoding
from .slatedb_adapter import SlateDbFactory
from .type_defs import KeyInput, PrefixInput, RetryConfig, S3ConnectionOptions
from .vector.config import VectorSpec, VectorSpecSharding

if TYPE_CHECKING:
    from typing import Unpack

__all__ = [
    "AdapterFactory",
    "BaseShardedWriteConfig",
    "BufferingOptions",
    "HashShardedWriteConfig",
    "HashShardingConfig",
    "KeyValueWriteConfig",
    "KvWriteRateLimitConfig",
    "ProgressFn",
    "PythonRecordInput",
    "PythonWriteOptions",
    "SharedMemoryOptions",
    "UnifiedVectorWriteConfig",
    "VectorSpec",
    "VectorSpecSharding",
    "WriterLifecycleConfig",
    "WriterManifestConfig",
    "WriterObservabilityConfig",
    "WriterOutputConfig",
    "WriterRetryConfig",
    "WriterStorageConfig",
]

UnifiedVectorWriteConfig = VectorSpec
AdapterFactory = SlateDbFactory | CompositeFactory

ProgressFn = Callable[[int, int, int, int], object]
"""Called with rows added, shards in all (0 while rows arrive), shards built, bytes written.

Returning False or raising cancels the build."""


@dataclass
class WriterStorageConfig:
    """Where the snapshot goes: ``file:///dir``, a plain path, or ``memory://name``."""

    s3_prefix: PrefixInput = ""
    credential_provider: object | None = None
    s3_connection_options: S3ConnectionOptions | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        try:
            self.s3_prefix = os.fspath(self.s3_prefix)
        except TypeError:
            raise ConfigValidationError(
                f"s3_prefix must be a str or a path, got {self.s3_prefix!r}"
            ) from None
        if not self.s3_prefix:
            raise ConfigValidationError("s3_prefix is required and must not be empty")
        refuse("credential_provider", self.credential_provider, why=S3_ONLY)
        refuse("s3_connection_options", self.s3_connection_options, why=S3_ONLY)


@dataclass
class WriterOutputConfig:
    """Names below the prefix. ``local_root`` is for temporary files; this version needs none."""

    run_id: str | None = None
    db_path_template: str = "db={db_id:05d}"
    shard_prefix: str = "shards"
    run_registry_prefix: str = "runs"
    local_root: PrefixInput = field(
        default_factory=lambda: os.path.join(tempfile.gettempdir(), "shardyfusion")
    )

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        refuse(
            "output.run_registry_prefix",
            self.run_registry_prefix,
            "runs",
            why="this version keeps no run records",
        )


@dataclass
class WriterManifestConfig:
    """What is added to the manifest's ``custom`` object."""

    store: object | None = None
    custom_manifest_fields: Mapping[str, Any] = field(default_factory=dict)
    credential_provider: object | None = None
    s3_connection_options: S3ConnectionOptions | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        if not isinstance(self.custom_manifest_fields, Mapping):
            raise ConfigValidationError("manifest.custom_manifest_fields must be a dict")
        refuse("manifest.store", self.store, why="manifests are kept below the prefix itself")
        refuse("manifest.credential_provider", self.credential_provider, why=S3_ONLY)
        refuse("manifest.s3_connection_options", self.s3_connection_options, why=S3_ONLY)


@dataclass
class KeyValueWriteConfig:
    """Keys and values. ``key_encoding`` None: from the first key (int u64be, str utf8, bytes raw).

    ``batch_size`` is accepted and changes nothing: rows are not written in batches.
    """

    key_encoding: KeyEncoding | str | None = None
    batch_size: int = 50_000
    adapter_factory: AdapterFactory | None = None
    profile_value_sizes_for_page_size: bool = False

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        if self.key_encoding is not None:
            try:
                self.key_encoding = KeyEncoding(self.key_encoding)
            except ValueError:
                raise ConfigValidationError(
                    f"Unsupported key encoding {self.key_encoding!r}; "
                    f"it must be one of {', '.join(KeyEncoding)}"
                ) from None
        if not isinstance(self.batch_size, int) or self.batch_size <= 0:
            raise ConfigValidationError(f"kv.batch_size must be > 0, got {self.batch_size!r}")
        if not isinstance(self.adapter_factory, SlateDbFactory | CompositeFactory | None):
            raise ConfigValidationError(
                f"adapter_factory={self.adapter_factory!r} is not supported: "
                "it must be a SlateDbFactory or a CompositeFactory"
            )
        refuse(
            "kv.profile_value_sizes_for_page_size",
            self.profile_value_sizes_for_page_size,
            False,
            why="SlateDB blocks have no page size to choose",
        )


def _check_count(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ConfigValidationError(f"sharding.{name} must be an int, got {value!r}")
    if value is None or value <= 0:
        raise ConfigValidationError(f"sharding.{name} must be > 0, got {value!r}")


@dataclass
class HashShardingConfig:
    """How many shards: exactly one of the two."""

    num_dbs: int | None = None
    max_keys_per_shard: int | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        if self.max_keys_per_shard is None:
            _check_count("num_dbs", self.num_dbs)
            return
        if self.num_dbs is not None:
            raise ConfigValidationError(
                "sharding.num_dbs cannot be combined with sharding.max_keys_per_shard"
            )
        _check_count("max_keys_per_shard", self.max_keys_per_shard)

    def shards_for(self, records: object) -> int:
        """The number of shards for these records."""
        if self.max_keys_per_shard is None:
            return self.num_dbs or 0
        try:
            count = len(records)  # type: ignore[arg-type]
        except TypeError:
            raise ConfigValidationError(
                "max_keys_per_shard requires a Sized input; give num_dbs for a stream"
            ) from None
        return max(1, -(-count // self.max_keys_per_shard))


@dataclass
class WriterRetryConfig:
    """Retrying failed shards. This version makes one attempt."""

    shard_retry: RetryConfig | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        refuse("shard_retry", self.shard_retry, why="this version makes one attempt per shard")


@dataclass
class KvWriteRateLimitConfig:
    """Limits on the speed of writing. This version has none."""

    max_writes_per_second: float | None = None
    max_write_bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        for name in ("max_writes_per_second", "max_write_bytes_per_second"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigValidationError(f"rate_limits.{name} must be > 0 when set")
            refuse(f"rate_limits.{name}", value, why="this version does not limit its speed")


@dataclass
class WriterObservabilityConfig:
    """Metrics. This version reports through logging and ``PythonWriteOptions.progress``."""

    metrics_collector: object | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        refuse("metrics_collector", self.metrics_collector, why="this version emits no metrics")


@dataclass
class WriterLifecycleConfig:
    """Run records. This version keeps none."""

    run_registry: object | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        refuse("run_registry", self.run_registry, why="this version keeps no run records")


Group = TypeVar("Group")


def _group(kind: type[Group], name: str, given: Group | None, **flat: object) -> Group:
    """The group itself, or one made of its flat aliases."""
    used = {alias: value for alias, value in flat.items() if value is not None}
    if given is None:
        return kind(**used)
    if used:
        raise ConfigValidationError(f"{name} cannot be combined with {', '.join(used)}")
    if not isinstance(given, kind):
        raise ConfigValidationError(f"{name} must be a {kind.__name__}, got {given!r}")
    return given


class BaseShardedWriteConfig:
    """What all kinds of builds share. Every group may also be given by its flat aliases."""

    def __init__(
        self,
        *,
        storage: WriterStorageConfig | None = None,
        output: WriterOutputConfig | None = None,
        manifest: WriterManifestConfig | None = None,
        kv: KeyValueWriteConfig | None = None,
        retry: WriterRetryConfig | None = None,
        rate_limits: KvWriteRateLimitConfig | None = None,
        observability: WriterObservabilityConfig | None = None,
        lifecycle: WriterLifecycleConfig | None = None,
        vector: VectorSpec | None = None,
        shard_id_col: str = "_shard_id",
        s3_prefix: PrefixInput | None = None,
        key_encoding: KeyEncoding | str | None = None,
        batch_size: int | None = None,
        adapter_factory: AdapterFactory | None = None,
        metrics_collector: object | None = None,
        run_registry: object | None = None,
        shard_retry: RetryConfig | None = None,
        credential_provider: object | None = None,
        s3_connection_options: S3ConnectionOptions | None = None,
        vector_spec: VectorSpec | None = None,
        max_writes_per_second: float | None = None,
        max_write_bytes_per_second: float | None = None,
    ) -> None:
        self.storage = _group(
            WriterStorageConfig,
            "storage",
            storage,
            s3_prefix=s3_prefix,
            credential_provider=credential_provider,
            s3_connection_options=s3_connection_options,
        )
        self.output = _group(WriterOutputConfig, "output", output)
        self.manifest = _group(WriterManifestConfig, "manifest", manifest)
        self.kv = _group(
            KeyValueWriteConfig,
            "kv",
            kv,
            key_encoding=key_encoding,
            batch_size=batch_size,
            adapter_factory=adapter_factory,
        )
        self.retry = _group(WriterRetryConfig, "retry", retry, shard_retry=shard_retry)
        self.rate_limits = _group(
            KvWriteRateLimitConfig,
            "rate_limits",
            rate_limits,
            max_writes_per_second=max_writes_per_second,
            max_write_bytes_per_second=max_write_bytes_per_second,
        )
        self.observability = _group(
            WriterObservabilityConfig,
            "observability",
            observability,
            metrics_collector=metrics_collector,
        )
        self.lifecycle = _group(
            WriterLifecycleConfig, "lifecycle", lifecycle, run_registry=run_registry
        )
        if vector is not None and vector_spec is not None:
            raise ConfigValidationError("vector cannot be combined with vector_spec")
        self.vector = vector if vector is not None else vector_spec
        self.shard_id_col = shard_id_col
        self.check()

    def check(self) -> None:
        """Check every group again: they are mutable."""
        for group in (
            self.storage,
            self.output,
            self.manifest,
            self.kv,
            self.retry,
            self.rate_limits,
            self.observability,
            self.lifecycle,
        ):
            group.check()
        if not isinstance(self.shard_id_col, str) or not self.shard_id_col:
            raise ConfigValidationError("shard_id_col must be a non-empty str")
        self.effective_vector_spec()

    def effective_vector_spec(self) -> VectorSpec | None:
        """The vector spec of the config or of its CompositeFactory; they must not differ."""
        factory = self.kv.adapter_factory
        inner = factory.vector_spec if isinstance(factory, CompositeFactory) else None
        spec = self.vector if self.vector is not None else inner
        if not isinstance(spec, VectorSpec | None):
            raise ConfigValidationError(f"vector_spec must be a VectorSpec, got {spec!r}")
        if inner is not None and spec != inner:
            raise ConfigValidationError(
                "vector_spec differs from the vector_spec of the CompositeFactory"
            )
        if spec is not None:
            spec.check()
        return spec

    @property
    def s3_prefix(self) -> PrefixInput:
        return self.storage.s3_prefix

    @s3_prefix.setter
    def s3_prefix(self, value: PrefixInput) -> None:
        self.storage.s3_prefix = value
        self.storage.check()

    @property
    def key_encoding(self) -> KeyEncoding | str | None:
        return self.kv.key_encoding

    @key_encoding.setter
    def key_encoding(self, value: KeyEncoding | str | None) -> None:
        self.kv.key_encoding = value
        self.kv.check()

    @property
    def batch_size(self) -> int:
        return self.kv.batch_size

    @batch_size.setter
    def batch_size(self, value: int) -> None:
        self.kv.batch_size = value
        self.kv.check()

    @property
    def adapter_factory(self) -> AdapterFactory | None:
        return self.kv.adapter_factory

    @adapter_factory.setter
    def adapter_factory(self, value: AdapterFactory | None) -> None:
        self.kv.adapter_factory = value
        self.kv.check()

    @property
    def vector_spec(self) -> VectorSpec | None:
        return self.vector

    @vector_spec.setter
    def vector_spec(self, value: VectorSpec | None) -> None:
        self.vector = value

    @property
    def metrics_collector(self) -> object | None:
        return self.observability.metrics_collector

    @property
    def run_registry(self) -> object | None:
        return self.lifecycle.run_registry

    @property
    def shard_retry(self) -> RetryConfig | None:
        return self.retry.shard_retry

    @property
    def credential_provider(self) -> object | None:
        return self.storage.credential_provider

    @property
    def s3_connection_options(self) -> S3ConnectionOptions | None:
        return self.storage.s3_connection_options


class _BaseOptions(TypedDict, total=False):
    """The keyword arguments of BaseShardedWriteConfig."""

    storage: WriterStorageConfig | None
    output: WriterOutputConfig | None
    manifest: WriterManifestConfig | None
    kv: KeyValueWriteConfig | None
    retry: WriterRetryConfig | None
    rate_limits: KvWriteRateLimitConfig | None
    observability: WriterObservabilityConfig | None
    lifecycle: WriterLifecycleConfig | None
    vector: VectorSpec | None
    shard_id_col: str
    s3_prefix: PrefixInput | None
    key_encoding: KeyEncoding | str | None
    batch_size: int | None
    adapter_factory: AdapterFactory | None
    metrics_collector: object | None
    run_registry: object | None
    shard_retry: RetryConfig | None
    credential_provider: object | None
    s3_connection_options: S3ConnectionOptions | None
    vector_spec: VectorSpec | None
    max_writes_per_second: float | None
    max_write_bytes_per_second: float | None


class HashShardedWriteConfig(BaseShardedWriteConfig):
    """A build whose keys are spread over shards by their hash."""

    def __init__(
        self,
        *,
        sharding: HashShardingConfig | None = None,
        num_dbs: int | None = None,
        max_keys_per_shard: int | None = None,
        **base: Unpack[_BaseOptions],
    ) -> None:
        self.sharding = _group(
            HashShardingConfig,
            "sharding",
            sharding,
            num_dbs=num_dbs,
            max_keys_per_shard=max_keys_per_shard,
        )
        super().__init__(**base)

    def check(self) -> None:
        self.sharding.check()
        super().check()

    @property
    def num_dbs(self) -> int | None:
        return self.sharding.num_dbs

    @property
    def max_keys_per_shard(self) -> int | None:
        return self.sharding.max_keys_per_shard


@dataclass
class PythonRecordInput:
    """How a record becomes a row. ``vector_fn`` returns (id, vector, payload)."""

    key_fn: Callable[[Any], KeyInput]
    value_fn: Callable[[Any], bytes | str]
    columns_fn: Callable[[Any], Mapping[str, Any]] | None = None
    vector_fn: Callable[[Any], tuple[int | str | None, Any, Any]] | None = None

    def __post_init__(self) -> None:
        for name in ("key_fn", "value_fn", "columns_fn", "vector_fn"):
            value = getattr(self, name)
            if not callable(value) and (value is not None or name in ("key_fn", "value_fn")):
                raise ConfigValidationError(f"input.{name} must be callable, got {value!r}")


@dataclass
class SharedMemoryOptions:
    """Shared memory of worker processes. This version builds on threads."""

    max_total_bytes: int = 256 << 20
    max_bytes_per_worker: int = 32 << 20


@dataclass
class BufferingOptions:
    """Limits on rows that wait for their batch. See ``PythonWriteOptions.memory_limit``."""

    max_total_batched_items: int | None = None
    max_total_batched_bytes: int | None = None


@dataclass
class PythonWriteOptions:
    """How a build runs. Shards are always built in parallel, on ``threads`` threads.

    ``memory_limit`` bounds the bytes of buffered rows; a build that needs more is refused.
    """

    parallel: bool = False
    max_queue_size: int = 100
    shared_memory: SharedMemoryOptions = field(default_factory=SharedMemoryOptions)
    buffering: BufferingOptions = field(default_factory=BufferingOptions)
    threads: int | None = None
    memory_limit: int | None = None
    progress: ProgressFn | None = None

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        processes = "this version builds on threads, not in worker processes"
        refuse("options.max_queue_size", self.max_queue_size, 100, why=processes)
        refuse("options.shared_memory", self.shared_memory, SharedMemoryOptions(), why=processes)
        refuse(
            "options.buffering",
            self.buffering,
            BufferingOptions(),
            why="rows are not written in batches; memory_limit bounds what is buffered",
        )
