"""python -m shardyfusion build"""

import json
import subprocess
import sys

import pytest

from shardyfusion import UnifiedShardedReader

from conftest import is_published, vector

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet")

N, DIM = 300, 8


def run(*args, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "shardyfusion", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        env=env,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def parquet(tmp_path):
    rows = range(N)
    table = pa.table(
        {
            "id": [f"p{i}" for i in rows],
            "value": [b"v%d" % i for i in rows],
            "fixed": pa.array([list(vector(i)) for i in rows], pa.list_(pa.float32(), DIM)),
            "lists": pa.array([list(vector(i)) for i in rows], pa.list_(pa.float64())),
            "section": [f"s{i % 3}" for i in rows],
            "n": list(rows),
            "json": [json.dumps({"n": i}) for i in rows],
        }
    )
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, row_group_size=64)
    return path


COLUMNS = ("--num-dbs", 4, "--key-col", "id", "--value-col", "value")


@pytest.mark.parametrize("column", ["fixed", "lists"])
def test_build(parquet, prefix, column):
    code, out, err = run("build", parquet, prefix, *COLUMNS, "--vector-col", column,
                         "--payload-cols", "section,n", "--batch-rows", 50)
    assert code == 0, err
    summary = json.loads(out)
    assert summary["op"] == "build" and summary["rows_written"] == summary["vectors"] == N
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.snapshot_info().run_id == summary["run_id"]
        assert reader.snapshot_info().key_col == "id"
        assert reader.get("p7") == b"v7"
        hit = reader.search(vector(7), top_k=1).results[0]
        assert (hit.id, hit.payload) == ("p7", {"section": "s1", "n": 7})
        assert reader.vector_meta.dim == DIM


def test_options(parquet, prefix):
    code, out, err = run(
        "build", parquet, parquet, prefix, *COLUMNS, "--vector-col", "fixed", "--dim", DIM,
        "--metric", "l2", "--index-type", "flat", "--id-col", "n", "--payload-col", "json",
        "--compression", "zstd", "--run-id", "mine", "--threads", 1, "--memory-limit", 64 << 20,
        "--key-encoding", "raw", "--index-param", "num_partitions=1",
    )
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["run_id"], summary["duplicate_rows"]) == ("mine", N)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.key_encoding == "raw"
        assert reader.vector_meta.metric == "l2"
        hit = reader.search(vector(9), top_k=1).results[0]
        assert (hit.id, hit.payload, hit.score) == ("9", {"n": 9}, 0.0)


def test_without_vectors(parquet, prefix):
    code, _, err = run("build", parquet, prefix, *COLUMNS)
    assert (code, err) == (0, "")
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get("p299") == b"v299"


@pytest.mark.parametrize(
    "change, words",
    [
        (("--key-col", "nope"), "no column 'nope'; there are id, value"),
        (("--value-col", "fixed"), '"fixed"'),
        (("--vector-col", "n"), "the first row has no vector|dim"),
        (("--vector-col", "fixed", "--dim", "5"), "5"),
        (("--vector-col", "fixed", "--metric", "cos"), "cosine, l2, dot_product"),
        (("--vector-col", "fixed", "--index-param", "Z=1"), "Z"),
        (("--num-dbs", "0"), "num_dbs must be > 0"),
        (("--batch-rows", "0"), "--batch-rows"),
        (("--compression", "lz4"), "lz4"),
    ],
)
def test_failures(parquet, prefix, change, words):
    code, out, err = run("build", parquet, prefix, *COLUMNS, *change)
    assert (code, out) == (1, "")
    assert any(word in err for word in words.split("|")), err
    assert len(err.splitlines()) == 1
    assert is_published(prefix) == []


def test_files_that_are_none(parquet, prefix, tmp_path):
    text = tmp_path / "text.parquet"
    text.write_text("not Parquet")
    for bad in (tmp_path / "missing.parquet", text):
        code, out, err = run("build", parquet, bad, prefix, *COLUMNS)
        assert (code, out) == (1, "") and len(err.splitlines()) == 1
        assert is_published(prefix) == []


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("nothing",),
        ("build",),
        ("build", "x.parquet", "p", "--num-dbs", "2", "--key-col", "k"),
        ("build", "x.parquet", "p", *map(str, COLUMNS), "--payload-col", "a", "--payload-cols", "b"),
        ("build", "x.parquet", "p", *map(str, COLUMNS), "--index-param", "M"),
    ],
)
def test_usage(args):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "usage: python -m shardyfusion" in err


def test_help_and_version():
    from shardyfusion import __version__

    assert run("--version") == (0, f"shardyfusion {__version__}\n", "")
    code, out, _ = run("build", "--help")
    assert code == 0 and "--value-col" in out


def test_missing_pyarrow(parquet, prefix, run_python):
    code, out, err = run_python(
        "import sys\n"
        "sys.modules['pyarrow'] = sys.modules['pyarrow.parquet'] = None\n"
        "from shardyfusion.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))",
        "build", parquet, prefix, *COLUMNS,
    )
    assert (code, out) == (1, "")
    assert "pyarrow, which is not installed" in err and "shardyfusion[cli]" in err
