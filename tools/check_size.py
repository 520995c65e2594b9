#!/usr/bin/env python3
"""check_size.py: fail on C functions of more than 100 lines and on files of more than 1,000.

Functions aim at 40 lines and files at 600; how many are above that is printed, not judged.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_MAX, FUNCTION_AIM = 100, 40
FILE_MAX, FILE_AIM = 1000, 600


# A definition begins in column 0 and its brace ends a line; it closes with a brace in column 0.
FUNCTION = re.compile(r"^(?!typedef\b|struct\b[^()]*\{|enum\b[^()]*\{)[A-Za-z_][^;{}]*?"
                      r"\b([A-Za-z_]\w*)\s*\([^;{}]*\)[^;{}()]*\{\n", re.M)


def functions(text):
    """(name, first line, length) of each function."""
    for match in FUNCTION.finditer(text):
        end = text.find("\n}", match.end() - 1)
        if end >= 0:
            first = text.count("\n", 0, match.start()) + 1
            yield match[1], first, text.count("\n", match.start(), end) + 2


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                             "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True)
    bad, long_functions, long_files, total = [], 0, 0, 0
    for path in listed.stdout.split():
        if not (ROOT / path).exists():
            continue
        text = (ROOT / path).read_text()
        lines = text.count("\n")
        if lines > FILE_MAX and not path.startswith("tests/golden/"):
            bad.append(f"{path}: {lines} lines; at most {FILE_MAX}")
        long_files += lines > FILE_AIM
        for name, start, length in functions(text):
            total += 1
            long_functions += length > FUNCTION_AIM
            if length > FUNCTION_MAX:
                bad.append(f"{path}:{start}: {name} has {length} lines; at most {FUNCTION_MAX}")
    for line in bad:
        print(line, file=sys.stderr)
    if not bad:
        print(f"sizes: {total} functions, {long_functions} above {FUNCTION_AIM} lines; "
              f"{long_files} files above {FILE_AIM}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
