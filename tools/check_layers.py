#!/usr/bin/env python3
"""check_layers.py: fail on any #include that goes against the one-way architecture.

The table below is the architecture (docs/architecture.md draws it). A file of a layer may include its
own layer, the layers listed for it, public headers, and headers from outside the project.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LAYERS = {
    "base": [],
    "route": ["base"],
    "store": ["base"],
    "slatedb": ["base"],
    "lance": ["base"],
    "vec": ["base"],
    "snapshot": ["base", "route", "store"],
    "writer": ["base", "route", "store", "slatedb", "lance", "vec", "snapshot"],
    "reader": ["base", "route", "store", "slatedb", "lance", "vec", "snapshot"],
    "ops": ["base", "route", "store", "slatedb", "lance", "snapshot"],
}
# Clients of the library see include/ only. Named exceptions measure a layer from inside.
CLIENTS = ["cli", "python/ext", "examples", "bench"]
INSIDE = {"bench/bench_vec.c": ["vec", "base"]}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def layer_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def included_layer(name):
    first = name.split("/")[0]
    return first if first in LAYERS and "/" in name else None


def check(path):
    """Messages about one file."""
    text = (ROOT / path).read_text()
    layer = layer_of(path)
    client = next((c for c in CLIENTS if path.startswith(c + "/")), None)
    allowed = None
    if layer is not None:
        if layer not in LAYERS:
            return [f"{path}: src/{layer} is not a layer"]
        allowed = {layer, *LAYERS[layer]}
    elif client:
        allowed = set(INSIDE.get(path, []))
    else:
        return []
    bad = []
    for name in INCLUDE.findall(text):
        target = included_layer(name)
        if target and target not in allowed:
            bad.append(f"{path}: {layer or client} must not include {name}")
        if client and ("../src" in name or name.startswith("src/")):
            bad.append(f"{path}: {client} sees include/ only, not {name}")
        if layer and name.startswith("../"):
            bad.append(f"{path}: include {name} by its path below src/")
    return bad


def check_cmake():
    """The CMake layers must link exactly what the table allows them to."""
    text = (ROOT / "CMakeLists.txt").read_text()
    bad = []
    for name, args in re.findall(r"^shardy_layer\((\w+)([^)]*)\)", text, re.M):
        for dep in re.findall(r"shardy_(\w+)", args):
            if dep not in LAYERS.get(name, []):
                bad.append(f"CMakeLists.txt: layer {name} must not link {dep}")
    return bad


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                             "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [f for f in listed.stdout.split() if (ROOT / f).exists()]
    bad = check_cmake()
    names = {}
    for path in files:
        bad += check(path)
        if path.startswith("src/"):
            names.setdefault(Path(path).name, []).append(path)
    bad += [f"file name occurs twice: {', '.join(p)}" for p in names.values()
            if len(p) > 1 and Path(p[0]).suffix == ".c"]
    for line in bad:
        print(line, file=sys.stderr)
    if not bad:
        print(f"layers: {len(files)} C files follow the one-way architecture")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
