"""The example of the user's guide runs as it stands, but for its URL."""

from array import array

from shardyfusion import UnifiedShardedReader

EXAMPLE = '''
from shardyfusion import HashShardedWriteConfig, PythonRecordInput, VectorSpec
from shardyfusion.writer.python import write_hash_sharded
from shardyfusion.slatedb_adapter import SlateDbFactory
from shardyfusion.vector.adapters.lancedb_adapter import LanceDbFactory
from shardyfusion.composite_adapter import CompositeFactory

vector_spec = VectorSpec(dim=384, metric="cosine")

config = HashShardedWriteConfig(
    num_dbs=16,
    s3_prefix="s3://my-bucket/snapshots/items",
    adapter_factory=CompositeFactory(
        kv_factory=SlateDbFactory(),
        vector_factory=LanceDbFactory(),
        vector_spec=vector_spec,
    ),
    vector_spec=vector_spec,
)

result = write_hash_sharded(
    records,
    config,
    PythonRecordInput(
        key_fn=lambda r: r["id"].encode(),
        value_fn=lambda r: r["payload"],
        vector_fn=lambda r: (r["id"], r["embedding"], None),
    ),
)
'''


def test_example(tmp_path):
    records = [
        {
            "id": f"item-{i}",
            "payload": f"payload {i}".encode(),
            "embedding": [float((i * 7 + j * 13) % 101 + 1) for j in range(384)],
        }
        for i in range(200)
    ]
    url = f"file://{tmp_path}/snapshots/items"
    source = EXAMPLE.replace("s3://my-bucket/snapshots/items", url)
    names = {"records": records}
    exec(compile(source, "example", "exec"), names)

    result = names["result"]
    assert result.stats.rows_written == 200
    assert result.stats.duplicate_rows == 0
    assert sum(shard.row_count for shard in result.winners) == 200
    with UnifiedShardedReader(s3_prefix=url) as reader:
        for record in records:
            assert reader.get(record["id"].encode()) == record["payload"]
        response = reader.search(array("f", records[42]["embedding"]), top_k=5)
        assert response.results[0].score < 1e-6
        assert "item-42" in [result.id for result in response]
        assert reader.snapshot_info().run_id == result.run_id
        assert reader.vector_meta.backend == "lancedb"
        assert reader.vector_meta.kv_backend == "slatedb"


def test_s3_is_refused_with_a_reason():
    import pytest

    from shardyfusion import ConfigValidationError

    with pytest.raises(ConfigValidationError, match="s3://"):
        exec(compile(EXAMPLE, "example", "exec"), {"records": []})
