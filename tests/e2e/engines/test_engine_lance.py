"""test_engine_lance.py: pylance and lancedb read our vector tables, use the index, and agree with us.

Every combination of metric, number of rows, dimension and number of partitions, with both engines.
Distances are compared with double precision arithmetic: ours to nine digits, theirs, which are of single
precision, to four. Rows at one distance are equals: which of them is last in an answer is free.
"""
import shutil

import numpy as np
import pytest

pytest.importorskip("lance", reason="the official pylance package is not installed")
pytest.importorskip("lancedb", reason="the official lancedb package is not installed")

from engine_lance import ENGINES, METRICS, open_table, uses_index  # noqa: E402
from foreign_snapshot import tree  # noqa: E402
from vector_tables import Shape, Table  # noqa: E402

OURS, THEIRS = 1e-9, 1e-4

SHAPES = [Shape(metric, rows, dim, partitions)
          for rows, several in ((1, 4), (10, 3), (1000, 8), (20000, 16))
          for dim in (4, 384)
          for metric in METRICS
          for partitions in (0, several)]
# Rows of a length that no vector register divides, and one beyond the usual.
SHAPES += [Shape(metric, 120, dim, 2)
           for dim, metric in zip((1, 1, 1, 2, 3, 7, 17, 33, 100, 1536), 4 * list(METRICS))]


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def table(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("table")
    with Table(root / "snapshot", request.param) as made:
        yield made
    shutil.rmtree(root)


@pytest.mark.parametrize("engine", ENGINES)
def test_table(table, engine):
    """Opens, counts, lists the index, scans equal; and nothing is written by all that."""
    shape = table.shape
    before = tree(table.prefix)
    opened = open_table(engine, table.shard)
    assert opened.count() == shape.rows == table.shard.row_count

    ((columns, kind, metric, partitions, indexed),) = opened.index()
    assert (columns, kind, metric) == (["vector"], "IVF_FLAT", METRICS[shape.metric])
    assert partitions in (None, shape.built) and indexed == shape.rows

    rows = opened.rows()
    assert rows.column_names == ["id", "vector", "payload"]
    assert rows["id"].to_pylist() == table.ids
    assert rows["payload"].to_pylist() == table.payloads
    vectors = rows["vector"].combine_chunks().flatten().to_numpy().reshape(-1, shape.dim)
    assert vectors.dtype == np.float32 and np.array_equal(vectors, table.vectors)

    assert uses_index(opened.plan(table.queries[0]))
    opened.search(table.queries[0])
    assert tree(table.prefix) == before, "the engine wrote"


@pytest.mark.parametrize("engine", ENGINES)
def test_nearest(table, engine):
    """With all partitions searched, both answers are the exact ones."""
    opened = open_table(engine, table.shard)
    for truth in table.truths:
        for k in (1, 10, 100):
            ours = table.ours(truth.query, k, exact=True)
            theirs = opened.search(truth.query, k, nprobes=table.shape.built)
            truth.check_nearest(ours, k, OURS)
            truth.check_nearest(theirs, k, THEIRS)
            truth.check_same(ours, theirs, THEIRS)


@pytest.mark.parametrize("engine", ENGINES)
def test_nearest_of_some_partitions(table, engine):
    """Searching the same few partitions finds the same rows: the engine probes as we do, and rows lie
    where the engine looks for them."""
    opened = open_table(engine, table.shard)
    for nprobes in {1, max(1, table.shape.built // 2)}:
        for truth in table.truths:
            ours = table.ours(truth.query, 10, nprobes=nprobes)
            theirs = opened.search(truth.query, 10, nprobes=nprobes)
            truth.check_distances(ours, OURS)
            truth.check_same(ours, theirs, THEIRS)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_lie_where_the_engine_looks(table, engine):
    """Whoever asks for a stored vector and searches one partition finds its row there."""
    opened = open_table(engine, table.shard)
    for row in range(0, table.shape.rows, max(1, table.shape.rows // 12)):
        partition = opened.search(table.vectors[row], table.shape.rows, nprobes=1)
        assert (len(partition) < table.shape.rows) == (table.shape.built > 1)
        assert table.ids[row] in {id for id, _ in partition}
