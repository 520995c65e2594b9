"""Search against arithmetic done here."""

from array import array

import numpy as np
import pytest

from shardyfusion import (
    ConfigValidationError,
    HashShardedWriteConfig,
    PythonRecordInput,
    SearchResult,
    UnifiedShardedReader,
    VectorSearchResponse,
    VectorSpec,
)
from shardyfusion.routing import hash_db_id
from shardyfusion.writer.python import write_hash_sharded

from conftest import vector

DIM, ROWS, SHARDS = 24, 800, 5


def distances(metric, table, query):
    table, query = table.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return ((table - query) ** 2).sum(1)
    dots = table @ query
    if metric == "dot_product":
        return 1 - dots
    return 1 - dots / np.linalg.norm(table, axis=1) / np.linalg.norm(query)


@pytest.fixture(scope="module", params=["cosine", "l2", "dot_product"])
def searched(request, tmp_path_factory):
    """(reader, table, metric, prefix)"""
    metric = request.param
    prefix = str(tmp_path_factory.mktemp(metric) / "snap")
    table = np.array([vector(i, DIM) for i in range(ROWS)], np.float32)
    config = HashShardedWriteConfig(
        num_dbs=SHARDS, s3_prefix=prefix, vector_spec=VectorSpec(DIM, metric=metric)
    )
    source = PythonRecordInput(
        lambda i: i, lambda i: b"v", vector_fn=lambda i: (i, table[i], {"n": i} if i % 2 else None)
    )
    write_hash_sharded(range(ROWS), config, source)
    with UnifiedShardedReader(s3_prefix=prefix, max_workers=2) as reader:
        yield reader, table, metric


def test_against_arithmetic(searched):
    reader, table, metric = searched
    for seed in range(1000, 1020):
        query = np.array(vector(seed, DIM), np.float32)
        expected = distances(metric, table, query)
        response = reader.search(query, top_k=20)
        assert isinstance(response, VectorSearchResponse)
        assert response.num_shards_queried == SHARDS
        assert response.latency_ms > 0 and response.distances >= ROWS
        scores = [r.score for r in response]
        assert scores == sorted(scores)
        np.testing.assert_allclose(scores, np.sort(expected)[:20], rtol=1e-5, atol=1e-6)
        for result in response:
            n = int(result.id)
            assert result.score == pytest.approx(expected[n], rel=1e-5, abs=1e-6)
            assert result.payload == ({"n": n} if n % 2 else None)
            assert result.db_id == hash_db_id(n, SHARDS)
            assert result.vector is None


def test_queries_of_all_kinds(searched):
    reader, _, _ = searched
    query = vector(7, DIM)
    expected = [(r.id, r.score) for r in reader.search(query)]
    assert len(expected) == 10
    for form in (list(query), tuple(query), np.array(query), np.array(query, np.float16),
                 np.array(query, np.float32), memoryview(query), array("d", query)):
        assert [(r.id, r.score) for r in reader.search(form)] == expected


def test_shard_ids(searched):
    reader, table, metric = searched
    query = np.array(vector(7, DIM), np.float32)
    response = reader.search(query, top_k=ROWS, shard_ids=[1, 3])
    assert response.num_shards_queried == 2
    members = {i for i in range(ROWS) if hash_db_id(i, SHARDS) in (1, 3)}
    assert {int(r.id) for r in response} == members
    for bad in ([99], [-1], ["x"], 5, [1.5]):
        with pytest.raises((ConfigValidationError, TypeError)):
            reader.search(query, shard_ids=bad)


def test_other_options(searched):
    reader, _, _ = searched
    query = vector(7, DIM)
    plain = [(r.id, r.score) for r in reader.search(query)]
    assert [(r.id, r.score) for r in reader.search(query, exact=True)] == plain
    assert [(r.id, r.score) for r in reader.search(query, nprobes=1)] == plain
    with_vectors = reader.search(query, top_k=3, with_vectors=True)
    for result in with_vectors:
        assert result.vector == vector(int(result.id), DIM)
    assert len(reader.search(query, top_k=100_000)) == ROWS
    assert len(reader.search(query, top_k=1)) == 1
    empty = reader.search(query, top_k=0)
    assert len(empty) == 0 and empty.results == []
    for bad in (-1, 100_001, 2**40, 1.5, None):
        with pytest.raises(ConfigValidationError, match="top_k"):
            reader.search(query, top_k=bad)
    for bad in (-1, 0, 2**40, 1.5):
        with pytest.raises(ConfigValidationError, match="nprobes"):
            reader.search(query, nprobes=bad)
    with pytest.raises(ConfigValidationError, match="CEL"):
        reader.search(query, routing_context={})


def test_bad_queries(searched):
    reader, _, metric = searched
    good = vector(7, DIM)
    for bad in (good[:-1], [*good, 1.0], [], np.ones((1, DIM), np.float32), "x" * DIM, None, 5,
                [float("nan")] * DIM, [float("inf")] * DIM, ["x"] * DIM, bytes(4 * DIM)):
        with pytest.raises(ConfigValidationError):
            reader.search(bad)
    if metric == "cosine":
        with pytest.raises(ConfigValidationError):
            reader.search([0.0] * DIM)
    else:
        assert len(reader.search([0.0] * DIM)) == 10


def test_batch(searched):
    reader, _, _ = searched
    queries = np.array([vector(i, DIM) for i in (1, 2, 3)], np.float32)
    batch = reader.batch_search(queries, 4)
    single = [reader.search(q, 4) for q in queries]
    assert [r.results for r in batch] == [r.results for r in single]
    assert reader.batch_search([], 4) == []


def test_response_is_a_sequence(searched):
    reader, _, _ = searched
    response = reader.search(vector(7, DIM), top_k=5)
    assert len(response) == 5
    assert response[0] is response.results[0]
    assert response[-1] is response.results[4]
    assert response[1:3] == response.results[1:3]
    assert list(response) == response.results
    assert response[2] in response and response.index(response[2]) == 2
    assert isinstance(response[0], SearchResult)
    with pytest.raises(IndexError):
        response[5]
    with pytest.raises(AttributeError):
        response[0].score = 1
