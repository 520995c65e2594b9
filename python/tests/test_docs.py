"""The examples of docs/python.md run, in order, in one interpreter."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.mark.skipif(not PAGE.exists(), reason="docs/python.md is not here")
def test_examples(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(compile(block.replace("/tmp/", f"{tmp_path}/"), str(PAGE), "exec"), names)
    out = capsys.readouterr().out
    assert "1000 rows in 16 shards" in out
    assert "b'value of 7'" in out
    assert "item-7 0.0 {'n': 7}" in out
