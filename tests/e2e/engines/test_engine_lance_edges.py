"""test_engine_lance_edges.py: vector tables at the edges, and proof that the index decides.

Payloads and ids of every kind, equal distances, zero vectors, empty shards; tables whose index was
tampered with, which an engine that only compares vectors would not notice; and tables that the engine
goes on writing.
"""
import shutil

import numpy as np
import pytest

pytest.importorskip("lance", reason="the official pylance package is not installed")
lancedb = pytest.importorskip("lancedb", reason="the official lancedb package is not installed")

from engine_lance import ENGINES, METRICS, merge, open_table, uses_index  # noqa: E402
from foreign_snapshot import ForeignSnapshot, Shard, shard_of, tree  # noqa: E402
from shardyfusion import (CompositeFactory, HashShardedWriteConfig, LanceDbFactory,  # noqa: E402
                          PythonRecordInput, SlateDbFactory, UnifiedShardedReader, VectorSpec)
from shardyfusion.writer.python import write_hash_sharded  # noqa: E402
from vector_tables import Shape, Table  # noqa: E402

OURS, THEIRS = 1e-9, 1e-4


# ---- payloads and ids ----

PAYLOADS = {
    "all-null": lambda i: None,
    "all-empty": lambda i: "",
    "first-null": lambda i: None if i == 0 else f"p{i}",
    "only-last-set": lambda i: "last" if i == 299 else None,
    "null-and-empty": lambda i: (None, "", "x")[i % 3],
    "unicode": lambda i: ("é", "日本語", "😀" * (i % 50), "a\0b", 'say "x"\n')[i % 5],
    "large": lambda i: "x" * (1 << 20) if i % 100 == 7 else None,
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", PAYLOADS)
def test_payloads(tmp_path, kind, engine):
    payloads = [PAYLOADS[kind](i) for i in range(300)]
    with Table(tmp_path, Shape("l2", 300, 4), payloads=payloads) as table:
        opened = open_table(engine, table.shard)
        assert opened.rows()["payload"].to_pylist() == payloads
        for condition, wanted in (("payload IS NULL", None), ("payload = ''", "")):
            expected = [id for id, payload in zip(table.ids, payloads) if payload == wanted]
            assert opened.where(condition) == expected
        rows = [299, 0, 17, 150]
        assert sorted(opened.take(rows)) == sorted(table.ids[i] for i in rows)
        query = table.queries[0]
        with_payload = {hit.id: hit.payload for hit in table.reader.search(query, 10)}
        number = {id: i for i, id in enumerate(table.ids)}
        assert {id for id, _ in opened.search(query)} == set(with_payload)
        assert all(payload == payloads[number[id]] for id, payload in with_payload.items())


@pytest.mark.parametrize("engine", ENGINES)
def test_ids(tmp_path, engine):
    """Any text is an id, and it comes back as it was."""
    ids = ["é", "日本語", "😀", "a b", "x'y", 'say "x"', "a\0b", "z" * 5000, "0", "-1", "%", "ﬀ"]
    ids += [f"row {i}" for i in range(100)]
    with Table(tmp_path, Shape("cosine", len(ids), 4), ids=ids) as table:
        opened = open_table(engine, table.shard)
        assert opened.rows()["id"].to_pylist() == ids
        for i in range(12):
            assert opened.search(table.vectors[i], 1)[0][0] == ids[i]
            assert table.ours(table.vectors[i], 1)[0][0] == ids[i]


# ---- distances ----

@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances(tmp_path, metric, engine):
    """Twenty copies of every vector: any ten of the nearest twenty are right."""
    rng = np.random.default_rng(3)
    vectors = np.repeat(rng.standard_normal((50, 4), "f4"), 20, axis=0)[rng.permutation(1000)]
    with Table(tmp_path, Shape(metric, 1000, 4, 3), vectors=vectors) as table:
        opened = open_table(engine, table.shard)
        for truth in table.truths:
            for k in (10, 20, 30):
                theirs = opened.search(truth.query, k, nprobes=3)
                ours = table.ours(truth.query, k, exact=True)
                truth.check_nearest(ours, k, OURS)
                truth.check_nearest(theirs, k, THEIRS)
                truth.check_same(ours, theirs, THEIRS)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", ["l2", "dot_product"])
def test_zero_vectors(tmp_path, metric, engine):
    """They have no direction, but a place."""
    vectors = np.random.default_rng(4).standard_normal((100, 4), "f4")
    vectors[10:15] = 0
    with Table(tmp_path, Shape(metric, 100, 4), vectors=vectors) as table:
        opened = open_table(engine, table.shard)
        for truth in table.truths:
            truth.check_nearest(opened.search(truth.query, 100), 100, THEIRS)
            truth.check_nearest(table.ours(truth.query, 100), 100, OURS)


# ---- shards without rows ----

def build_rows(prefix, rows, *, num_dbs, **spec):
    """A composite snapshot of {key: vector}, as the engines' users configure it."""
    vector_spec = VectorSpec(dim=4, **spec)
    config = HashShardedWriteConfig(
        num_dbs=num_dbs, s3_prefix=prefix, vector_spec=vector_spec,
        adapter_factory=CompositeFactory(SlateDbFactory(), LanceDbFactory(), vector_spec))
    write_hash_sharded(rows.items(), config, PythonRecordInput(
        lambda row: row[0], lambda row: b"", vector_fn=lambda row: (row[0], row[1], None)))
    return ForeignSnapshot(prefix)


def test_no_rows(tmp_path):
    snapshot = build_rows(tmp_path, {}, num_dbs=3)
    assert snapshot.shards == [] and not (tmp_path / "shards").exists()
    assert snapshot.custom["vector"]["dim"] == 4
    with UnifiedShardedReader(s3_prefix=tmp_path) as reader:
        assert list(reader.search([1, 0, 0, 0])) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_more_shards_than_rows(tmp_path, engine):
    """Empty shards have no table; the others answer together."""
    rows = {f"k{i}": [float(i), 1, 0, 0] for i in range(5)}
    snapshot = build_rows(tmp_path, rows, num_dbs=64, metric="l2")
    assert {shard.db_id for shard in snapshot.shards} == {shard_of(key, 64) for key in rows}
    nearest = merge((open_table(engine, shard).search([0.25, 1, 0, 0]) for shard in snapshot.shards), 5)
    assert nearest == [(f"k{i}", (i - 0.25) ** 2) for i in range(5)]
    with UnifiedShardedReader(s3_prefix=tmp_path) as reader:
        assert [(hit.id, hit.score) for hit in reader.search([0.25, 1, 0, 0])] == nearest


# ---- what is built is what is recorded ----

@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("index_type, quantization", [
    ("hnsw", None), ("hnsw", "none"), ("ivf", None), ("ivf", "none"), ("flat", None)])
def test_recorded_index(tmp_path, index_type, quantization, engine):
    """The manifest names, per shard, the index that the engines list and use."""
    rng = np.random.default_rng(8)
    rows = {i: rng.standard_normal(4).astype("f4") for i in range(600)}
    snapshot = build_rows(tmp_path, rows, num_dbs=2, index_type=index_type, quantization=quantization)
    recorded = snapshot.custom["shardyfusion"]["shards"]
    for shard in snapshot.shards:
        opened = open_table(engine, shard)
        ((_, kind, metric, partitions, _),) = opened.index()
        about = recorded[str(shard.db_id)]
        assert (about["vector_index"], about["vector_count"]) == (kind, opened.count())
        assert partitions in (None, about["vector_partitions"]) and metric == "cosine"
        assert uses_index(opened.plan(rows[0]))


# ---- the index decides ----

def copy_shard(shard, root):
    """The shard as it would be at another place; engines remember tables by their place."""
    shutil.copytree(shard.path, root)
    return Shard({**shard.row, "db_url": root.as_uri()})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("partitions", [0, 4])
def test_tampered_row_ids(tmp_path, partitions, metric, engine):
    """With the row ids of the index in another order, other rows are found, at the same distances."""
    with Table(tmp_path / "snapshot", Shape(metric, 1000, 16, partitions)) as table:
        shard = copy_shard(table.shard, tmp_path / "tampered")
        (auxiliary,) = shard.table.glob("_indices/*/auxiliary.idx")
        data = bytearray(auxiliary.read_bytes())
        numbers = np.frombuffer(data, "<u8", 1000)
        assert sorted(numbers) == list(range(1000)), "the column of row ids opens the file"
        shuffled = np.random.default_rng(1).permutation(1000).astype("<u8")
        data[:8000] = shuffled[numbers].tobytes()
        auxiliary.write_bytes(data)

        honest, tampered = open_table(engine, table.shard), open_table(engine, shard)
        for query in table.queries:
            right, wrong = honest.search(query, 10, 4), tampered.search(query, 10, 4)
            assert [distance for _, distance in right] == [distance for _, distance in wrong]
            renamed = [table.ids[shuffled[table.ids.index(id)]] for id, _ in right]
            assert [id for id, _ in wrong] == renamed
            assert len({id for id, _ in right} & {id for id, _ in wrong}) <= 2


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_index_is_an_error(tmp_path, engine):
    """The index is read, not passed over: without its file the search fails."""
    with Table(tmp_path / "snapshot", Shape("l2", 100, 4)) as table:
        shard = copy_shard(table.shard, tmp_path / "copy")
        (auxiliary,) = shard.table.glob("_indices/*/auxiliary.idx")
        auxiliary.unlink()
        with pytest.raises(Exception, match="(?i)not found"):
            open_table(engine, shard).search(table.queries[0])


# ---- the engine goes on ----

def test_lancedb_goes_on_writing(tmp_path):
    """On a copy: rows added, changed and deleted, the index brought up to date, everything found."""
    with Table(tmp_path / "snapshot", Shape("cosine", 1000, 16, 4)) as table:
        before = tree(table.prefix)
        shard = copy_shard(table.shard, tmp_path / "copy")
        opened = lancedb.connect(f"{shard.url}/vector").open_table("vector_index")
        added = np.random.default_rng(2).standard_normal((300, 16), "f4")
        opened.add([{"id": f"new {i}", "vector": v, "payload": None} for i, v in enumerate(added)])
        opened.delete("id = '0'")
        opened.update(where="id = '3'", values={"payload": "changed"})
        opened.optimize()
        again = open_table("lancedb", shard)
        assert again.count() == 1299
        assert again.where("payload = 'changed'") == ["3"]
        assert uses_index(again.plan(added[7]))
        assert again.search(added[7], 1)[0][0] == "new 7"
        assert again.search(table.vectors[500], 1)[0][0] == table.ids[500]
        assert again.search(table.vectors[0], 1)[0][0] != "0"
        assert tree(table.prefix) == before


def test_place_of_the_table(tmp_path):
    """The table is where readers of composite snapshots look for it, and the only one there."""
    with Table(tmp_path, Shape("l2", 10, 4)) as table:
        database = lancedb.connect(f"{table.shard.url}/vector")
        assert list(database.list_tables().tables) == ["vector_index"]
