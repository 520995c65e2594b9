"""test_engine_real_rows.py: real packages and real queries, in 16 shards, judged by all engines.

4,000 rows always; 60,000 where the larger data set is at hand (see real_rows.py).
"""
import json

import numpy as np
import pytest

pytest.importorskip("slatedb", reason="the official slatedb package is not installed")
pytest.importorskip("lance", reason="the official pylance package is not installed")
pytest.importorskip("lancedb", reason="the official lancedb package is not installed")

import real_rows  # noqa: E402
from engine_lance import ENGINES, merge, open_table, truths, uses_index  # noqa: E402
from engine_slatedb import judge  # noqa: E402
from foreign_snapshot import ForeignSnapshot, tree  # noqa: E402
from shardyfusion import HashShardedWriteConfig, UnifiedShardedReader, VectorSpec  # noqa: E402
from shardyfusion.writer.arrow import write_arrow  # noqa: E402

OURS, THEIRS = 1e-9, 1e-4
SHARDS, K = 16, 10


class Built:
    """A data set, its snapshot (exact index), and the distances of all rows from all queries."""

    def __init__(self, prefix, data):
        self.data, self.prefix = data, prefix
        spec = VectorSpec(dim=data.vectors.shape[1], metric="cosine", index_type="flat")
        config = HashShardedWriteConfig(num_dbs=SHARDS, s3_prefix=prefix, vector_spec=spec)
        write_arrow(data.rows, config, key_col="id", value_col="value", vector_col="embedding",
                    payload_cols=["section"])
        self.snapshot = ForeignSnapshot(prefix)
        self.ids = data.rows["id"].to_pylist()
        self.truths = truths("cosine", self.ids, data.vectors, data.queries)


@pytest.fixture(scope="module", params=real_rows.names())
def built(request, tmp_path_factory):
    return Built(tmp_path_factory.mktemp("real"), real_rows.load(request.param))


def test_slatedb_finds_every_package(built):
    values = built.data.rows["value"].cast("binary").to_pylist()
    expected = built.snapshot.stored_rows(dict(zip(built.ids, values)))
    before = tree(built.prefix)
    assert [shard.db_id for shard in built.snapshot.shards] == list(range(SHARDS))
    for shard in built.snapshot.shards:
        assert shard.row_count == len(expected[shard.db_id])
        judge(shard.path, expected[shard.db_id], misses=40, ranges=False)
    assert tree(built.prefix) == before, "the engine wrote"


def test_our_search_is_exact(built):
    """recall@10 of 1.0, with the right distances, payloads and shards."""
    sections = built.data.rows["section"].to_pylist()
    recalls = []
    with UnifiedShardedReader(s3_prefix=built.prefix) as reader:
        for truth in built.truths:
            hits = reader.search(truth.query, K)
            answer = [(hit.id, hit.score) for hit in hits]
            truth.check_nearest(answer, K, OURS)
            for hit in hits:
                assert hit.payload == {"section": sections[truth.row[hit.id]]}
                assert reader.route_key(hit.id) == hit.db_id
            kth = np.partition(truth.distances, K - 1)[K - 1]
            found = truth.distances[[truth.row[hit.id] for hit in hits]] <= kth
            recalls.append(found.mean())
    assert np.mean(recalls) == 1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_merged_over_shards_agree(built, engine):
    """The nearest of the nearest of every shard are what we answer, and what is exact."""
    before = tree(built.prefix)
    tables = [open_table(engine, shard) for shard in built.snapshot.shards]
    for table, shard in zip(tables, built.snapshot.shards):
        assert table.count() == shard.row_count
        ((_, kind, metric, _, indexed),) = table.index()
        assert (kind, metric, indexed) == ("IVF_FLAT", "cosine", shard.row_count)
        assert uses_index(table.plan(built.data.queries[0]))
    # Each engine answers all queries of the sample; of the larger set every third.
    few = built.truths[::3 if len(built.truths) > 100 else 1]
    with UnifiedShardedReader(s3_prefix=built.prefix) as reader:
        for truth in few:
            theirs = merge((table.search(truth.query, K) for table in tables), K)
            ours = [(hit.id, hit.score) for hit in reader.search(truth.query, K)]
            truth.check_nearest(theirs, K, THEIRS)
            truth.check_same(ours, theirs, THEIRS)
    assert tree(built.prefix) == before, "the engine wrote"


def test_tables_hold_every_package(built):
    """Ids, vectors and payloads of all shards, as lancedb scans them."""
    seen = set()
    number = built.truths[0].row
    sections = built.data.rows["section"].to_pylist()
    for shard in built.snapshot.shards:
        rows = open_table("lancedb", shard).rows()
        ids = rows["id"].to_pylist()
        numbers = [number[id] for id in ids]
        vectors = rows["vector"].combine_chunks().flatten().to_numpy()
        assert np.array_equal(vectors, built.data.vectors[numbers].reshape(-1))
        payloads = [json.loads(payload) for payload in rows["payload"].to_pylist()]
        assert payloads == [{"section": sections[i]} for i in numbers]
        seen.update(ids)
    assert seen == set(built.ids)
