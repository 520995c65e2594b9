"""Rows, snapshots and a way to run a program, for all tests."""

import random
import struct
import subprocess
import sys
from array import array

import pytest

from shardyfusion import (
    CompositeFactory,
    HashShardedWriteConfig,
    LanceDbFactory,
    PythonRecordInput,
    SlateDbFactory,
    UnifiedShardedReader,
    VectorSpec,
)
from shardyfusion.writer.python import write_hash_sharded

DIM = 8


def vector(seed, dim=DIM):
    """A vector that only depends on its seed; its numbers are exact in half precision."""
    rng = random.Random(seed)
    return array("f", (rng.randint(-1000, 1000) / 512 or 1 for _ in range(dim)))


def half_bytes(values):
    return struct.pack(f"{len(values)}e", *values)


def rows(n, dim=DIM):
    return [
        {
            "id": f"item-{i}",
            "payload": b"value of %d" % i,
            "embedding": vector(i, dim),
            "meta": {"n": i, "title": f"Überschrift {i}"},
        }
        for i in range(n)
    ]


def config_for(prefix, *, num_dbs=4, dim=DIM, metric="cosine", vectors=True, **more):
    spec = VectorSpec(dim=dim, metric=metric) if vectors else None
    factory = SlateDbFactory()
    if spec is not None:
        factory = CompositeFactory(
            kv_factory=factory, vector_factory=LanceDbFactory(), vector_spec=spec
        )
    return HashShardedWriteConfig(
        num_dbs=num_dbs, s3_prefix=prefix, adapter_factory=factory, vector_spec=spec, **more
    )


def input_for(vectors=True):
    return PythonRecordInput(
        key_fn=lambda r: r["id"].encode(),
        value_fn=lambda r: r["payload"],
        vector_fn=(lambda r: (r["id"], r["embedding"], r["meta"])) if vectors else None,
    )


@pytest.fixture
def prefix(tmp_path):
    """A place for a snapshot; a space and a letter beyond ASCII must not matter."""
    return str(tmp_path / "schnapp schüsse" / "items")


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory):
    """(prefix, rows, result) of a snapshot that tests only read."""
    where = str(tmp_path_factory.mktemp("snapshot") / "items")
    data = rows(500)
    result = write_hash_sharded(data, config_for(where), input_for())
    return where, data, result


@pytest.fixture
def reader(snapshot):
    with UnifiedShardedReader(s3_prefix=snapshot[0]) as reader:
        yield reader


@pytest.fixture
def run_python():
    """Run a program in a fresh interpreter; (exit code, stdout, stderr)."""

    def run(source, *args, timeout=120):
        done = subprocess.run(
            [sys.executable, "-c", source, *map(str, args)],
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def is_published(prefix):
    """Whether the prefix has a _CURRENT or any shard, and what is there."""
    from pathlib import Path

    root = Path(prefix)
    files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    return files
