"""test_engine_golden.py: the golden files, to which the C tests compare every byte, are good for the engines.

Without this the library and its golden files could be wrong together.
"""
import hashlib
import importlib.util
import shutil
import uuid

import pytest

pytest.importorskip("slatedb", reason="the official slatedb package is not installed")
pytest.importorskip("lance", reason="the official pylance package is not installed")
pytest.importorskip("lancedb", reason="the official lancedb package is not installed")

from engine_lance import ENGINES, open_table, uses_index  # noqa: E402
from engine_slatedb import judge  # noqa: E402
from foreign_snapshot import Shard  # noqa: E402
from real_rows import ROOT  # noqa: E402

GOLDEN = ROOT / "tests" / "golden"
NAMES = ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW", "01ARZ3NDEKTSV4RRFFQ69G5FAX")
CHECKPOINT = uuid.UUID("11112222-3333-4444-8555-666677778888").hex
THREE = {b"apple": b"red", b"apricot": b"", b"banana": b"yellow"}


def lay_out(root, ssts, manifest):
    for name, data in zip(NAMES, ssts):
        (root / "compacted").mkdir(parents=True, exist_ok=True)
        (root / "compacted" / f"{name}.sst").write_bytes(data)
    (root / "manifest").mkdir(parents=True)
    (root / "manifest" / "00000000000000000001.manifest").write_bytes(manifest)


@pytest.mark.parametrize("rows, manifest, checkpoint", [
    (THREE, "three", None), (THREE, "three-checkpoint", None), (THREE, "three-checkpoint", CHECKPOINT),
    ({}, "empty", None), ({}, "empty-checkpoint", None), ({}, "empty-checkpoint", CHECKPOINT)])
def test_slatedb(tmp_path, rows, manifest, checkpoint):
    folder = GOLDEN / "slatedb"
    ssts = [(folder / "three.sst").read_bytes()] if rows else []
    lay_out(tmp_path, ssts, (folder / f"{manifest}.manifest").read_bytes())
    judge(tmp_path, rows, checkpoint_id=checkpoint)


def test_slatedb_thousand_rows(tmp_path):
    """The files of which only digests are kept, made again by their generator."""
    path = GOLDEN / "slatedb" / "generate.py"
    spec = importlib.util.spec_from_file_location("golden_slatedb", path)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    rows = {b"key%06d" % (7 * i): b"" if i % 11 == 0 else b"value-%d-" % i + b"x" * (i % 50)
            for i in range(1000)}
    ssts, manifest = generate.database(list(rows.items()), 1024, 16384, checkpoint=generate.CHECKPOINT)
    kept = (path.parent / "thousand.txt").read_text().split()[2::3]
    assert [hashlib.sha256(data).hexdigest() for data in [*ssts, manifest]] == kept
    lay_out(tmp_path, ssts, manifest)
    judge(tmp_path, rows)
    judge(tmp_path, rows, checkpoint_id=CHECKPOINT)


@pytest.mark.parametrize("engine", ENGINES)
def test_lance(tmp_path, engine):
    shutil.copytree(GOLDEN / "lance" / "flat.lance", tmp_path / "vector" / "vector_index.lance")
    shard = Shard({"db_id": 0, "db_url": tmp_path.as_uri(), "row_count": 3, "checkpoint_id": None})
    opened = open_table(engine, shard)
    assert opened.rows().to_pylist() == [
        {"id": "a", "vector": [3, 0, 0, 0], "payload": None},
        {"id": "bb", "vector": [0, 1.5, 0, 0], "payload": ""},
        {"id": "ccc", "vector": [0, 0, -0.75, 6], "payload": "é!"}]
    ((columns, kind, metric, partitions, indexed),) = opened.index()
    assert (columns, kind, metric, indexed) == (["vector"], "IVF_FLAT", "l2", 3)
    query = [0, 0, 0, 1]
    assert uses_index(opened.plan(query))
    assert opened.search(query, 3) == [("bb", 3.25), ("a", 10.0), ("ccc", 25.5625)]
