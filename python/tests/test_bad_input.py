"""Bad rows and bad places: one clear error each, and nothing is published."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from shardyfusion import (
    ConfigValidationError,
    HashShardedWriteConfig,
    PythonRecordInput,
    ReaderStateError,
    ShardyfusionError,
    UnifiedShardedReader,
    VectorSpec,
)
from shardyfusion.writer.python import write_hash_sharded

from conftest import is_published, vector


def write(prefix, records, dim=8, metric="cosine", **more):
    spec = VectorSpec(dim, metric=metric) if dim else None
    config = HashShardedWriteConfig(num_dbs=4, s3_prefix=prefix, vector_spec=spec, **more)
    source = PythonRecordInput(
        lambda r: r[0], lambda r: r[1], vector_fn=(lambda r: r[2]) if dim else None
    )
    return write_hash_sharded(records, config, source)


def refused(prefix, records, *matches, kind=ConfigValidationError, **more):
    with pytest.raises(kind) as caught:
        write(prefix, records, **more)
    for match in matches:
        assert re.search(match, str(caught.value)), str(caught.value)
    assert is_published(prefix) == []
    return caught.value


def row(key, vec=None, value=b"v", payload=None):
    return (key, value, (str(key), vector(1) if vec is None else vec, payload))


def test_wrong_dim_in_row_17000(prefix):
    records = (row(f"k{i}", vector(1, 7) if i == 17_000 else None) for i in range(20_000))
    error = refused(prefix, records, "k17000", "7", "8")
    assert error.status == "CONFIG" and not error.retryable


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e39])
@pytest.mark.parametrize("form", [list, np.float64, np.float32])
def test_not_finite(prefix, bad, form):
    values = [1.0] * 8
    values[5] = bad
    with np.errstate(over="ignore"):
        values = values if form is list else np.array(values, form)
    refused(prefix, [row("good"), row("bad-key", values)], "bad-key", "5|nan|inf")


def test_zero_vector(prefix):
    refused(prefix, [row("zero-key", [0.0] * 8)], "zero-key", "zero", "cosine")
    write(prefix, [row("zero-key", [0.0] * 8)], metric="l2")


@pytest.mark.parametrize(
    "first, second, words",
    [
        ("str", 5, ("int", "str")),
        (5, "str-key", ("str-key", "int")),
        (b"b", "str-key", ("str-key", "bytes")),
        ("s", b"bytes-key", ("bytes-key", "str")),
    ],
)
def test_mixed_keys(prefix, first, second, words):
    refused(prefix, [row(first), row(second)], *words)


@pytest.mark.parametrize(
    "key, match",
    [
        (None, "NoneType"),
        (1.5, "float"),
        ((1, 2), "tuple"),
        (np.array([1, 2]), "ndarray|only"),
        (2**63, "out of range"),
        (-(2**63) - 1, "out of range"),
        (-1, "-1"),
        ("", "empty"),
        (b"", "empty"),
        ("x" * 65_536, "65535|65536"),
        ("lone \ud800", "surrogates"),
    ],
)
def test_bad_key(prefix, key, match):
    kind = (ConfigValidationError, TypeError)
    with pytest.raises(kind, match=match):
        write(prefix, [(key, b"v")], dim=None)
    assert is_published(prefix) == []


def test_bad_key_of_a_record(prefix):
    """A key that cannot be shown by itself is found by the number of its record."""
    for bad, words in ((None, "key None"), (1.5, "key 1.5"), ("\ud800", "surrogates")):
        with pytest.raises(ConfigValidationError, match=f"^record 3: .*{words}"):
            write(prefix, [("a", b"v"), ("b", b"v"), (bad, b"v")], dim=None)
    assert is_published(prefix) == []


def test_refusals_show_no_secrets(prefix):
    with pytest.raises(ConfigValidationError) as caught:
        HashShardedWriteConfig(
            num_dbs=1, s3_prefix=prefix, s3_connection_options={"token": "hush"}
        )
    assert "s3_connection_options is not supported" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "value, match",
    [
        (None, "NoneType"),
        (5, "int"),
        (["x"], "list"),
        ({"a": 1}, "dict"),
        ("lone \ud800", "surrogates"),
        (memoryview(b"abcdef")[::2], "contiguous"),
        (np.zeros((4, 4))[:, 1], "contiguous"),
    ],
)
def test_bad_value(prefix, value, match):
    refused(prefix, [("the-key", value)], "the-key", match, dim=None)


@pytest.mark.parametrize(
    "vec, match",
    [
        (None, "vector"),
        (5, "int"),
        ("12345678", "str"),
        (b"12345678", "bytes"),
        (bytearray(32), "bytearray"),
        (memoryview(bytes(32)), "memoryview"),
        ({1.0: 1}, "dict"),
        ([], "0"),
        ([1.0] * 9, "9"),
        ([1.0] * 7 + ["x"], r"vector\[7\] is 'x'"),
        ([1.0] * 7 + [None], r"vector\[7\] is None"),
        ([[1.0] * 8], r"vector\[0\]"),
        (np.ones((1, 8), np.float32), "2 dimensions"),
        (np.float32(5), "0 dimensions"),
        (np.ones(8, np.complex64), "complex"),
        (np.array(["a"] * 8), "not a number"),
        ([10**400] * 8, "not a number"),
    ],
)
def test_bad_vector(prefix, vec, match):
    refused(prefix, [("the-key", b"v", ("id", vec, None))], "the-key", match)


@pytest.mark.parametrize(
    "answer", [None, (1, 2), (1, 2, 3, 4), "abc", 5, {"id": 1}, (x for x in (1, 2, 3))]
)
def test_bad_answer_of_vector_fn(prefix, answer):
    refused(prefix, [("the-key", b"v", answer)], "the-key", r"\(id, vector, payload\)")


@pytest.mark.parametrize("bad", [1.5, b"x", (1,), "lone \ud800"])
def test_bad_vector_id(prefix, bad):
    refused(prefix, [("the-key", b"v", (bad, vector(1), None))], "the-key", "vector id")


def test_bad_payload(prefix):
    loop = {}
    loop["self"] = loop
    for bad in ([1], 5, b"{}", {(1, 2): 3}, loop, "lone \ud800", {"k": "\ud800"}):
        refused(prefix, [("the-key", b"v", ("id", vector(1), bad))], "the-key", "payload")


def test_long_and_odd_rows(prefix):
    huge = os.urandom(1 << 20) * 50
    records = [
        (b"k", b""),
        (b"\xff\xfe\xfd", b"not UTF-8"),
        (b"K" * 60_000, b"long key"),
        (b"L" * 65_535, b"longest key"),
        (b"huge", huge),
    ]
    write(prefix, records, dim=None)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        for key, value in records:
            assert reader.get(key) == value
        assert dict(reader.scan()) == dict(records)
        assert reader.get(b"K" * 59_999) is None
        assert reader.shard_details()


def test_bytes_keys_that_are_not_utf8(prefix):
    records = [(bytes([i, 255 - i]), bytes([i])) for i in range(256)]
    result = write(prefix, records, dim=None)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert dict(reader.scan()) == dict(records)
    assert result.stats.rows_written == 256


def test_prefix_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    with pytest.raises(ShardyfusionError, match="file"):
        write(str(path), [("k", b"v")], dim=None)
    assert path.read_bytes() == b"mine"
    with pytest.raises(ShardyfusionError):
        UnifiedShardedReader(s3_prefix=str(path))


def test_read_only_directory(run_python):
    """In a process of its own that is not root: root may write everywhere."""
    code, out, err = run_python(
        """
import os, tempfile
from shardyfusion import ShardyfusionError, _core
folder = tempfile.mkdtemp()
os.chmod(folder, 0o555)
user = os.geteuid()
if user == 0: os.seteuid(65534)
try:
    _core.Writer(folder + "/x", num_dbs=1)
except ShardyfusionError as error:
    print(type(error).__name__, error)
finally:
    if user == 0: os.seteuid(0)
    os.rmdir(folder)
"""
    )
    assert (code, err) == (0, "")
    assert "ermission denied" in out and "/x" in out


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_directory_that_takes_no_files():
    with pytest.raises(ShardyfusionError, match="/proc/snapshot"):
        write("/proc/snapshot", [("k", b"v")], dim=None)


def test_storage_that_is_full(prefix, run_python):
    code, out, err = run_python(
        "import resource, signal, sys\n"
        "from shardyfusion import _core\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "writer = _core.Writer(sys.argv[1], num_dbs=2)\n"
        "for i in range(20000): writer.add(i, b'x' * 200)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    writer.finish()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error.status, error)\n"
        "writer.close()\n",
        prefix,
    )
    assert code == 0, err
    assert out.startswith("ShardCoverageError COVERAGE"), out
    assert "shard 0" in out or "shard 1" in out
    assert is_published(prefix) == []


def test_nothing_there(tmp_path):
    for prefix in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ReaderStateError, match="_CURRENT"):
            UnifiedShardedReader(s3_prefix=prefix)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("url", ["s3://b/p", "gs://b/p", "http://x/y", "", "file://host/x"])
def test_other_schemes(url):
    with pytest.raises(ShardyfusionError):
        UnifiedShardedReader(s3_prefix=url)
    with pytest.raises(ShardyfusionError):
        write(url, [("k", b"v")], dim=None)


def test_corrupt_pointer_and_manifest(prefix):
    result = write(prefix, [("k", b"v")], dim=None)
    manifest = result.manifest_ref.removeprefix("file://")
    good = Path(manifest).read_bytes()
    for bad in (b"", b"x", good[:100], good[:-1000], b"y" * len(good)):
        with open(manifest, "wb") as file:
            file.write(bad)
        with pytest.raises(ShardyfusionError) as caught:
            UnifiedShardedReader(s3_prefix=prefix)
        assert type(caught.value).__name__ == "ManifestParseError"
    with open(manifest, "wb") as file:
        file.write(good)
    current = os.path.join(prefix, "_CURRENT")
    for bad in (b"", b"{", b"[]", b'{"manifest_ref": 5}', b"\xff" * 50):
        with open(current, "wb") as file:
            file.write(bad)
        with pytest.raises(ShardyfusionError) as caught:
            UnifiedShardedReader(s3_prefix=prefix)
        assert type(caught.value).__name__ == "ManifestParseError"


def test_missing_and_corrupt_shard_objects(prefix):
    records = [(f"k{i}", b"value %d" % i) for i in range(1000)]
    result = write(prefix, records, dim=None)
    shard = result.winners[0]
    ssts = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(shard.db_url.removeprefix("file://"))
        for name in names
        if name.endswith(".sst")
    ]
    assert len(ssts) == 1
    good = Path(ssts[0]).read_bytes()
    key = next(k for k, _ in records if hash_of(k) == shard.db_id)

    def fails():
        with UnifiedShardedReader(s3_prefix=prefix) as reader:
            with pytest.raises(ShardyfusionError) as caught:
                for k, v in records:
                    assert reader.get(k) == v
            with pytest.raises(ShardyfusionError):
                list(reader.scan())
            with pytest.raises(ShardyfusionError):
                reader.multi_get([k for k, _ in records])
        assert caught.value.shard == shard.db_id, str(caught.value)
        return caught.value

    flipped = bytearray(good)
    flipped[100] ^= 1
    for bad in (bytes(flipped), good[:-1], good[:50], b""):
        with open(ssts[0], "wb") as file:
            file.write(bad)
        assert fails().status in ("CORRUPT", "NOT_FOUND")
    os.unlink(ssts[0])
    assert fails().status == "NOT_FOUND"
    assert key


def hash_of(key):
    from shardyfusion.routing import hash_db_id

    return hash_db_id(key, 4)
