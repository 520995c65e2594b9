"""The four suites: each measures both sides in turn and gives lines of the table.

Everything is repeated, ours and theirs alternating, and medians are compared. A line's ratio says how
many times ours is faster.
"""
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import inputs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TOP_K = 10


@dataclass
class Line:
    suite: str
    what: str
    unit: str
    ours: float | None = None
    theirs: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def ratio(self):
        if not self.ours or not self.theirs:
            return None
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours


@dataclass
class Bench:
    """Where things are, how much to do, what has been found."""
    folder: Path        # on disk
    ram: Path | None    # in memory, where the machine has such a directory
    programs: Path
    package: Path
    quick: bool
    lines: list = field(default_factory=list)
    raw: dict = field(default_factory=dict)

    def __post_init__(self):
        self.repetitions = 2 if self.quick else 3
        self.synthetic = inputs.make_synthetic(self.folder, 40_000 if self.quick else 200_000,
                                               5_000 if self.quick else 50_000)
        self.packages = inputs.make_packages(self.folder, 6_000 if self.quick else None)

    def _run(self, command):
        env = {**os.environ, "PYTHONPATH": f"{self.package}:{HERE}", "SLATEDB_LOG": "off"}
        done = subprocess.run([str(c) for c in command], env=env, text=True, capture_output=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        return done.stdout.splitlines()

    def program(self, name, *arguments):
        """The results (one per line) of a C program."""
        return [json.loads(line) for line in self._run([self.programs / name, *arguments])]

    def worker(self, module, function, **arguments):
        arguments = {k: str(v) if isinstance(v, Path) else v for k, v in arguments.items()}
        return json.loads(self._run([sys.executable, HERE / "worker.py", module, function,
                                     json.dumps(arguments)])[-1])

    def place(self, base, name):
        """A fresh place for a database, emptied first."""
        path = base / name
        shutil.rmtree(path, ignore_errors=True)
        return path

    def add(self, *arguments, **fields):
        self.lines.append(Line(*arguments, **fields))
        print(".", end="", file=sys.stderr, flush=True)

    def keep(self, name, results):
        self.raw.setdefault(name, []).extend(results if isinstance(results, list) else [results])


def middle(results, key):
    return median(r[key] for r in results)


# ---- key-value rows into one shard ----

def _kv_round(bench, name, rows, ram):
    """One repetition of everything about one row file."""
    where = [("disk", bench.folder)] + ([("ram", bench.ram)] if ram and bench.ram else [])
    for label, base in where:
        place = bench.place(base, "kv-ours")
        bench.keep(f"{name} c {label}", bench.program("bench_kv", rows, place, 3))
        shutil.rmtree(place)
    place = bench.place(bench.folder, "kv-python")
    bench.keep(f"{name} python", bench.worker("ours", "kv", rows=rows, prefix=place, repetitions=2))
    shutil.rmtree(place)
    for label, base in where:
        place = bench.place(base, "kv-theirs")
        bench.keep(f"{name} theirs {label}", bench.worker("theirs", "kv", rows=rows, path=place))
        shutil.rmtree(place)


def kv(bench):
    s, p = bench.synthetic, bench.packages
    sets = [("kv sorted", s.sorted, f"{s.n:,} rows, 16 + 256 bytes, sorted"),
            ("kv random", s.shuffled, f"{s.n:,} rows, 16 + 256 bytes, random order"),
            ("kv packages", p.rows, f"{p.n:,} packages")]
    for _ in range(bench.repetitions):
        for name, rows, _ in sets:
            _kv_round(bench, name, rows, ram=name == "kv sorted")
    for name, _, title in sets:
        _kv_lines(bench, name, title)


def _kv_lines(bench, name, title):
    raw = bench.raw
    python = raw[f"{name} python"]
    n = python[0]["rows"]

    def line(what, ours, key, theirs, their_key, note):
        bench.add("kv", f"{title}: {what}", "rows/s", n / middle(ours, key),
                  n / middle(theirs, their_key), more_is_better=True, note=note)

    for label, words in (("disk", "disk"), ("ram", "in memory")):
        ours, theirs = raw.get(f"{name} c {label}"), raw.get(f"{name} theirs {label}")
        if not ours:
            continue
        if label == "disk":
            line("C finish, disk, both synced", ours, "finish_s", theirs, "synced_s",
                 "rows are in either writer before the clock starts; then its files are synced")
        line(f"C finish, {words}", ours, "finish_s", theirs, "write_s",
             "rows are in either writer before the clock starts" +
             ("; only ours syncs" if label == "disk" else ""))
        line(f"C add + finish, {words}", ours, "total_s", theirs, "write_s",
             "only theirs has its rows in the writer before")
        line(f"C, all of it, {words}", ours, "total_s", theirs, "total_s",
             "theirs with making its batches")
    theirs = raw[f"{name} theirs disk"]
    line("Python, all of it, disk", python, "total_s", theirs, "total_s",
         "write_hash_sharded; theirs with making its batches")
    line("Python, all of it, disk", python, "total_s", theirs, "write_s",
         "theirs without making its batches")
    bench.add("kv", f"{title}: processor time, C", "us/row",
              middle(raw[f"{name} c disk"], "cpu_s") / n * 1e6, middle(theirs, "cpu_s") / n * 1e6,
              note="add + finish, all threads; theirs without making its batches")


# ---- single lookups, warm ----

def _shard_path(prefix):
    (path,) = prefix.glob("shards/run_id=*/db=00000/attempt=00")
    return path


def get(bench):
    s = bench.synthetic
    lookups = 2_000 if bench.quick else 20_000
    stores = {}
    for shards in (1, 16):
        place = bench.place(bench.folder, f"get-{shards}")
        bench.program("bench_kv", s.shuffled, place, 1, shards)
        stores[shards] = place / "0"
    for _ in range(bench.repetitions):
        for shards, prefix in stores.items():
            bench.keep(f"get c {shards}", bench.program("bench_get", prefix, s.sample, s.misses,
                                                        10 * lookups))
            bench.keep(f"get python {shards}",
                       bench.worker("ours", "get", prefix=prefix, sample=s.sample, misses=s.misses,
                                    lookups=10 * lookups))
        bench.keep("get theirs", bench.worker("theirs", "get", path=_shard_path(stores[1]),
                                              sample=s.sample, misses=s.misses, lookups=lookups))
    for shards in stores:
        _get_lines(bench, shards)
        shutil.rmtree(stores[shards].parent)


def _get_lines(bench, shards):
    theirs = bench.raw["get theirs"]
    for side, label in (("c", "C"), ("python", "Python")):
        ours = bench.raw[f"get {side} {shards}"]
        for kind in ("hit", "miss"):
            for percentile in ("p50_us", "p99_us"):
                bench.add("get", f"{label}, {shards} shard{'s' * (shards > 1)}, {kind}, "
                          f"{percentile[:3]}", "us", median(r[kind][percentile] for r in ours),
                          median(r[kind][percentile] for r in theirs),
                          note="same files" if shards == 1 else "theirs: the one shard")


# ---- a whole snapshot ----

def _build_ours(bench, name, shards):
    p = bench.packages
    place = bench.place(bench.folder, "build")
    bench.keep(f"{name} c", bench.program("bench_build", p.rows, p.vectors, p.dim, place, shards))
    for how in ("arrow", "records"):
        place = bench.place(bench.folder, "build")
        bench.keep(f"{name} {how}", bench.worker("ours", "build", rows=p.rows, vectors=p.vectors,
                                                 dim=p.dim, prefix=place, shards=shards, how=how))
    place = bench.place(bench.folder, "build")
    bench.keep(f"{name} cli", _time_cli(bench, place, shards))
    shutil.rmtree(place)


def _time_cli(bench, place, shards):
    p = bench.packages
    code = ("import json, resource, subprocess, sys, time\n"
            "start = time.perf_counter()\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
            "seconds = time.perf_counter() - start\n"
            "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "print(json.dumps({'total_s': seconds, 'peak_rss_mb': usage.ru_maxrss / 1024,\n"
            "                  'cpu_s': usage.ru_utime + usage.ru_stime}))\n")
    shardy = bench.programs.parent / "cli" / "shardy"
    return json.loads(bench._run([sys.executable, "-c", code, shardy, "build", place, p.jsonl, "-n",
                                  shards, "--value-field", "payload", "--vectors", p.npy,
                                  "--index-type", "flat", "--quiet"])[-1])


def _build_theirs(bench):
    p = bench.packages
    place = bench.place(bench.folder, "lance")
    bench.keep("build lance", bench.worker("theirs", "build_lance", rows=p.rows, vectors=p.vectors,
                                           dim=p.dim, path=place))
    place = bench.place(bench.folder, "slate")
    bench.keep("build slate", bench.worker("theirs", "kv", rows=p.rows, path=place))
    shutil.rmtree(place)


def build(bench):
    p = bench.packages
    for _ in range(bench.repetitions):
        _build_ours(bench, "build 16", 16)
        _build_theirs(bench)
    lance, slate = bench.raw["build lance"], bench.raw["build slate"]
    theirs = middle(lance, "total_s") + middle(slate, "total_s")
    engines = middle(lance, "total_s") + middle(slate, "write_s")
    title = f"{p.n:,} x {p.dim}, 16 shards"
    for side, label in (("c", "C"), ("cli", "shardy build (JSON Lines + .npy)"),
                        ("arrow", "Python, Arrow table"), ("records", "Python, records")):
        ours = bench.raw[f"build 16 {side}"]
        seconds = middle(ours, "total_s")
        rss = middle(ours, "peak_rss_mb")
        bench.add("build", f"{title}: {label}", "s", seconds, theirs,
                  note=f"{p.raw_mb / seconds:,.0f} MB/s, peak {rss:,.0f} MB{_phases(ours)}")
    bench.add("build", f"{title}: C; theirs without making batches", "s",
              middle(bench.raw["build 16 c"], "total_s"), engines,
              note=f"lancedb table {middle(lance, 'table_s'):.2f} s + index "
              f"{middle(lance, 'index_s'):.2f} s (peak {middle(lance, 'peak_rss_mb'):,.0f} MB), slatedb "
              f"batches {middle(slate, 'batch_s'):.1f} s + load {middle(slate, 'write_s'):.2f} s")


def _phases(results):
    first = results[0]
    if "finish_s" in first:
        return f", add {middle(results, 'add_s'):.2f} s + finish {middle(results, 'finish_s'):.2f} s"
    if "write_s" in first:
        return f", add {middle(results, 'add_s'):.2f} s + build {middle(results, 'write_s'):.2f} s"
    return ""


# ---- exact search ----

def search(bench):
    p = bench.packages
    common = {"rows": p.rows, "vectors": p.vectors, "queries": p.queries, "dim": p.dim, "top_k": TOP_K}
    stores = {}
    for shards in (1, 16):
        place = bench.place(bench.folder, f"search-{shards}")
        bench.program("bench_build", p.rows, p.vectors, p.dim, place, shards)
        stores[shards] = place / "0"
    tables = {}
    for kind in ("IVF_FLAT", "IVF_PQ"):
        tables[kind] = bench.place(bench.folder, f"search-{kind}")
        bench.worker("theirs", "build_lance", rows=p.rows, vectors=p.vectors, dim=p.dim,
                     path=tables[kind], index_type=kind)
    for _ in range(bench.repetitions):
        for shards, prefix in stores.items():
            for threads in (1, 2):
                bench.keep(f"search c {shards} {threads}",
                           bench.program("bench_search", prefix, p.queries, p.dim, TOP_K, threads,
                                         max(p.n_queries, 100)))
            bench.keep(f"search python {shards}",
                       bench.worker("ours", "search", prefix=prefix, threads=1, **common))
        for kind, how in (("IVF_FLAT", "exact"), ("IVF_FLAT", "all"), ("IVF_FLAT", "default"),
                          ("IVF_PQ", "default")):
            limit = 40 if how == "exact" else None  # each takes a tenth of a second
            bench.keep(f"search lance {kind} {how}",
                       bench.worker("theirs", "search_lance", path=tables[kind], how=how, limit=limit,
                                    **common))
    bench.keep("hnswlib", bench.worker("theirs", "hnswlib", vectors=p.vectors, queries=p.queries,
                                       dim=p.dim, top_k=TOP_K))
    for path in [*tables.values(), *(s.parent for s in stores.values())]:
        shutil.rmtree(path)
    _search_lines(bench)


def _search_lines(bench):
    raw = bench.raw
    exact = raw["search lance IVF_FLAT all"]

    def of(results, percentile):
        return median(r["search"][percentile] for r in results) / 1000

    for name, label in (("c 1 1", "C, 1 shard"), ("c 16 1", "C, 16 shards, 1 thread"),
                        ("c 16 2", "C, 16 shards, 2 threads"), ("python 1", "Python, 1 shard"),
                        ("python 16", "Python, 16 shards")):
        ours = raw[f"search {name}"]
        for percentile in ("p50_us", "p99_us"):
            bench.add("search", f"exact: {label}, {percentile[:3]}", "ms", of(ours, percentile),
                      of(exact, percentile), note="theirs: lancedb IVF_FLAT, all partitions")
    for kind, how, words in (("IVF_FLAT", "exact", "lancedb without index"),
                             ("IVF_FLAT", "default", "lancedb IVF_FLAT, default nprobes"),
                             ("IVF_PQ", "default", "lancedb IVF_PQ, default")):
        results = raw[f"search lance {kind} {how}"]
        bench.add("search", f"for orientation: {words}, p50", "ms", of(raw["search c 1 1"], "p50_us"),
                  of(results, "p50_us"), note=f"ours: exact, C; their recall {results[0]['recall']}")
    graph = raw["hnswlib"][0]
    bench.add("search", "for orientation: hnswlib, in memory, p50", "ms",
              of(raw["search c 1 1"], "p50_us"), graph["search"]["p50_us"] / 1000,
              note=f"ours: exact, C; their recall {graph['recall']}, built in {graph['build_s']:.1f} s")


SUITES = {"kv": kv, "get": get, "build": build, "search": search}
