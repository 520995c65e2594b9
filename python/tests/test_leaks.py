"""Nothing is kept that should be gone: blocks of the interpreter, references, memory, files."""

import gc
import os
import sys

import numpy as np
import pytest

from shardyfusion import ConfigValidationError, UnifiedShardedReader, _core

from conftest import DIM, vector


def blocks_kept(work, times=300):
    """Blocks of the interpreter that `times` rounds keep, after a few to warm up."""
    for _ in range(20):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


def check(work, times=300):
    # Caches of the interpreter move by some tens; a leak of one object per round is `times`.
    kept = min(blocks_kept(work, times) for _ in range(3))
    assert kept < times / 2


def attempt(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (ConfigValidationError, TypeError):
        pass


def test_lookups(reader):
    keys = [f"item-{i}".encode() for i in range(50)]

    def work():
        for key in keys[:5]:
            reader.get(key)
        reader.get(bytearray(b"item-1"))
        reader.get("missing")
        reader.route_key(b"item-1")
        reader.multi_get(keys)
        attempt(reader.multi_get, [b"item-1", None])
        attempt(reader.multi_get, [b"item-1", bytearray(b"item-2")])
        attempt(reader.get, 5)
        attempt(reader.get, "\ud800")
        attempt(reader.get, 2**70)

    check(work)


def test_searches(reader):
    query = np.array(vector(1), np.float64)

    def work():
        reader.search(query, top_k=5, with_vectors=True)
        reader.search(list(query), top_k=5, shard_ids=[1, 2])
        reader.vector("item-5")
        reader.vector(5)
        attempt(reader.search, query[:3])
        attempt(reader.search, ["x"])
        attempt(reader.search, query, shard_ids=[99])
        attempt(reader.search, query, shard_ids=["x"])
        attempt(reader.search, query.astype(complex))

    check(work)


def test_scans(reader):
    def work():
        list(reader.scan(prefix=b"item-1"))
        next(reader.scan(start="item-2", end=b"item-3"))
        attempt(reader.scan, prefix=b"a", start=b"b")
        attempt(reader.scan, start=1.5)

    check(work)


def test_readers(snapshot):
    def work():
        with UnifiedShardedReader(s3_prefix=snapshot[0]) as reader:
            reader.get(b"item-1")
            reader.shard_details()
            reader.snapshot_info()
        _core.Reader(snapshot[0]).info()
        attempt(_core.Reader, snapshot[0], threads=-1)
        attempt(_core.Reader, "s3://b/p")

    check(work)


def test_rows():
    values = np.array(vector(1), np.float32)

    def work():
        with _core.Writer("memory://leaks", num_dbs=2, vector=(DIM, "l2", "flat", None, {"M": 5}),
                          progress=print) as writer:
            writer.add("k", "v", values, 5, {"a": 1})
            writer.add("k", bytearray(b"v"), list(values), "id", None)
            records = [("a", b"x"), ("b", b"y")]
            writer.add_records(records, lambda r: r[0], lambda r: r[1],
                               lambda r: [17, values[::-1], {"n": r[0]}])
            attempt(writer.add, "k", None, values)
            attempt(writer.add, 5, b"v", values)
            attempt(writer.add, "k", b"v", values[:3])
            attempt(writer.add, "k", b"v", values, 1.5)
            attempt(writer.add, "k", b"v", values, "id", {"x": {1, 2}, (1,): 2})
            attempt(writer.add_records, [1], str, str, str)
            attempt(writer.add_records, records, lambda r: r[0], lambda r: None, lambda r: None)
            attempt(writer.add_records, 5, str, str)
        attempt(_core.Writer, "memory://leaks", num_dbs=0)
        attempt(_core.Writer, "memory://leaks", num_dbs=1, vector=(1, "x", "y", None, None))
        attempt(_core.Writer, "memory://leaks", num_dbs=1, vector=(1, "l2", "flat", None, {"M": "x"}))
        attempt(_core.Writer, "memory://leaks", nothing=1)

    check(work)


def test_arrow():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table({"k": ["a", "b"], "v": [b"x", b"y"]})

    def work():
        with _core.Writer("memory://leaks", num_dbs=2) as writer:
            writer.add_arrow(table, key="k", value="v")
            writer.add_arrow(table.to_batches()[0], key="k", value="v", payload_fields=[])
            attempt(writer.add_arrow, 5, key="k", value="v")
            attempt(writer.add_arrow, table, key="k", value="missing")

    check(work)


def test_references(reader):
    key, query, shards = b"item-1" + b"", np.array(vector(1)), [1, 2]
    strange = object()
    counted = (key, query, shards, strange)
    before = [sys.getrefcount(o) for o in counted]
    for _ in range(100):
        reader.get(key)
        reader.multi_get([key, key])
        reader.search(query, shard_ids=shards)
        attempt(reader.get, strange)
        attempt(reader.search, strange)
    assert [sys.getrefcount(o) for o in counted] == before


def test_progress_is_collected():
    """A writer that its own progress function holds is garbage like any other."""
    import weakref

    class Progress:
        def __call__(self, *_):
            pass

    progress = Progress()
    progress.writer = _core.Writer("memory://leaks", num_dbs=1, progress=progress)
    gone = weakref.ref(progress)
    del progress
    gc.collect()
    assert gone() is None


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc")
def test_memory_and_files(snapshot, tmp_path):
    """Builds and readings again and again: the process does not grow, no file stays open."""

    def work(i):
        with _core.Writer(f"{tmp_path}/{i % 3}", num_dbs=3,
                          vector=(DIM, "cosine", "hnsw", None, None)) as writer:
            for n in range(300):
                writer.add(n, b"x" * 1000, vector(n % 10), n, {"n": n})
            writer.finish()
        with _core.Reader(f"{tmp_path}/{i % 3}", threads=2) as reader:
            assert len(reader.multi_get(range(300))) == 300
            reader.search(vector(5), 10, with_vectors=True)
            assert sum(1 for _ in reader.scan()) == 300

    for i in range(10):
        work(i)
    files, memory = len(os.listdir("/proc/self/fd")), resident()
    for i in range(60):
        work(i)
    assert len(os.listdir("/proc/self/fd")) == files
    assert resident() - memory < 16 << 20  # every round moves about a megabyte
