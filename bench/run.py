#!/usr/bin/env python3
"""run.py: compare this project with the official packages on the same data, on this machine.

Builds the library, the command and the benchmark programs (build/bench), installs the Python package
beside them, prepares the data in a temporary directory, measures ours and theirs in turn, prints one
table and removes the data. Real data is taken from debian-packages.parquet in SHARDY_DATA_DIR, if it is
there; otherwise the sample in examples/data is used.

    bench/run.py                    everything, some minutes
    bench/run.py --quick            a small part of the data: does it work, roughly
    bench/run.py --only kv,get      some of kv, get, build, search
    bench/run.py --json FILE        also write every measurement
    bench/run.py --keep             leave the data there, for profiling the C programs by hand
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"
sys.path.insert(0, str(HERE))

import report  # noqa: E402
from suites import SUITES, Bench  # noqa: E402


def call(*command):
    done = subprocess.run([str(c) for c in command], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    return done.stdout


def prepare():
    """Build the programs and install the package below build/bench."""
    print("building ...", file=sys.stderr, flush=True)
    call("cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DSHARDY_BUILD_BENCH=ON", "-DSHARDY_BUILD_TESTS=OFF")
    call("cmake", "--build", BUILD, "-j", os.cpu_count() or 2)
    package = BUILD / "python"
    shutil.rmtree(package, ignore_errors=True)
    call(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-build-isolation", "--target", package, ".")
    return package


def measure(args, folder, ram, package):
    bench = Bench(folder, ram, BUILD / "bench", package, args.quick)
    facts = report.machine(folder, call(BUILD / "cli" / "shardy", "--version").strip())
    facts["packages data"] = f"{bench.packages.source}, {bench.packages.n:,} rows"
    for name in args.only:
        print(f"{name} ", end="", file=sys.stderr, flush=True)
        SUITES[name](bench)
        print(file=sys.stderr)
    for name, value in facts.items():
        print(f"{name}: {value}")
    print()
    print(report.table(bench.lines))
    if args.json:
        lines = [{**asdict(line), "ratio": line.ratio} for line in bench.lines]
        args.json.write_text(json.dumps({"machine": facts, "lines": lines, "raw": bench.raw}, indent=1))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less data, fewer repetitions")
    parser.add_argument("--only", default=",".join(SUITES), help="suites, separated by commas")
    parser.add_argument("--json", type=Path, help="write all measurements to this file")
    parser.add_argument("--dir", type=Path, help="where the temporary directory goes (a disk)")
    parser.add_argument("--keep", action="store_true", help="do not remove the data")
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = set(args.only) - set(SUITES)
    if unknown:
        parser.error(f"unknown suites: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    return args


def main():
    args = parse()
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the data goes then, too
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    package = prepare()
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="shardy-bench-", dir=args.dir))
    usable = shm.is_dir() and os.access(shm, os.W_OK)
    ram = Path(tempfile.mkdtemp(prefix="shardy-bench-", dir=shm)) if usable else None
    try:
        measure(args, folder, ram, package)
    finally:
        for path in (folder, ram):
            if path and args.keep:
                print(f"kept {path}", file=sys.stderr)
            elif path:
                shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
