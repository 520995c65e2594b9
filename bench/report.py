"""The table, and the facts about the machine that it was made on."""
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ["slatedb", "lancedb", "pylance", "hnswlib", "pyarrow", "numpy"]


def _first(path, key):
    """The first `key : value` of a file in /proc."""
    try:
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return "unknown"


def _file_system(folder):
    try:
        return subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine(folder, version):
    return {
        "version": version,  # and the vector kernels in use
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "file system": _file_system(folder),
        "load at start": " ".join(f"{x:.1f}" for x in os.getloadavg()),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def _number(value, unit):
    if value is None:
        return "-"
    if unit == "rows/s":
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def table(lines):
    """The lines as text, suite by suite."""
    rows = [("", "unit", "ours", "theirs", "ratio", "")]
    suite = None
    for line in lines:
        if line.suite != suite:
            suite = line.suite
            rows.append((f"-- {suite}", "", "", "", "", ""))
        digits = 1 if line.ratio and line.ratio >= 1 else 2
        ratio = f"{line.ratio:.{digits}f}x" if line.ratio else "-"
        rows.append((line.what, line.unit, _number(line.ours, line.unit),
                     _number(line.theirs, line.unit), ratio, line.note))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join(
        f"{what:<{widths[0]}}  {unit:<{widths[1]}}  {ours:>{widths[2]}}  {theirs:>{widths[3]}}  "
        f"{ratio:>{widths[4]}}  {note}".rstrip() for what, unit, ours, theirs, ratio, note in rows)
