"""Lookups, scans and facts."""

import os
from array import array
from datetime import datetime, timezone

import numpy as np
import pytest

from shardyfusion import (
    ConfigValidationError,
    HashShardedWriteConfig,
    PythonRecordInput,
    ReaderStateError,
    ShardHashAlgorithm,
    ShardingStrategy,
    UnifiedShardedReader,
    _core,
    verify,
)
from shardyfusion.routing import encode_key, hash_db_id, hash_digest
from shardyfusion.writer.python import write_hash_sharded


def test_get(reader, snapshot):
    for record in snapshot[1]:
        assert reader.get(record["id"].encode()) == record["payload"]
        assert reader.get(record["id"]) == record["payload"]  # raw: str is its UTF-8
    assert reader.get(b"item-") is None
    assert reader.get(b"\xff") is None


def test_bad_lookups(reader):
    for key in (5, b"", "", b"x" * 65_536):
        with pytest.raises(ConfigValidationError):
            reader.get(key)
        with pytest.raises(ConfigValidationError):
            reader.multi_get([b"item-1", key])
    for key in (None, 1.5, [1], "\ud800"):
        with pytest.raises(ConfigValidationError):
            reader.get(key)
    with pytest.raises(TypeError):
        reader.multi_get(5)
    for one in ("item-1", b"item-1", bytearray(b"item-1")):
        with pytest.raises(ConfigValidationError, match="item-1"):
            reader.multi_get(one)


def test_multi_get(reader, snapshot):
    keys = [r["id"].encode() for r in snapshot[1]][::-1]
    keys[3:3] = [b"missing", keys[0]]
    got = reader.multi_get(keys)
    assert list(got) == list(dict.fromkeys(keys))
    assert got[b"missing"] is None
    assert got[b"item-77"] == b"value of 77"
    assert reader.multi_get([]) == {}
    assert reader.multi_get(k for k in (b"item-1", b"no")) == {b"item-1": b"value of 1", b"no": None}
    with pytest.raises(TypeError):
        reader.multi_get([bytearray(b"item-1")])  # cannot be a key of a dict


def test_scan(reader, snapshot):
    expected = sorted((r["id"].encode(), r["payload"]) for r in snapshot[1])
    assert list(reader.scan()) == expected
    assert list(reader.scan(prefix=b"item-4")) == [e for e in expected if e[0].startswith(b"item-4")]
    assert list(reader.scan(prefix="item-49")) == [e for e in expected if e[0].startswith(b"item-49")]
    assert list(reader.scan(prefix=b"")) == expected
    bounds = [e for e in expected if b"item-2" <= e[0] < b"item-3"]
    assert list(reader.scan(start=b"item-2", end=b"item-3")) == bounds
    assert list(reader.scan(start=b"item-99")) == [e for e in expected if e[0] >= b"item-99"]
    assert list(reader.scan(end=b"item-1")) == [e for e in expected if e[0] < b"item-1"]
    assert list(reader.scan(start=b"x", end=b"a")) == []
    one = [e for e in expected if hash_db_id(e[0], 4) == 2]
    assert list(reader.scan(shard_ids=[2])) == one
    with pytest.raises(ConfigValidationError):
        list(reader.scan(prefix=b"a", start=b"b"))
    with pytest.raises(ConfigValidationError):
        list(reader.scan(shard_ids=[99]))
    with pytest.raises(ConfigValidationError, match="shard id"):
        reader.scan(shard_ids=[-1])


def test_scan_integers(prefix):
    config = HashShardedWriteConfig(num_dbs=3, s3_prefix=prefix)
    write_hash_sharded(range(0, 1000, 3), config, PythonRecordInput(int, str))
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert [k for k, _ in reader.scan()] == list(range(0, 1000, 3))
        assert [k for k, _ in reader.scan(start=10, end=20)] == [12, 15, 18]
        assert [k for k, _ in reader.scan(start=encode_key(990, "u64be"))] == [990, 993, 996, 999]
        assert [k for k, _ in reader.scan(prefix=bytes(7))] == list(range(0, 256, 3))
        with pytest.raises(ConfigValidationError):
            reader.scan(start=-1)


def test_scan_ends_and_closes(reader):
    scan = reader.scan(end=b"item-1")
    assert iter(scan) is scan
    list(scan)
    with pytest.raises(StopIteration):
        next(scan)
    scan = reader.scan()
    next(scan)
    scan.close()
    with pytest.raises(StopIteration):
        next(scan)


def test_scan_outlives_its_reader(snapshot):
    reader = UnifiedShardedReader(s3_prefix=snapshot[0])
    scan = reader.scan()
    next(scan)
    reader.close()
    del reader
    assert len(list(scan)) == 499


def test_facts(reader, snapshot):
    prefix, data, result = snapshot
    info = reader.snapshot_info()
    assert (info.run_id, info.num_dbs, info.row_count) == (result.run_id, 4, 500)
    assert info.sharding is ShardingStrategy.HASH
    assert info.hash_algorithm is ShardHashAlgorithm.XXH3_64
    assert info.manifest_ref == result.manifest_ref
    assert info.key_encoding == "raw" and info.key_col == "_key"
    assert info.created_at <= info.published_at <= datetime.now(timezone.utc)
    assert (info.num_shards, info.vector_count) == (4, 500)
    assert info.db_bytes == sum(w.db_bytes for w in result.winners)
    assert info.custom["vector"]["unified"] is True
    for detail, winner in zip(reader.shard_details(), result.winners, strict=True):
        assert (detail.db_id, detail.row_count, detail.db_url) == (
            winner.db_id,
            winner.row_count,
            winner.db_url,
        )
        assert (detail.min_key, detail.max_key) == (winner.min_key, winner.max_key)
        assert detail.vector_count == winner.vector_count
    meta = reader.vector_meta
    assert (meta.dim, meta.metric, meta.index_type, meta.quantization) == (8, "cosine", "hnsw", None)
    assert (meta.backend, meta.kv_backend, meta.index_params) == ("lancedb", "slatedb", {})
    assert meta.index_built == "IVF_FLAT" and "IVF_FLAT" in meta.index_note


def test_facts_cannot_be_changed(reader):
    for value in (reader.snapshot_info(), reader.shard_details()[0], reader.vector_meta):
        with pytest.raises(AttributeError):
            value.db_id = value.run_id = 5


def test_snapshot_without_vectors(prefix):
    config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix)
    write_hash_sharded([1], config, PythonRecordInput(int, str))
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        with pytest.raises(ConfigValidationError, match="does not contain vector metadata"):
            reader.vector_meta
        with pytest.raises(ConfigValidationError):
            reader.search([1.0])
        with pytest.raises(ConfigValidationError):
            reader.vector("x")


def test_closed(snapshot):
    reader = UnifiedShardedReader(s3_prefix=snapshot[0])
    reader.close()
    reader.close()
    assert reader.snapshot_info().row_count == 500
    for call in (
        lambda: reader.get(b"k"),
        lambda: reader.multi_get([b"k"]),
        lambda: reader.search([1.0] * 8),
        lambda: reader.scan(),
        lambda: reader.shard_details(),
        lambda: reader.route_key(b"k"),
        lambda: reader.vector("k"),
    ):
        with pytest.raises(ReaderStateError, match="Reader is closed"):
            call()


def test_arguments(snapshot):
    prefix = snapshot[0]
    with pytest.raises(TypeError):
        UnifiedShardedReader(prefix)
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="positive integer"):
            UnifiedShardedReader(s3_prefix=prefix, max_workers=bad)
    for name in (
        "manifest_store",
        "reader_factory",
        "slate_env_file",
        "credential_provider",
        "s3_connection_options",
        "metrics_collector",
        "rate_limiter",
    ):
        with pytest.raises(ConfigValidationError, match=f"{name}=.* is not supported"):
            UnifiedShardedReader(s3_prefix=prefix, **{name: "x"})
    with pytest.raises(ConfigValidationError, match="max_fallback_attempts"):
        UnifiedShardedReader(s3_prefix=prefix, max_fallback_attempts=7)
    with pytest.raises(ReaderStateError, match="_OTHER"):
        UnifiedShardedReader(s3_prefix=prefix, current_pointer_key="_OTHER")
    with UnifiedShardedReader(
        s3_prefix=prefix, max_workers=3, max_fallback_attempts=0, preload=True
    ) as reader:
        assert reader.get(b"item-3") == b"value of 3"
        for call in (reader.get, reader.route_key, lambda k, **kw: reader.multi_get([k], **kw)):
            with pytest.raises(ConfigValidationError, match="CEL"):
                call(b"k", routing_context={"a": 1})


def test_half_made_reader_can_be_dropped():
    reader = UnifiedShardedReader.__new__(UnifiedShardedReader)
    reader.close()
    del reader


def test_routing_helpers():
    # XXH3-64 with seed 0 of nothing, and of an integer's eight bytes.
    assert hash_digest(b"") == 0x2D06800538D394C2
    assert hash_digest("ä") == hash_digest("ä".encode())
    assert hash_digest(1) == hash_digest((1).to_bytes(8, "little", signed=True))
    assert hash_digest(-1) == hash_digest(b"\xff" * 8)
    assert hash_digest(bytearray(b"abc")) == hash_digest(memoryview(b"abc")) == hash_digest(b"abc")
    assert hash_db_id(b"abc", 7) == hash_digest(b"abc") % 7
    with pytest.raises(ConfigValidationError):
        hash_db_id(b"abc", 0)
    assert encode_key(258, "u64be") == b"\0\0\0\0\0\0\1\2"
    assert encode_key(258, "u32be") == b"\0\0\1\2"
    assert encode_key("ä", "utf8") == "ä".encode()
    assert encode_key(b"\xff", "raw") == encode_key(b"\xff", "auto") == b"\xff"
    for key, encoding in ((-1, "u64be"), (2**32, "u32be"), ("x", "u64be"), (1, "utf8"), (1, "?")):
        with pytest.raises(ConfigValidationError):
            encode_key(key, encoding)


def test_verify(snapshot, prefix):
    report = verify(snapshot[0], max_workers=2)
    assert report.ok and report.findings == [] and report.problems == 0
    assert (report.shards, report.keys, report.vectors) == (4, 500, 500)
    assert report.objects > 8 and report.bytes > 10_000

    config = HashShardedWriteConfig(num_dbs=2, s3_prefix=prefix)
    result = write_hash_sharded(range(100), config, PythonRecordInput(int, str))
    folder = result.winners[1].db_url.removeprefix("file://")
    sst = next(
        os.path.join(f, n) for f, _, names in os.walk(folder) for n in names if n.endswith(".sst")
    )
    with open(sst, "r+b") as file:
        file.seek(20)
        file.write(b"\xff\xff")
    report = verify(prefix)
    assert not report.ok and report.problems == len(report.findings) > 0
    assert {f.db_id for f in report.findings} == {1}
    assert any(os.path.basename(sst) in f.object for f in report.findings)
    with pytest.raises(ReaderStateError):
        verify(prefix + "/missing")


def test_core_reader(snapshot):
    with _core.Reader(snapshot[0], threads=2, preload=True) as reader:
        assert reader.key_encoding() == "raw"
        assert len(reader.shards()) == reader.info()["num_dbs"] == 4
        vector = reader.vector("item-5")
        assert isinstance(vector, array) and vector.typecode == "f"
        assert vector == snapshot[1][5]["embedding"]
        assert np.asarray(vector).dtype == np.float32
        assert reader.vector("missing") is None
    with pytest.raises(TypeError):
        _core.Reader()
    with pytest.raises(ConfigValidationError, match="threads"):
        _core.Reader(snapshot[0], threads=-1)
