"""test_engine_foreign_reader.py: another implementation would understand our snapshots.

The pointer, the manifest's tables, their JSON dialects and the names of objects are checked one by one;
then a small reader that shares nothing with the library answers gets through slatedb and searches through
lancedb, as the other implementation does it, and is compared with ours.
"""
import json
import random
import re
import sqlite3
import uuid
from datetime import datetime

import numpy as np
import pytest

pytest.importorskip("slatedb", reason="the official slatedb package is not installed")
pytest.importorskip("lancedb", reason="the official lancedb package is not installed")

import real_rows  # noqa: E402
from engine_lance import LanceDb, merge, truths  # noqa: E402
from engine_slatedb import Store  # noqa: E402
from foreign_snapshot import ForeignSnapshot, shard_of, stored  # noqa: E402
from shardyfusion import (HashShardedWriteConfig, PythonRecordInput,  # noqa: E402
                          UnifiedShardedReader, VectorSpec)
from shardyfusion.composite_adapter import CompositeFactory  # noqa: E402
from shardyfusion.config import WriterManifestConfig, WriterOutputConfig  # noqa: E402
from shardyfusion.slatedb_adapter import SlateDbFactory  # noqa: E402
from shardyfusion.vector.adapters.lancedb_adapter import LanceDbFactory  # noqa: E402
from shardyfusion.writer.python import write_hash_sharded  # noqa: E402

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"

# (position, name, type, not null, default, part of the key)
BUILD_META = [
    (0, "run_id", "TEXT", 1, None, 0), (1, "created_at", "TEXT", 1, None, 0),
    (2, "num_dbs", "INTEGER", 1, None, 0), (3, "s3_prefix", "TEXT", 1, None, 0),
    (4, "key_col", "TEXT", 1, None, 0), (5, "sharding", "TEXT", 1, None, 0),
    (6, "db_path_template", "TEXT", 1, None, 0), (7, "shard_prefix", "TEXT", 1, None, 0),
    (8, "format_version", "INTEGER", 1, None, 0), (9, "key_encoding", "TEXT", 1, None, 0),
    (10, "custom", "TEXT", 1, "'{}'", 0),
]
SHARDS = [
    (0, "db_id", "INTEGER", 1, None, 1), (1, "db_url", "TEXT", 0, None, 0),
    (2, "attempt", "INTEGER", 1, None, 0), (3, "row_count", "INTEGER", 1, None, 0),
    (4, "db_bytes", "INTEGER", 1, None, 0), (5, "min_key", "TEXT", 0, None, 0),
    (6, "max_key", "TEXT", 0, None, 0), (7, "checkpoint_id", "TEXT", 0, None, 0),
    (8, "writer_info", "TEXT", 1, "'{}'", 0),
]

# XXH3-64 digests, known from elsewhere.
DIGESTS = {
    0: 0xC77B3ABB6F87ACD9, 1: 0x2FBC593564DB792E, 42: 0xD5A6F8C838DF27C8,
    2**63 - 1: 0xA233CF376558DF46, "a": 0xE6C632B61E964E1F, "hello": 0x9555E8555C62DCFD,
    b"hello": 0x9555E8555C62DCFD, "é": 0xF7940A006CF10CB3, b"\x00\xff": 0xA99B043A346C8BF3,
}


# ---- the snapshot of the users' guide, over the sample rows ----

class Guide:
    """16 shards of packages: bytes keys, cosine, as the users' guide configures it."""

    def __init__(self, prefix):
        self.prefix, self.data = prefix, real_rows.load("sample")
        rows = self.data.rows.select(["id", "value"]).to_pylist()
        records = [{"id": row["id"], "payload": row["value"], "embedding": vector}
                   for row, vector in zip(rows, self.data.vectors)]
        vector_spec = VectorSpec(dim=384, metric="cosine", index_type="flat")
        config = HashShardedWriteConfig(
            num_dbs=16,
            s3_prefix=prefix,
            adapter_factory=CompositeFactory(
                kv_factory=SlateDbFactory(),
                vector_factory=LanceDbFactory(),
                vector_spec=vector_spec,
            ),
            vector_spec=vector_spec,
        )
        self.result = write_hash_sharded(
            records,
            config,
            PythonRecordInput(
                key_fn=lambda r: r["id"].encode(),
                value_fn=lambda r: r["payload"],
                vector_fn=lambda r: (r["id"], r["embedding"], None),
            ),
        )
        self.values = {row["id"].encode(): row["payload"] for row in records}
        self.snapshot = ForeignSnapshot(prefix)


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    return Guide(tmp_path_factory.mktemp("guide"))


def build(prefix, rows, *, num_dbs=8, **options):
    config = HashShardedWriteConfig(num_dbs=num_dbs, s3_prefix=prefix, **options)
    spec = options.get("vector_spec")
    vector_fn = (lambda row: (str(row[0]), [1.0, float(len(row[1])), 0.5], None)) if spec else None
    write_hash_sharded(rows.items(), config, PythonRecordInput(
        lambda row: row[0], lambda row: row[1], vector_fn=vector_fn))
    return ForeignSnapshot(prefix)


# ---- the pointer ----

def test_current(guide):
    """Compact JSON, sorted, with exactly these fields."""
    snapshot, current = guide.snapshot, guide.snapshot.current
    assert snapshot.current_text == json.dumps(current, sort_keys=True, separators=(",", ":"))
    assert sorted(current) == ["format_version", "manifest_content_type", "manifest_ref", "run_id",
                               "updated_at"]
    assert current["format_version"] == 1
    assert current["manifest_content_type"] == "application/x-sqlite3"
    assert current["run_id"] == snapshot.meta["run_id"] == guide.result.run_id
    assert current["manifest_ref"] == guide.result.manifest_ref
    assert re.fullmatch(TIME, current["updated_at"])
    name = current["manifest_ref"].removeprefix(guide.prefix.as_uri() + "/")
    assert re.fullmatch(rf"manifests/\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z_run_id={current['run_id']}"
                        r"/manifest", name)


def test_second_snapshot_replaces_only_the_pointer(tmp_path):
    first = build(tmp_path, {i: b"1" for i in range(20)})
    old = first.manifest_path.read_bytes()
    second = build(tmp_path, {i: b"2" for i in range(20)})
    assert second.manifest_path != first.manifest_path and second.meta["run_id"] != first.meta["run_id"]
    assert first.manifest_path.read_bytes() == old
    assert {s.path for s in first.shards}.isdisjoint(s.path for s in second.shards)
    names = sorted(path.name for path in (tmp_path / "manifests").iterdir())
    assert names == [first.manifest_path.parent.name, second.manifest_path.parent.name]


# ---- the manifest ----

def test_tables(guide):
    assert guide.snapshot.manifest_path.read_bytes()[:16] == b"SQLite format 3\0"
    assert guide.snapshot.columns == {"build_meta": BUILD_META, "shards": SHARDS}


def test_types_of_stored_values(guide):
    """SQLite would store anything anywhere; readers expect the declared types."""
    with sqlite3.connect(":memory:") as con:
        con.deserialize(guide.snapshot.manifest_path.read_bytes())
        for table, columns in (("build_meta", BUILD_META), ("shards", SHARDS)):
            for _, name, kind, not_null, _, _ in columns:
                types = {row[0] for row in con.execute(f"SELECT typeof({name}) FROM {table}")}
                assert types <= {kind.lower()} | (set() if not_null else {"null"}), (table, name)
    con.close()


def test_build_meta(guide):
    meta = guide.snapshot.meta
    assert meta["format_version"] == 4 and meta["num_dbs"] == 16
    assert meta["key_col"] == "_key" and meta["key_encoding"] == "raw"
    assert meta["shard_prefix"] == "shards" and meta["db_path_template"] == "db={db_id:05d}"
    assert meta["s3_prefix"] in (str(guide.prefix), guide.prefix.as_uri())
    assert re.fullmatch(TIME, meta["created_at"])
    assert datetime.fromisoformat(meta["created_at"]).utcoffset().total_seconds() == 0
    assert meta["sharding"] == (
        '{"cel_columns": null, "cel_expr": null, "hash_algorithm": "xxh3_64", '
        '"routing_values": null, "strategy": "hash"}')


def test_json_dialect(guide):
    """As Python writes it: separators with a space, ASCII, sorted objects."""
    meta = guide.snapshot.meta
    texts = [meta["sharding"], meta["custom"]]
    texts += [shard.row["writer_info"] for shard in guide.snapshot.shards]
    for text in texts:
        assert text == json.dumps(json.loads(text), sort_keys=True)
    for shard in guide.snapshot.shards:
        for bound in (shard.row["min_key"], shard.row["max_key"]):
            assert bound == json.dumps(json.loads(bound))
        assert sorted(json.loads(shard.row["writer_info"])) == [
            "attempt", "duration_ms", "stage_id", "task_attempt_id"]


def test_custom_vector(guide, tmp_path):
    assert guide.snapshot.custom["vector"] == {
        "backend": "lancedb", "dim": 384, "index_type": "flat", "kv_backend": "slatedb",
        "metric": "cosine", "quantization": None, "unified": True}
    spec = VectorSpec(dim=3, metric="dot_product", index_type="ivf", quantization="none",
                      index_params={"num_partitions": 2, "nprobes": 1})
    custom = build(tmp_path, {i: b"v" * i for i in range(9)}, vector_spec=spec).custom
    assert custom["vector"] == {
        "backend": "lancedb", "dim": 3, "index_params": {"nprobes": 1, "num_partitions": 2},
        "index_type": "ivf", "kv_backend": "slatedb", "metric": "dot_product",
        "quantization": "none", "unified": True}


def test_custom_of_a_snapshot_without_vectors(tmp_path):
    fields = {"é": ["日本", None, 1.5, True], "owner": {"team": "x"}}
    snapshot = build(tmp_path, {1: b"v"}, manifest=WriterManifestConfig(custom_manifest_fields=fields))
    assert "vector" not in snapshot.custom
    assert {name: snapshot.custom[name] for name in fields} == fields
    assert snapshot.meta["custom"].isascii()


# ---- the shards ----

def test_shards(guide):
    snapshot = guide.snapshot
    run = f"{guide.prefix.as_uri()}/shards/run_id={snapshot.meta['run_id']}"
    assert [shard.db_id for shard in snapshot.shards] == list(range(16))
    for shard in snapshot.shards:
        row = shard.row
        assert row["db_url"] == f"{run}/db={shard.db_id:05d}/attempt=00" and row["attempt"] == 0
        files = [path for path in shard.path.rglob("*") if path.is_file()]
        assert row["db_bytes"] == sum(path.stat().st_size for path in files)
        assert uuid.UUID(row["checkpoint_id"]).version == 4
        names = {str(path.relative_to(shard.path)) for path in files}
        tree = (r"manifest/\d{20}\.manifest|compacted/[0-9A-HJKMNP-TV-Z]{26}\.sst|"
                r"vector/vector_index\.lance/(data/[0-9a-f]+\.lance|_versions/\d{20}\.manifest|"
                r"_indices/[0-9a-f-]{36}/(auxiliary|index)\.idx)")
        assert len(names) == 6 and all(re.fullmatch(tree, name) for name in names)
    assert sum(shard.row_count for shard in snapshot.shards) == len(guide.values)


def test_own_names(tmp_path):
    """Names that were chosen are used and recorded."""
    output = WriterOutputConfig(run_id="night-1", shard_prefix="parts", db_path_template="p{db_id:03d}")
    snapshot = build(tmp_path, {i: b"v" for i in range(100)}, num_dbs=2, output=output)
    assert snapshot.meta["shard_prefix"] == "parts"
    assert snapshot.meta["db_path_template"] == "p{db_id:03d}"
    assert [shard.url for shard in snapshot.shards] == [
        f"{tmp_path.as_uri()}/parts/run_id=night-1/p00{i}/attempt=00" for i in range(2)]


ROWS = {
    "u64be": {i * i * 7919 + i: b"%d" % i for i in range(400)} | {0: b"0", 2**63 - 1: b"max"},
    "u32be": {i * 10_000_019 % 2**32: b"%d" % i for i in range(400)} | {2**32 - 1: b"max"},
    "utf8": {f"{'é日😀a'[i % 4]}-{i}": b"%d" % i for i in range(400)},
    "raw": {bytes([i % 256, 255 - i % 7, i // 256]): b"%d" % i for i in range(400)},
}


def bound(key):
    """min_key and max_key: a JSON scalar, or NULL for bytes that are no text."""
    if isinstance(key, bytes):
        try:
            key = key.decode()
        except UnicodeDecodeError:
            return None
    return json.dumps(key)


@pytest.mark.parametrize("encoding", ROWS)
def test_every_key_is_where_it_is_looked_for(tmp_path, encoding):
    """Routing, stored bytes and bounds, for all encodings; values as the engine scans them."""
    rows = ROWS[encoding]
    snapshot = build(tmp_path, rows, key_encoding=encoding)
    assert snapshot.key_encoding == encoding
    expected = snapshot.stored_rows(rows)
    for shard in snapshot.shards:
        with Store(shard.path, shard.checkpoint_id) as store:
            assert store.scan() == sorted(expected[shard.db_id].items())
        keys = sorted(key for key in rows if shard_of(key, 8) == shard.db_id)
        assert shard.row_count == len(keys)
        assert (shard.row["min_key"], shard.row["max_key"]) == (bound(keys[0]), bound(keys[-1]))
    with UnifiedShardedReader(s3_prefix=tmp_path) as reader:
        assert all(reader.route_key(key) == shard_of(key, 8) for key in rows)


@pytest.mark.parametrize("num_dbs", [1, 2, 8, 17, 64, 1000])
def test_routing_of_known_digests(tmp_path, num_dbs):
    for kind in (int, str, bytes):
        keys = {key: digest for key, digest in DIGESTS.items() if type(key) is kind}
        prefix = tmp_path / kind.__name__
        build(prefix, {key: b"v" for key in keys}, num_dbs=num_dbs)
        with UnifiedShardedReader(s3_prefix=prefix) as reader:
            for key, digest in keys.items():
                assert reader.route_key(key) == digest % num_dbs == shard_of(key, num_dbs)


# ---- a whole other reader ----

class OtherReader:
    """Gets through slatedb, searches through lancedb with its defaults, merges by distance."""

    def __init__(self, prefix):
        self.snapshot = ForeignSnapshot(prefix)
        self.stores = {shard.db_id: Store(shard.path) for shard in self.snapshot.shards}
        self.tables = [LanceDb(shard) for shard in self.snapshot.shards]

    def __enter__(self):
        for store in self.stores.values():
            store.__enter__()
        return self

    def __exit__(self, *error):
        for store in self.stores.values():
            store.__exit__(*error)

    def get(self, key):
        store = self.stores.get(shard_of(key, self.snapshot.num_dbs))
        if store is None:
            return None
        (value,) = store.get_all([stored(key, self.snapshot.key_encoding)]).values()
        return value

    def search(self, query, k):
        return merge((table.search(query, k) for table in self.tables), k)


def test_other_reader(guide):
    """It finds the values of the guide's snapshot, and the same nearest packages."""
    ids = list(guide.values)
    known = random.Random(1).sample(ids, 400)
    unknown = [key + b"?" for key in known]
    answers = truths("cosine", [id.decode() for id in ids], guide.data.vectors, guide.data.queries)
    with OtherReader(guide.prefix) as other, UnifiedShardedReader(s3_prefix=guide.prefix) as ours:
        for key in known:
            assert other.get(key) == ours.get(key) == guide.values[key]
        for key in unknown:
            assert other.get(key) is None and ours.get(key) is None
        for truth in answers:
            theirs = other.search(truth.query, 10)
            truth.check_nearest(theirs, 10, 1e-4)
            found = [(hit.id, hit.score) for hit in ours.search(truth.query, 10)]
            truth.check_same(found, theirs, 1e-4)


def test_prefix_with_a_space(tmp_path):
    """URLs are not percent-encoded, and lead everyone to the same files."""
    prefix = tmp_path / "snap shot"
    spec = VectorSpec(dim=3, metric="l2", index_type="flat")
    rows = {f"k{i}": b"v" * i for i in range(30)}
    snapshot = build(prefix, rows, num_dbs=2, vector_spec=spec)
    assert snapshot.current["manifest_ref"].startswith(f"file://{prefix}/manifests/")
    with OtherReader(prefix) as other:
        assert all(other.get(key) == value for key, value in rows.items())
        assert other.search(np.array([1, 7, 0.5], "f4"), 1) == [("k7", 0.0)]


@pytest.mark.parametrize("name", ["100%", "a%20b", "é日本", "#?&"])
def test_prefix_with_odd_characters(tmp_path, name):
    """lancedb takes these URLs as they are, too. (The slatedb package cannot open a directory whose
    name holds "%" or anything but ASCII, whoever wrote it.)"""
    spec = VectorSpec(dim=3, metric="l2", index_type="flat")
    snapshot = build(tmp_path / name, {"k": b"vvv"}, num_dbs=1, vector_spec=spec)
    assert snapshot.shard.url.startswith(f"file://{tmp_path / name}/shards/")
    assert LanceDb(snapshot.shard).search(np.array([1, 3, 0.5], "f4"), 1) == [("k", 0.0)]
