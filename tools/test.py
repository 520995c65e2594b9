#!/usr/bin/env python3
"""test.py: run every suite and end with one line, "N passed, N failed, N skipped".

Suites: lint (layers, sizes, format, exported symbols) · c (unit tests and fuzz replay, preset dev) ·
cli · asan and tsan (the C tests again) · python (the package, installed from this tree) · engines (the
official slatedb, lancedb and pylance packages judge what we write) · demo.

  --fast      lint (without format), c and cli: no Python environment needed
  --only A,B  just these suites

With CI=true in the environment a skipped test of the engines suite counts as failed.
"""
import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


class Count:
    """Passed, failed and skipped tests."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(*command, env=None, quiet=True, timeout=3600):
    """(exit code, output) of a command run in the source tree."""
    done = subprocess.run([str(c) for c in command], cwd=ROOT, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout,
                          env={**os.environ, **(env or {})})
    if not quiet or done.returncode:
        print(done.stdout, end="", flush=True)
    return done.returncode, done.stdout


def one(name, ok):
    """A check that counts as one test."""
    print(f"{'ok      ' if ok else 'FAILED  '} {name}", flush=True)
    return Count(1, 0) if ok else Count(0, 1)


def build(preset, jobs):
    """Configure and build a preset; False if that fails."""
    return (run("cmake", "--preset", preset)[0] == 0
            and run("cmake", "--build", BUILD / preset, "-j", jobs)[0] == 0)


def parse_summary(name, code, output):
    """Count of a runner that ends with the summary line; a crash is a failure."""
    found = SUMMARY.findall(output)
    if not found:
        print(output, end="")
        print(f"FAILED   {name}: no summary (exit code {code})", flush=True)
        return Count(0, 1)
    count = Count(*map(int, found[-1]))
    if count.failed or code:
        count.failed = max(count.failed, 1)
    reasons = [line for line in output.splitlines() if line.strip().startswith("skipped:")]
    print(f"{name}: {count}", *reasons, sep="\n", flush=True)
    return count


def c_tests(preset, jobs, prefixes=("test_", "fuzz_")):
    """Every test executable of a preset whose name begins with one of the prefixes."""
    count = Count()
    if not build(preset, jobs):
        return one(f"build of preset {preset}", False)
    programs = sorted(p for p in (BUILD / preset / "tests").iterdir()
                      if p.name.startswith(prefixes) and os.access(p, os.X_OK)
                      and p.is_file())
    with ThreadPoolExecutor(int(jobs)) as pool:
        results = pool.map(lambda p: (p, *run(p)), programs)
        for program, code, output in results:
            count += parse_summary(f"{preset}/{program.name}", code, output)
    return count


def suite_lint(args):
    count = one("layers", run(sys.executable, "tools/check_layers.py", quiet=False)[0] == 0)
    count += one("sizes", run(sys.executable, "tools/check_size.py", quiet=False)[0] == 0)
    if not args.fast:
        count += one("format", run("make", "--no-print-directory", "fmt-check")[0] == 0)
    return count


def suite_c(args):
    count = c_tests("dev", args.jobs)
    library = BUILD / "dev" / "libshardyfusion.so"
    code, symbols = run("nm", "-D", "--defined-only", library)
    foreign = [s.split()[-1] for s in symbols.splitlines()
               if not s.split()[-1].startswith(("shardy_", "_init", "_fini"))
               or "shardy__" in s]
    if foreign:
        print("exported besides shardy_*:", *foreign)
    count += one("exported symbols", code == 0 and not foreign)
    return count


def suite_cli(args):
    if not build("dev", args.jobs):
        return one("build of preset dev", False)
    return parse_summary("cli", *run(sys.executable, "tests/cli/run.py", BUILD / "dev/cli/shardy"))


def suite_asan(args):
    return c_tests("asan", args.jobs)


# What uses threads; the rest would only take time under the thread sanitizer.
THREADED = ("test_base", "test_lib_snapshot", "test_lib_contract", "test_lib_bad_input",
            "test_lib_crash", "test_slatedb_roundtrip", "test_store", "test_vec_kmeans")


def suite_tsan(args):
    return c_tests("tsan", args.jobs, THREADED)


def pytest(name, *paths, env=None):
    report = BUILD / f"pytest-{name}.xml"
    report.parent.mkdir(exist_ok=True)
    code, _ = run(VENV_PYTHON, "-m", "pytest", "-q", "-ra", "--timeout=600", "-p", "no:cacheprovider",
                  f"--junitxml={report}", *paths, quiet=False, env=env)
    count = Count()
    if report.exists():
        for suite in ET.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            count += Count(int(suite.get("tests", 0)) - bad - skipped, bad, skipped)
        report.unlink()
    if code and not count.failed:
        count.failed = 1
    print(f"{name}: {count}", flush=True)
    return count


def install_package():
    """The package under test is what pip installs from this tree."""
    return run(VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--no-build-isolation", "--force-reinstall", ".")[0] == 0


def suite_python(args):
    count = one("pip install .", install_package())
    if count.failed:
        return count
    count += one("mypy --strict", run(VENV_PYTHON, "-m", "mypy", "--strict",
                                      "python/shardyfusion")[0] == 0)
    count += one("stubtest", run(VENV_PYTHON, "-m", "mypy.stubtest", "shardyfusion._core")[0] == 0)
    count += pytest("python", "python/tests")
    return count


def suite_engines(args):
    count = one("pip install .", install_package())
    if count.failed:
        return count
    count += pytest("engines", "tests/e2e/engines")
    if CI and count.skipped:
        print("FAILED   official-engine tests must not be skipped in CI")
        count.failed += count.skipped
        count.skipped = 0
    return count


def suite_demo(args):
    return one("demo", run("tools/demo.sh", BUILD / "demo-test")[0] == 0)


SUITES = {"lint": suite_lint, "c": suite_c, "cli": suite_cli, "asan": suite_asan,
          "tsan": suite_tsan, "python": suite_python, "engines": suite_engines,
          "demo": suite_demo}
FAST = ["lint", "c", "cli"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", default="2")
    args = parser.parse_args()
    chosen = args.only.split(",") if args.only else FAST if args.fast else list(SUITES)
    unknown = set(chosen) - set(SUITES)
    if unknown:
        parser.error(f"unknown suites: {', '.join(sorted(unknown))}")
    total = Count()
    for name in chosen:
        begun = time.monotonic()
        print(f"== {name}", flush=True)
        total += SUITES[name](args)
        print(f"== {name}: {time.monotonic() - begun:.0f} s", flush=True)
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
