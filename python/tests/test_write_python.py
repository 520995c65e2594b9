"""Building from Python records: what a row may be made of, and what comes back."""

import json
from array import array
from pathlib import Path

import numpy as np
import pytest

from shardyfusion import (
    ConfigValidationError,
    HashShardedWriteConfig,
    KeyEncoding,
    PythonRecordInput,
    PythonWriteOptions,
    SlateDbFactory,
    UnifiedShardedReader,
    VectorSpec,
    WriterManifestConfig,
    WriterOutputConfig,
)
from shardyfusion import _core
from shardyfusion.writer.python import write_hash_sharded

from conftest import config_for, half_bytes, input_for, rows, vector


def write(prefix, records, *, num_dbs=4, options=None, **more):
    """Records are (key, value) or (key, value, id, vector, payload)."""
    spec = more.get("vector_spec")
    config = HashShardedWriteConfig(num_dbs=num_dbs, s3_prefix=prefix, **more)
    source = PythonRecordInput(
        key_fn=lambda r: r[0],
        value_fn=lambda r: r[1],
        vector_fn=(lambda r: r[2:]) if spec is not None else None,
    )
    return write_hash_sharded(records, config, source, options)


def test_result(snapshot):
    prefix, data, result = snapshot
    assert result.run_record_ref is None
    assert result.manifest_ref.startswith(f"file://{prefix}/manifests/")
    assert result.manifest_ref.endswith(f"_run_id={result.run_id}/manifest")
    assert len(result.run_id) == 32
    stats = result.stats
    assert (stats.rows_written, stats.duplicate_rows) == (500, 0)
    assert stats.num_winners == stats.num_attempt_results == len(result.winners) == 4
    times = stats.durations
    assert times.total_ms >= times.write_ms >= 0 and times.sharding_ms >= 0
    assert [w.db_id for w in result.winners] == [0, 1, 2, 3]
    for winner in result.winners:
        keys = sorted(
            r["id"].encode() for r in data if _core.hash_db_id(r["id"].encode(), 4) == winner.db_id
        )
        assert winner.row_count == winner.vector_count == len(keys)
        assert (winner.min_key, winner.max_key) == (keys[0], keys[-1])
        assert winner.db_bytes > 0 and winner.attempt == 0
        assert winner.writer_info.attempt == 0 and winner.writer_info.duration_ms >= 0
        assert len(winner.checkpoint_id) == 32
        assert winner.db_url.endswith(
            f"/shards/run_id={result.run_id}/db={winner.db_id:05d}/attempt=00"
        )
        assert winner.vector_index == "IVF_FLAT"


@pytest.mark.parametrize(
    "keys, encoding",
    [
        ([0, 1, 7, 2**31, 2**63 - 1], "u64be"),
        (["a", "ü", "日本", "x" * 300], "utf8"),
        ([b"a", b"\xff\xfe\x00", b"\x00"], "raw"),
    ],
)
def test_encoding_follows_the_first_key(prefix, keys, encoding):
    write(prefix, [(k, repr(k).encode()) for k in keys])
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.key_encoding is KeyEncoding(encoding)
        assert {k for k, _ in reader.scan()} == set(keys)
        for key in keys:
            assert reader.get(key) == repr(key).encode()
            assert reader.route_key(key) == _core.hash_db_id(key, 4)


def test_encoding_by_config(prefix):
    write(prefix, [(5, b"five"), (2**32 - 1, b"last")], key_encoding="u32be")
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(5) == b"five" and reader.get(2**32 - 1) == b"last"
        assert [k for k, _ in reader.scan()] == [5, 2**32 - 1]


def test_key_types(prefix):
    class Index:
        def __index__(self):
            return 44

    records = [(True, b"bool"), (np.int64(42), b"numpy"), (Index(), b"index"), (np.uint8(9), b"u8")]
    write(prefix, records)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(1) == reader.get(True) == b"bool"
        assert reader.get(42) == reader.get(np.int32(42)) == b"numpy"
        assert reader.get(44) == b"index" and reader.get(9) == b"u8"
        assert reader.get(np.uint64(9)) == b"u8"


def test_bytes_like_keys_and_values(prefix):
    records = [
        (bytearray(b"k1"), bytearray(b"v1")),
        (memoryview(b"k2"), memoryview(b"v2")),
        (np.bytes_(b"k3"), np.frombuffer(b"v3", np.uint8)),
        (b"k4", "grün"),
        (b"k5", b""),
        (b"k6", array("i", [1])),
    ]
    write(prefix, records)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        got = reader.multi_get([b"k%d" % i for i in range(1, 7)])
        assert list(got.values()) == [b"v1", b"v2", b"v3", "grün".encode(), b"", array("i", [1]).tobytes()]
        assert reader.get(bytearray(b"k1")) == reader.get(memoryview(b"k1")) == b"v1"


EXACT = [1.5, -2.25, 0.125, 1024.0]
VECTORS = {
    "list": EXACT,
    "tuple": tuple(EXACT),
    "ints": [1, 2, 3, 4],
    "array f": array("f", EXACT),
    "array d": array("d", EXACT),
    "array i": array("i", [1, 2, 3, 4]),
    "float16": np.array(EXACT, np.float16),
    "float32": np.array(EXACT, np.float32),
    "float64": np.array(EXACT, np.float64),
    "int64": np.array([1, 2, 3, 4]),
    "bool": np.array([True, False, True, True]),
    "object": np.array(EXACT, object),
    "strided": np.array([[v, 0] for v in EXACT], np.float32)[:, 0],
    "reversed": np.array(EXACT[::-1], np.float32)[::-1],
    "column of doubles": np.array([EXACT, EXACT]).T[:, 1],
    "unaligned": np.frombuffer(b"\0" + np.array(EXACT, "<f4").tobytes(), np.uint8)[1:].view("<f4"),
    "read only": np.frombuffer(np.array(EXACT, "<f4").tobytes(), "<f4"),
    "big endian": np.array(EXACT, ">f4"),
    "memoryview half": memoryview(half_bytes(EXACT)).cast("e")
    if hasattr(memoryview(b""), "cast") and __import__("sys").version_info >= (3, 14)
    else np.array(EXACT, "<f2"),
    "numpy scalars": [np.float32(v) for v in EXACT],
}


def test_vector_types(prefix):
    write(
        prefix,
        [(name, b"", name, value, None) for name, value in VECTORS.items()],
        vector_spec=VectorSpec(4, metric="l2"),
    )
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        for name, value in VECTORS.items():
            assert reader.vector(name).tolist() == [float(v) for v in value], name


def test_half_precision(prefix):
    """Every finite half precision number, subnormals and both zeros included."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 64)
    write(
        prefix,
        [(i, b"", i, row, None) for i, row in enumerate(halves)],
        vector_spec=VectorSpec(64, metric="l2"),
    )
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        for i in (0, 1, 15, 500, len(halves) - 1):
            assert np.array_equal(np.asarray(reader.vector(i)), halves[i].astype(np.float32))


def test_ids_and_payloads(prefix):
    records = [
        (1, b"", 17, vector(1), {"a": 1, "ü": None, "when": Path("/x")}),
        (2, b"", "s", vector(2), '{"text": "as it is"}'),
        (3, b"", None, vector(3), None),
        (4, b"", np.int64(18), vector(4), {}),
        (5, b"", "", vector(5), "not JSON"),
    ]
    write(prefix, records, vector_spec=VectorSpec(8))
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        found = {r.id: r.payload for r in reader.search(vector(1), top_k=10)}
    assert found == {
        "17": {"a": 1, "ü": None, "when": "/x"},
        "s": {"text": "as it is"},
        "3": None,
        "18": {},
        "": "not JSON",
    }


def test_default_ids(prefix):
    spec = VectorSpec(8, vector_col="v")
    config = HashShardedWriteConfig(num_dbs=2, s3_prefix=prefix, vector_spec=spec)
    source = PythonRecordInput(lambda r: r["k"], lambda r: b"", columns_fn=lambda r: r)
    write_hash_sharded([{"k": b"\xff\x01", "v": vector(1)}], config, source)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.search(vector(1)).results[0].id == "ff01"


def test_vector_fn_and_spec_belong_together(prefix):
    spec = VectorSpec(8)
    with_fn = PythonRecordInput(str, str, vector_fn=str)
    config = HashShardedWriteConfig(num_dbs=2, s3_prefix=prefix)
    with pytest.raises(ConfigValidationError, match="vector_fn requires"):
        write_hash_sharded([], config, with_fn)
    config = HashShardedWriteConfig(num_dbs=2, s3_prefix=prefix, vector_spec=spec)
    with pytest.raises(ConfigValidationError, match="no vector_fn was provided"):
        write_hash_sharded([], config, PythonRecordInput(str, str))
    spec.vector_col = "v"
    with pytest.raises(ConfigValidationError, match="columns_fn is None"):
        write_hash_sharded([], config, PythonRecordInput(str, str))


def test_duplicates_last_wins(prefix):
    records = [("same", b"first", "a", vector(1), {"n": 1}), ("other", b"x", "o", vector(3), None)]
    records += [("same", b"last", "b", vector(2), {"n": 2})]
    result = write(prefix, records, vector_spec=VectorSpec(8))
    assert (result.stats.rows_written, result.stats.duplicate_rows) == (3, 1)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get("same") == b"last"
        assert reader.snapshot_info().row_count == 2
        assert reader.vector_meta and reader.snapshot_info().vector_count == 2
        found = {r.id: r.payload for r in reader.search(vector(2), top_k=10)}
        assert found == {"b": {"n": 2}, "o": None}
        assert reader.vector("a") is None
        assert reader.vector("b") == vector(2)


def test_empty_input(prefix):
    result = write(prefix, [], num_dbs=3)
    assert result.winners == [] and result.stats.rows_written == 0
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(b"k") is None
        assert list(reader.scan()) == []
        assert [s.db_url for s in reader.shard_details()] == [None] * 3


def test_empty_shards(prefix):
    write(prefix, [(1, b"one", 1, vector(1), None)], num_dbs=50, vector_spec=VectorSpec(8))
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert sum(s.db_url is not None for s in reader.shard_details()) == 1
        assert reader.get(1) == b"one" and reader.get(2) is None
        assert len(reader.search(vector(1))) == 1


def test_max_keys_per_shard(prefix):
    records = [(i, b"") for i in range(25)]
    config = HashShardedWriteConfig(max_keys_per_shard=10, s3_prefix=prefix)
    source = PythonRecordInput(lambda r: r[0], lambda r: r[1])
    write_hash_sharded(records, config, source)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.snapshot_info().num_dbs == 3
    with pytest.raises(ConfigValidationError, match="requires a Sized input"):
        write_hash_sharded(iter(records), config, source)
    write_hash_sharded([], config, source)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.snapshot_info().num_dbs == 1


def test_names_and_custom_fields(prefix):
    result = write(
        prefix,
        [(1, b"x")],
        output=WriterOutputConfig("my-run_1.0", "shard={db_id}", "parts", local_root="/anywhere"),
        manifest=WriterManifestConfig(custom_manifest_fields={"team": "söarch", "n": [1, None]}),
    )
    assert result.run_id == "my-run_1.0"
    assert f"/parts/run_id=my-run_1.0/shard={result.winners[0].db_id}/attempt=00" in result.winners[0].db_url
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        custom = reader.snapshot_info().custom
        assert custom["team"] == "söarch" and custom["n"] == [1, None]
    with pytest.raises(ConfigValidationError, match="my-run_1.0"):
        write(prefix, [(1, b"x")], output=WriterOutputConfig("my-run_1.0", shard_prefix="parts"))


def test_slatedb_options(prefix):
    value = b"compressible " * 100
    plain = write(prefix, [(i, value) for i in range(500)], num_dbs=1)
    factory = SlateDbFactory(
        compression="zstd", block_size=16384, bloom_bits_per_key=14, sst_bytes=65536
    )
    small = write(prefix, [(i, value) for i in range(500)], num_dbs=1, adapter_factory=factory)
    assert small.winners[0].db_bytes < plain.winners[0].db_bytes / 5
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(77) == value


def test_options(prefix):
    seen = []
    options = PythonWriteOptions(
        parallel=True, threads=1, memory_limit=64 << 20, progress=lambda *a: seen.append(a)
    )
    write(prefix, [(i, b"x" * 100) for i in range(50_000)], options=options)
    for added, shards, built, written in seen:
        assert 0 <= added <= 50_000 and 0 <= built <= shards <= 4 and written >= 0


def test_memory_limit(prefix):
    with pytest.raises(ConfigValidationError, match="memory_limit") as caught:
        write(
            prefix,
            ((i, b"x" * 1000) for i in range(100_000)),
            options=PythonWriteOptions(memory_limit=4 << 20),
        )
    assert caught.value.status == "LIMIT"
    assert not (Path(prefix) / "_CURRENT").exists()


def test_rebuild_replaces(prefix):
    write(prefix, [(1, b"old"), (2, b"gone")])
    before = UnifiedShardedReader(s3_prefix=prefix)
    write(prefix, [(1, b"new")])
    with UnifiedShardedReader(s3_prefix=prefix) as after:
        assert (after.get(1), after.get(2)) == (b"new", None)
    assert (before.get(1), before.get(2)) == (b"old", b"gone")
    before.close()


def test_prefix_forms(tmp_path):
    for i, prefix in enumerate(
        [tmp_path / "a", str(tmp_path / "b"), f"file://{tmp_path}/c", f"file://{tmp_path}/d/"]
    ):
        write(prefix, [(i, b"x")])
        with UnifiedShardedReader(s3_prefix=prefix, local_root=tmp_path) as reader:
            assert reader.get(i) == b"x"
    with UnifiedShardedReader(s3_prefix=str(tmp_path / "d")) as reader:
        assert reader.get(3) == b"x"


def test_memory_store():
    write("memory://python-test", [(1, b"x", 1, vector(1), None)], vector_spec=VectorSpec(8))
    with UnifiedShardedReader(s3_prefix="memory://python-test") as reader:
        assert reader.get(1) == b"x"
        assert reader.search(vector(1)).results[0].id == "1"


def test_records_may_be_any_iterable(prefix):
    config = config_for(prefix)
    write_hash_sharded(iter(rows(10)), config, input_for())
    write_hash_sharded((r for r in rows(10)), config, input_for())
    write_hash_sharded({r["id"]: r for r in rows(10)}.values(), config, input_for())
    with pytest.raises(TypeError):
        write_hash_sharded(5, config, input_for())


@pytest.mark.parametrize("which", ["key_fn", "value_fn", "vector_fn", "records"])
def test_exceptions_of_the_caller_come_out_as_they_are(prefix, which):
    class Mine(Exception):
        pass

    def fail(_):
        raise Mine("here")

    def records():
        yield rows(1)[0]
        raise Mine("here")

    source = input_for()
    if which != "records":
        setattr(source, which, fail)
    with pytest.raises(Mine, match="here"):
        write_hash_sharded(records(), config_for(prefix), source)
    assert not Path(prefix, "_CURRENT").exists()


def test_progress_may_stop_a_build(prefix):
    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    big = [(i, b"x" * 50) for i in range(400_000)]
    with pytest.raises(Stop):
        write(prefix, big, options=PythonWriteOptions(progress=stop))
    with pytest.raises(Exception, match="cancelled") as caught:
        write(prefix, big, options=PythonWriteOptions(progress=lambda *_: False))
    assert caught.value.status == "CANCELLED"
    assert not Path(prefix, "_CURRENT").exists()


def test_writer_by_hand(prefix):
    with _core.Writer(prefix, num_dbs=2, vector=(8, "cosine", "flat", None, None)) as writer:
        writer.add("k", "v", vector(1))
        writer.add(key="l", value=b"w", vector=vector(2), vector_id=5, payload={"x": 1})
        with pytest.raises(ConfigValidationError, match="key 'm'"):
            writer.add("m", 5, vector(1))
        result = writer.finish()
        with pytest.raises(Exception, match="finished"):
            writer.add("k", "v", vector(1))
        with pytest.raises(Exception, match="finished"):
            writer.finish()
    assert result["rows_written"] == 2
    assert result["snapshot"]["key_encoding"] == "utf8"
    assert json.loads(result["snapshot"]["custom_json"])["vector"]["dim"] == 8
    writer.close()
    with pytest.raises(Exception, match="Writer is closed"):
        writer.finish()


def test_writer_refuses_to_be_used_inside_itself(prefix):
    with _core.Writer(prefix, num_dbs=2) as writer:

        def nested(record):
            writer.add(record, b"")

        with pytest.raises(Exception, match="one thread at a time") as caught:
            writer.add_records([1], nested, str)
        assert caught.value.status == "STATE"
        with pytest.raises(Exception, match="one thread at a time"):
            writer.add_records([1], lambda r: writer.close(), str)


def test_logging(prefix, caplog):
    with caplog.at_level("DEBUG", logger="shardyfusion"):
        result = write(prefix, [(1, b"x", 1, vector(1), None)], vector_spec=VectorSpec(8))
        UnifiedShardedReader(s3_prefix=prefix).close()
    text = "\n".join(r.getMessage() for r in caplog.records)
    assert f"run {result.run_id}: published" in text
    assert f"opened run {result.run_id}" in text
    assert "WARNING" in {r.levelname for r in caplog.records if "IVF_FLAT" in r.getMessage()}
