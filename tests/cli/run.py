#!/usr/bin/env python3
"""run.py: run the tests of the shardy command.

usage: run.py [--update] [-j N] [-v] SHARDY [CASE...]

A test is a script cases/NAME.sh, run by sh in an empty directory. What it is expected to do is in
files beside it:

  NAME.exit          exit code; 0 without the file
  NAME.stdout.exact  standard output; nothing without a .stdout file
  NAME.stdout.glob   the same as patterns: line by line, * stands for any text, a line ... for any
                     number of lines
  NAME.stderr.exact, NAME.stderr.glob   likewise

A script finds the command as `shardy` (built from this tree), $DATA (examples/data), $EXAMPLES (the
built examples) and the functions of lib.sh. Exit code 77 skips a test; its last line of output says
why. --update rewrites the expectations of tests that fail; texts that change from run to run (the
directory, run ids, times, durations) become globs. Ends with "N passed, N failed, N skipped".
"""
import argparse
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
TIMEOUT_S = 120
SKIP = 77

VOLATILE = [
    re.compile(r"run_id=[0-9a-f]{32}"),
    re.compile(r"\b[0-9a-f]{32}\b"),
    re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}[:_-]\d{2}[:_-]\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?"),
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}(?=\.sst)"),
    re.compile(r"(?<=checksum )[0-9a-f]{16}|(?<=records )[0-9a-f]{16}"),
    re.compile(r'(?<=seconds=)\d+\.\d+|(?<="seconds": )\d+\.\d+|(?<=seconds {13})\d+\.\d+'),
    re.compile(r'(?<="latency_ms": )\d+\.\d+'),
    # Sizes of objects that hold a time in as few bytes as it takes.
    re.compile(r'(?<=bytes=)\d+|(?<="bytes": )\d+|(?<=db_bytes": )\d+|(?<=bytes {10})\d+'),
    re.compile(r'(?<=db_bytes {12})\d+|(?<=db_bytes {13})\d+|(?<=objects, )[\d.]+ k?B'),
    re.compile(r"\b(avx512|avx2|neon|portable)\b"),
]


def glob_line(pattern):
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.S)


def glob_matches(patterns, lines):
    """Whether lines match patterns; `...` is any number of lines."""
    if not patterns:
        return not lines
    if patterns[0] == "...":
        return any(glob_matches(patterns[1:], lines[i:]) for i in range(len(lines) + 1))
    return (bool(lines) and glob_line(patterns[0]).fullmatch(lines[0]) is not None
            and glob_matches(patterns[1:], lines[1:]))


def normalise(text, workdir):
    text = text.replace(str(workdir), "*")
    for pattern in VOLATILE:
        text = pattern.sub("*", text)
    return text


class Case:
    def __init__(self, script):
        self.script = script
        self.name = script.stem

    def file(self, suffix):
        return self.script.with_name(self.name + suffix)

    def expected_exit(self):
        path = self.file(".exit")
        return int(path.read_text()) if path.exists() else 0

    def run(self, shardy, examples):
        self.workdir = Path(tempfile.mkdtemp(prefix="shardy-cli-")).resolve()
        try:
            self.execute(shardy, examples)
        finally:
            subprocess.run(["chmod", "-R", "u+rwX", str(self.workdir)], check=False)
            shutil.rmtree(self.workdir, ignore_errors=True)
        return self

    def execute(self, shardy, examples):
        (self.workdir / "bin").mkdir()
        (self.workdir / "bin" / "shardy").symlink_to(shardy)
        (self.workdir / "work").mkdir()
        env = {"PATH": f"{self.workdir}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
               "HOME": str(self.workdir), "TMPDIR": str(self.workdir),
               "DATA": str(HERE.parent.parent / "examples" / "data"), "EXAMPLES": str(examples),
               "TOOL": f"{sys.executable} {HERE / 'tool.py'}"}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        process = subprocess.Popen(
            ["sh", "-c", f'. "{HERE}/lib.sh"; . "{self.script}"'], cwd=self.workdir / "work",
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            self.code = -1
            err += f"\n(killed after {TIMEOUT_S} s)\n".encode()
        self.texts = {"stdout": out.decode("utf-8", "backslashreplace"),
                      "stderr": err.decode("utf-8", "backslashreplace")}

    def problems(self):
        """What differs from the expectations, as text; empty if nothing does."""
        found = []
        if self.code != self.expected_exit():
            found.append(f"exit code {self.code}, expected {self.expected_exit()}")
        for stream, text in self.texts.items():
            exact, glob = self.file(f".{stream}.exact"), self.file(f".{stream}.glob")
            if glob.exists():
                want = glob.read_text().splitlines()
                ok = glob_matches(want, text.splitlines())
            else:
                want = exact.read_text() if exact.exists() else ""
                ok = want == text
                want = want.splitlines()
            if not ok:
                got = normalise(text, self.workdir).splitlines()
                diff = difflib.unified_diff(want, got, f"{stream} expected", f"{stream} found",
                                            lineterm="", n=1)
                found.append("\n".join(diff) or f"{stream}: only line ends or volatile text differ")
        return "\n".join(found)

    def update(self):
        if self.code:
            self.file(".exit").write_text(f"{self.code}\n")
        else:
            self.file(".exit").unlink(missing_ok=True)
        for stream, text in self.texts.items():
            exact, glob = self.file(f".{stream}.exact"), self.file(f".{stream}.glob")
            if glob.exists() and glob_matches(glob.read_text().splitlines(), text.splitlines()):
                continue
            general = normalise(text, self.workdir)
            exact.unlink(missing_ok=True)
            glob.unlink(missing_ok=True)
            if text:
                (exact if general == text else glob).write_text(general)


def report(case, args):
    """Counts (passed, failed, skipped) of a case that ran; prints what is worth it."""
    if case.code == SKIP:
        reason = (case.texts["stdout"].strip().splitlines() or ["no reason"])[-1]
        print(f"  skipped: {case.name}: {reason}", flush=True)
        return 0, 0, 1
    problems = case.problems()
    if problems and args.update:
        case.update()
        print(f"  updated: {case.name}", flush=True)
        return 1, 0, 0
    if problems:
        print(f"  FAILED:  {case.name}\n" + re.sub(r"^", "    ", problems, flags=re.M), flush=True)
        return 0, 1, 0
    if args.verbose:
        print(f"  ok:      {case.name}", flush=True)
    return 1, 0, 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("shardy", type=Path)
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    shardy = args.shardy.resolve()
    if not os.access(shardy, os.X_OK):
        parser.error(f"{shardy} is not a program")
    cases = [Case(script) for script in sorted(CASES.glob("*.sh"))]
    unknown = set(args.cases) - {case.name for case in cases}
    if unknown:
        parser.error(f"unknown cases: {', '.join(sorted(unknown))}")
    if args.cases:
        cases = [case for case in cases if case.name in args.cases]
    totals = [0, 0, 0]
    with ThreadPoolExecutor(args.jobs) as pool:
        for case in pool.map(lambda c: c.run(shardy, shardy.parent.parent / "examples"), cases):
            totals = [a + b for a, b in zip(totals, report(case, args))]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
