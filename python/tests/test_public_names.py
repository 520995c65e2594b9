"""Names, where they live, and what importing them costs."""

import importlib

import pytest

import shardyfusion

HOMES = {
    "shardyfusion.writer.python": ["write_hash_sharded"],
    "shardyfusion.writer.arrow": ["write_arrow"],
    "shardyfusion.slatedb_adapter": ["SlateDbBridgeTimeouts", "SlateDbFactory", "SlateDbSettings"],
    "shardyfusion.composite_adapter": ["CompositeAdapterError", "CompositeFactory"],
    "shardyfusion.vector": ["DistanceMetric", "SearchResult", "VectorSearchResponse"],
    "shardyfusion.vector.adapters": ["LanceDbFactory", "LanceDbWriterFactory"],
    "shardyfusion.vector.adapters.lancedb_adapter": ["LanceDbFactory", "LanceDbWriterFactory"],
    "shardyfusion.reader": ["ShardDetail", "SnapshotInfo", "UnifiedShardedReader"],
    "shardyfusion.routing": ["hash_db_id", "hash_digest", "xxh3_db_id", "xxh3_digest"],
    "shardyfusion.ops": ["VerifyReport", "verify"],
    "shardyfusion.errors": ["BridgeTimeoutError", "VectorIndexError", "VectorSearchError"],
    "shardyfusion.config": ["VectorSpecSharding", "WriterStorageConfig"],
    "shardyfusion.manifest": ["BuildResult", "RequiredShardMeta", "WriterInfo"],
    "shardyfusion.sharding_types": ["KeyEncoding", "ShardHashAlgorithm", "ShardingStrategy"],
    "shardyfusion.type_defs": ["KeyInput", "RetryConfig", "S3ConnectionOptions"],
}


@pytest.mark.parametrize("name", shardyfusion.__all__)
def test_top_level(name):
    value = getattr(shardyfusion, name)
    assert getattr(value, "__name__", name) == name or name in ("LanceDbFactory", "UnifiedVectorWriteConfig")
    assert name in dir(shardyfusion)


@pytest.mark.parametrize("module", HOMES)
def test_home(module):
    found = importlib.import_module(module)
    for name in HOMES[module]:
        assert hasattr(found, name)
    assert set(found.__all__) <= set(dir(found))


def test_all_agrees_with_homes():
    from_homes = {name for names in shardyfusion._HOMES.values() for name in names}
    assert from_homes == set(shardyfusion.__all__)
    assert shardyfusion.__all__ == sorted(shardyfusion.__all__)


def test_unknown_name():
    with pytest.raises(AttributeError, match="NoSuchName"):
        shardyfusion.NoSuchName


def test_version():
    from importlib.metadata import version

    assert shardyfusion.__version__ == version("shardyfusion")


def test_import_is_light(run_python):
    code, out, err = run_python(
        "import sys, shardyfusion\n"
        "print(*sorted(m for m in sys.modules if m.startswith('shardyfusion')))\n"
        "import shardyfusion.reader, shardyfusion.writer.python, shardyfusion.writer.arrow\n"
        "heavy = {'numpy', 'pyarrow', 'polars', 'duckdb', 'pandas', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert (code, err) == (0, "")
    assert out.splitlines() == ["shardyfusion", "[]"]


def test_star_import(run_python):
    code, out, err = run_python("from shardyfusion import *; print(write_arrow.__name__)")
    assert (code, out, err) == (0, "write_arrow\n", "")
