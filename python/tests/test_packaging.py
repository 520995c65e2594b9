"""What was installed: one module of the stable ABI, typed, without dependencies."""

import ast
import subprocess
import sys
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

import shardyfusion
from shardyfusion import _core

PACKAGE = Path(shardyfusion.__file__).parent


def test_one_abi3_module():
    assert Path(_core.__file__).name == "_core.abi3.so"
    assert [p.name for p in PACKAGE.rglob("*.so")] == ["_core.abi3.so"]


def test_only_the_init_function_is_exported():
    try:
        done = subprocess.run(
            ["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("nm is not installed")
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    assert [n for n in names if n not in ("_init", "_fini")] == ["PyInit__core"]


def test_typed():
    assert (PACKAGE / "py.typed").exists()
    stub = ast.parse((PACKAGE / "_core.pyi").read_text())
    stubbed = {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    public = {name for name in dir(_core) if not name.startswith("_")}
    assert public <= stubbed
    assert {n for n in stubbed - public if not n.endswith("Dict")} == set()


def test_metadata():
    about = metadata("shardyfusion")
    assert about["Requires-Python"] == ">=3.11"
    extras = about.get_all("Provides-Extra")
    assert {"unified-vector", "writer-python", "vector-lancedb", "arrow", "cli", "all"} <= set(extras)
    assert all("extra ==" in line for line in requires("shardyfusion"))


def test_module_can_be_loaded_twice():
    """Multi-phase initialisation: a second copy has its own state."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("shardyfusion._core", _core.__file__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    assert copy is not _core
    assert copy.Reader is not _core.Reader
    with pytest.raises(shardyfusion.ConfigValidationError):
        copy.hash_digest(None)


def test_types_are_closed():
    with pytest.raises(TypeError):
        _core.Scan()
    with pytest.raises(TypeError):
        type("Mine", (_core.Reader,), {})
    with pytest.raises(TypeError):
        _core.Reader.get = None


def test_simd_level():
    assert _core.simd_level() in ("avx512", "avx2", "neon", "portable")
    assert sys.version_info >= (3, 11)
