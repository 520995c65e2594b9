"""Threads, forks and the end of the interpreter."""

import os
import threading

import pytest

from shardyfusion import ReaderStateError, UnifiedShardedReader, _core

from conftest import vector


def run_threads(work, n=8):
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_readers(snapshot):
    prefix, data, _ = snapshot
    with UnifiedShardedReader(s3_prefix=prefix, max_workers=2) as reader:
        expected = [r.id for r in reader.search(vector(3))]

        def work(i):
            for record in data[i::8]:
                assert reader.get(record["id"]) == record["payload"]
            keys = [r["id"] for r in data[i::4]]
            assert None not in reader.multi_get(keys).values()
            assert len(list(reader.scan())) == len(data)
            for _ in range(20):
                assert [r.id for r in reader.search(vector(3))] == expected

        run_threads(work)


def test_first_use_from_many_threads(snapshot):
    prefix, data, _ = snapshot
    for _ in range(20):
        with UnifiedShardedReader(s3_prefix=prefix) as reader:
            barrier = threading.Barrier(4)

            def work(i):
                barrier.wait()
                assert reader.get(data[i]["id"]) == data[i]["payload"]
                assert len(reader.search(vector(i))) == 10

            run_threads(work, 4)


def test_close_while_in_use(snapshot):
    prefix, data, _ = snapshot
    for _ in range(20):
        reader = UnifiedShardedReader(s3_prefix=prefix)
        begun = threading.Barrier(5)

        def work(_):
            begun.wait()
            try:
                while True:
                    assert reader.get(data[7]["id"]) == data[7]["payload"]
                    assert len(reader.search(vector(1), top_k=3)) == 3
                    assert len(reader.multi_get([r["id"] for r in data])) == len(data)
            except ReaderStateError as error:
                assert "closed" in str(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        reader.close()
        for thread in threads:
            thread.join()
        with pytest.raises(ReaderStateError):
            reader.get(b"k")


def test_one_scan_in_two_threads(reader):
    """Each row goes to one of them, or the call is refused; never both, never a crash."""
    scan = reader.scan()
    seen = []

    def work(_):
        while True:
            try:
                seen.append(next(scan))
            except StopIteration:
                return
            except ReaderStateError:
                continue

    run_threads(work, 4)
    assert len(seen) == len(set(seen)) == 500


def test_writer_in_two_threads(prefix):
    with _core.Writer(prefix, num_dbs=2) as writer:
        refused = threading.Event()

        def records():
            yield 1
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            yield 2

        def use():
            try:
                writer.add(3, b"")
            except ReaderStateError:
                refused.set()

        writer.add_records(records(), int, str)
        assert refused.is_set()
        assert writer.finish()["rows_written"] == 2


def test_builds_at_the_same_time(tmp_path):
    def work(i):
        prefix = str(tmp_path / str(i))
        with _core.Writer(prefix, num_dbs=3, vector=(8, "l2", "flat", None, None)) as writer:
            for n in range(200):
                writer.add(n, b"%d" % i, vector(n))
            writer.finish()
        with UnifiedShardedReader(s3_prefix=prefix) as reader:
            assert reader.get(77) == b"%d" % i

    run_threads(work, 4)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@needs_fork
def test_fork(snapshot, run_python):
    code, out, err = run_python(
        """
import os, sys
from shardyfusion import ReaderStateError, UnifiedShardedReader
reader = UnifiedShardedReader(s3_prefix=sys.argv[1], max_workers=2)
reader.get(b"item-1"), reader.search([1.0] * 8)
scan = reader.scan()
next(scan)
def inherited(call):
    try:
        call()
    except ReaderStateError as error:
        assert error.status == "FORKED" and "fork" in str(error), error
    else:
        raise AssertionError("an inherited reader answered")
pid = os.fork()
if pid == 0:
    inherited(lambda: reader.get(b"item-1"))
    inherited(lambda: reader.multi_get([b"item-1"]))
    inherited(lambda: reader.search([1.0] * 8))
    inherited(lambda: reader.scan())
    inherited(lambda: reader.shard_details())
    inherited(lambda: reader.route_key(b"item-1"))
    inherited(lambda: next(scan))
    assert reader.snapshot_info().row_count == 500
    with UnifiedShardedReader(s3_prefix=sys.argv[1]) as own:
        assert own.get(b"item-1") == b"value of 1"
        assert len(own.search([1.0] * 8)) == 10
    reader.close()
    print("child done", flush=True)
    sys.exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0, status
assert reader.get(b"item-1") == b"value of 1"
assert len(list(scan)) == 499
print("parent done")
""",
        snapshot[0],
    )
    assert (code, out.split("\n"), err) == (0, ["child done", "parent done", ""], "")


@needs_fork
def test_fork_with_an_open_writer(prefix, run_python):
    code, out, err = run_python(
        """
import os, sys
from shardyfusion import ReaderStateError, UnifiedShardedReader, _core
writer = _core.Writer(sys.argv[1], num_dbs=2)
writer.add(1, b"one")
pid = os.fork()
if pid == 0:
    for call in (lambda: writer.add(2, b"two"), writer.finish):
        try:
            call()
        except ReaderStateError as error:
            assert error.status == "FORKED", error
        else:
            raise AssertionError("an inherited writer answered")
    writer.close()
    sys.exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0, status
writer.add(3, b"three")
writer.finish()
with UnifiedShardedReader(s3_prefix=sys.argv[1]) as reader:
    print(reader.multi_get([1, 2, 3]))
""",
        prefix,
    )
    assert (code, out, err) == (0, "{1: b'one', 2: None, 3: b'three'}\n", "")


def test_exit_with_everything_open(snapshot, prefix, run_python):
    code, out, err = run_python(
        """
import sys
from shardyfusion import UnifiedShardedReader, _core
reader = UnifiedShardedReader(s3_prefix=sys.argv[1])
reader.get(b"item-1"), reader.search([1.0] * 8)
scan = reader.scan()
next(scan)
writer = _core.Writer(sys.argv[2], num_dbs=2, progress=print)
writer.add(1, b"one")
loop = [writer, reader, scan]
loop.append(loop)
print("bye")
""",
        snapshot[0],
        prefix,
    )
    assert (code, out, err) == (0, "bye\n", "")


def test_exit_while_a_thread_searches(snapshot, run_python):
    code, out, err = run_python(
        """
import sys, threading
from shardyfusion import UnifiedShardedReader
reader = UnifiedShardedReader(s3_prefix=sys.argv[1])
begun = threading.Event()
def forever():
    while True:
        reader.search([1.0] * 8)
        reader.multi_get([b"item-1", b"item-2"])
        begun.set()
threading.Thread(target=forever, daemon=True).start()
begun.wait()
print("bye")
""",
        snapshot[0],
    )
    assert (code, out, err) == (0, "bye\n", "")
