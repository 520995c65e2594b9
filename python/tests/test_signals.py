"""Ctrl-C stops a build wherever it is, and nothing is published."""

import pytest

from conftest import is_published

PROLOGUE = """
import os, signal, sys
from shardyfusion import _core
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins with it ignored
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
def attempt(work):
    try:
        work()
    except KeyboardInterrupt:
        print("interrupted")
    else:
        print("finished")
"""


def interrupted(run_python, prefix, source):
    code, out, err = run_python(PROLOGUE + source, prefix)
    assert (code, err) == (0, "")
    assert out == "interrupted\n"
    assert is_published(prefix) == []


def test_while_records_arrive(run_python, prefix):
    interrupted(
        run_python,
        prefix,
        """
def records():
    for i in range(10_000_000):
        if i == 5000: interrupt()
        yield i
with _core.Writer(sys.argv[1], num_dbs=2) as writer:
    attempt(lambda: (writer.add_records(records(), int, str), writer.finish()))
""",
    )


def test_without_python_functions(run_python, prefix):
    """Nothing but C between the records: the loop itself must look for signals."""
    interrupted(
        run_python,
        prefix,
        """
import itertools, threading
with _core.Writer(sys.argv[1], num_dbs=2) as writer:
    threading.Timer(0.2, interrupt).start()
    attempt(lambda: writer.add_records(itertools.cycle(["k"]), str, str))
""",
    )


def test_while_arrow_data_arrives(run_python, prefix):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    interrupted(
        run_python,
        prefix,
        """
import threading, pyarrow as pa
batch = pa.record_batch({"k": pa.array(range(200_000)), "v": pa.array([b"x"] * 200_000)})
class Endless:
    # One stream, longer than any patience: the batches of the same table again and again.
    def __arrow_c_stream__(self, requested_schema=None):
        table = pa.Table.from_batches([batch] * 100)
        return table.__arrow_c_stream__()
threading.Timer(0.1, interrupt).start()
def work():
    while True:
        writer.add_arrow(Endless(), key="k", value="v")
with _core.Writer(sys.argv[1], num_dbs=2) as writer:
    attempt(work)
""",
    )


def test_during_finish(run_python, prefix):
    """The signal is sent as soon as finish reports. A build that was over, or already publishing, by
    then says nothing about builds that are not: a larger one is made."""
    interrupted(
        run_python,
        prefix,
        """
import logging, shutil
logging.disable()  # a build that was too late to stop says so
def progress(rows, shards, built, written):
    if shards: interrupt()
size, late = 300_000, True
while late:
    prefix = f"{sys.argv[1]}/{size}"
    writer = _core.Writer(prefix, num_dbs=16, threads=1, progress=progress)
    value = b"x" * 200
    writer.add_records(range(size), int, lambda i: value)
    try:
        writer.finish()
    except KeyboardInterrupt:
        late = os.path.exists(prefix + "/_CURRENT")
    writer.close()
    if late: shutil.rmtree(prefix)
    size *= 2
print("interrupted")
""",
    )


def test_handlers_run_during_finish(run_python, prefix):
    """A handler that does not raise lets the build go on."""
    code, out, err = run_python(
        PROLOGUE
        + """
import threading
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
writer = _core.Writer(sys.argv[1], num_dbs=4)
writer.add_records(range(200_000), int, str)
threading.Timer(0.01, interrupt).start()
result = writer.finish()
while not heard: pass
print(result["rows_written"])
""",
        prefix,
    )
    assert (code, out, err) == (0, "200000\n", "")
