"""The sample of real rows in examples/data: every key, and neighbours against exact arithmetic."""

import json
from pathlib import Path

import numpy as np
import pytest

from shardyfusion import (
    HashShardedWriteConfig,
    PythonRecordInput,
    UnifiedShardedReader,
    VectorSpec,
    verify,
    write_arrow,
)
from shardyfusion.writer.python import write_hash_sharded

DATA = Path(__file__).resolve().parents[2] / "examples" / "data"
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytestmark = pytest.mark.skipif(
    not (DATA / "packages.jsonl.zst").exists(), reason="examples/data is not here"
)


@pytest.fixture(scope="module")
def sample():
    with pa.input_stream(str(DATA / "packages.jsonl.zst"), compression="zstd") as stream:
        records = [json.loads(line) for line in stream.read().splitlines()]
    vectors = np.load(DATA / "packages.f16.npy")
    queries = np.load(DATA / "queries.f16.npy")
    assert len(records) == len(vectors) == 4000
    return records, vectors, queries


def check(prefix, records, vectors, queries):
    texts = [json.dumps(r["payload"]) for r in records]
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    with UnifiedShardedReader(s3_prefix=prefix, max_workers=2) as reader:
        got = reader.multi_get([r["id"] for r in records])
        assert list(got.values()) == [t.encode() for t in texts]
        assert [k for k, _ in reader.scan()] == sorted(r["id"] for r in records)
        for query in queries:
            wanted = query.astype(np.float64)
            scores = 1 - exact @ (wanted / np.linalg.norm(wanted))
            response = reader.search(query, top_k=10)
            np.testing.assert_allclose(
                [r.score for r in response], np.sort(scores)[:10], rtol=0, atol=2e-6
            )
            by_id = {r["id"]: r for r in records}
            for result in response:
                assert result.payload == {"section": by_id[result.id]["section"]}
    report = verify(prefix)
    assert report.ok and (report.keys, report.vectors) == (4000, 4000)


def config_for(prefix):
    return HashShardedWriteConfig(
        num_dbs=16, s3_prefix=prefix, vector_spec=VectorSpec(dim=384, metric="cosine")
    )


def test_records(sample, prefix):
    records, vectors, queries = sample
    rows = [{**r, "vector": v} for r, v in zip(records, vectors, strict=True)]
    source = PythonRecordInput(
        key_fn=lambda r: r["id"],
        value_fn=lambda r: json.dumps(r["payload"]),
        vector_fn=lambda r: (r["id"], r["vector"], {"section": r["section"]}),
    )
    result = write_hash_sharded(rows, config_for(prefix), source)
    assert result.stats.num_winners == 16
    check(prefix, records, vectors, queries)


def test_arrow(sample, prefix):
    records, vectors, queries = sample
    table = pa.table(
        {
            "id": [r["id"] for r in records],
            "value": [json.dumps(r["payload"]) for r in records],
            "section": [r["section"] for r in records],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 384),
        }
    )
    write_arrow(
        table.to_batches(max_chunksize=1000),
        config_for(prefix),
        key_col="id",
        value_col="value",
        vector_col="vector",
        payload_cols=["section"],
    )
    check(prefix, records, vectors, queries)
