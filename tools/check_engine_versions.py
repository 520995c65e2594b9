#!/usr/bin/env python3
"""check_engine_versions.py: which versions of the official packages read what this library writes?

usage: check_engine_versions.py [--venvs DIR] [PACKAGE==VERSION ...]

Run by hand, with a Python that has shardyfusion, numpy, pyarrow and xxhash (.venv after `make test`).
Every version gets a virtual environment of its own below DIR (default: a temporary directory; a directory
that is kept is used again), into which pip installs it; there the same stores and tables, which are
written once, are read. Prints the tables of docs/format/engines.md. tests/e2e/engines looks much closer,
at the pinned versions only.
"""
import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = [
    "slatedb==0.12.1", "slatedb==0.13.1", "slatedb==0.14.1", "slatedb==0.15.0", "slatedb==0.16.0",
    "slatedb==0.17.0",
    "lancedb==0.17.0", "lancedb==0.25.3", "lancedb==0.30.0", "lancedb==0.32.0",
    "lancedb==0.34.0", "lancedb==0.36.0", "lancedb==0.38.0", "lancedb==0.39.0", "lancedb==0.40.0",
    "pylance==0.39.0", "pylance==4.0.2", "pylance==8.0.1", "pylance==14.0.2",
]
METRICS = {"cosine": "cosine", "l2": "l2", "dot_product": "dot"}
DIM, ROWS = 16, 1000


# ---- what is read: written by this library ----

def store_rows(rng, kind):
    if kind == "integers":
        return {rng.randrange(2**63): b"%d" % i * (i % 30) for i in range(3000)}
    if kind == "sizes":
        sizes = (0, 1, 127, 128, 4096, 16384, 65536, 5 << 20)
        long = rng.randbytes(65534)
        return ({b"v%d" % n: rng.randbytes(n) for n in sizes} | {bytes([i]): b"" for i in range(256)}
                | {long + bytes([i]): b"long %d" % i for i in range(20)})
    return {rng.randbytes(rng.randint(1, 40)): rng.randbytes(rng.randint(0, 300)) for _ in range(3000)}


STORES = {
    "default": ("integers", {}),
    "1 KiB blocks, bloom 4, zstd, several SSTs": (
        "bytes", {"block_size": 1024, "bloom_bits_per_key": 4, "compression": "zstd",
                  "sst_bytes": 65536}),
    "64 KiB blocks, bloom 20, several SSTs": (
        "bytes", {"block_size": 65536, "bloom_bits_per_key": 20, "sst_bytes": 65536}),
    "long keys, values to 5 MiB": ("sizes", {}),
}


def write_stores(folder):
    from foreign_snapshot import ForeignSnapshot
    from shardyfusion import HashShardedWriteConfig, PythonRecordInput, SlateDbFactory
    from shardyfusion.writer.python import write_hash_sharded

    stores = []
    for number, (name, (kind, options)) in enumerate(STORES.items()):
        rows = store_rows(random.Random(number), kind)
        prefix = folder / f"store-{number}"
        config = HashShardedWriteConfig(num_dbs=1, s3_prefix=prefix,
                                        adapter_factory=SlateDbFactory(**options))
        write_hash_sharded(rows.items(), config, PythonRecordInput(lambda r: r[0], lambda r: r[1]))
        snapshot = ForeignSnapshot(prefix)
        shard, held = snapshot.shard, snapshot.stored_rows(rows)[0]
        stores.append({"name": name, "path": str(shard.path), "checkpoint": shard.checkpoint_id,
                       "rows": {key.hex(): value.hex() for key, value in held.items()}})
    (folder / "stores.json").write_text(json.dumps(stores))


def write_tables(folder):
    import numpy as np
    from vector_tables import Shape, Table

    tables = []
    for metric, lance_metric in METRICS.items():
        for partitions in (0, 4):
            prefix = folder / f"table-{metric}-{partitions}"
            with Table(prefix, Shape(metric, ROWS, DIM, partitions)) as table:
                np.save(prefix / "vectors.npy", table.vectors)
                np.save(prefix / "queries.npy", np.array(table.queries, "f4"))
                answers = [table.ours(query, exact=True) for query in table.queries]
                tables.append({
                    "metric": lance_metric, "partitions": partitions or 1, "ids": table.ids,
                    "payloads": table.payloads, "answers": answers, "prefix": str(prefix),
                    "root": str(table.shard.vector_root)})
    (folder / "tables.json").write_text(json.dumps(tables))


# ---- reading with one version; runs where only that version is installed ----

def files(path):
    """Every file below path with its size and time."""
    found = ((p.relative_to(path), p.stat()) for p in Path(path).rglob("*") if p.is_file())
    return {(str(name), facts.st_size, facts.st_mtime_ns) for name, facts in found}


def written(path, before):
    """What was made or changed since then: names directly below path."""
    return {name.partition("/")[0] for name, _, _ in files(path) ^ before}


async def open_store(engine, store, mode):
    builder = engine.DbReaderBuilder(store["path"].lstrip("/"), engine.ObjectStore.resolve("file:///"))
    checkpoint = str(uuid.UUID(store["checkpoint"]))
    if mode == "FollowLatest":
        builder.with_reader_mode(engine.ReaderMode.FOLLOW_LATEST())
    elif hasattr(engine, "ReaderMode"):
        builder.with_reader_mode(engine.ReaderMode.CHECKPOINT(checkpoint))
    else:
        builder.with_checkpoint_id(checkpoint)
    return await builder.build()


async def read_store(engine, store, mode):
    """(what is wrong with this store or None, what the engine wrote)."""
    rows = {bytes.fromhex(key): bytes.fromhex(value) for key, value in store["rows"].items()}
    before = files(store["path"])
    reader = await open_store(engine, store, mode)
    lost = [key for key, value in rows.items() if await reader.get(key) != value]
    near = {key + b"\0" for key in rows if len(key) < 65535} | {key[:-1] for key in rows} - {b""}
    ghosts = [key for key in sorted(near - rows.keys())[:1500] if await reader.get(key) is not None]
    everything = engine.KeyRange(start=None, start_inclusive=False, end=None, end_inclusive=False)
    iterator, scanned = await reader.scan(everything), []
    while (row := await iterator.next()) is not None:
        scanned.append((row.key, row.value))
    await reader.shutdown()
    problem = None
    if lost:
        problem = f"get misses {len(lost)} of {len(rows)} keys"
    elif ghosts:
        problem = f"get finds {len(ghosts)} keys that are not there"
    elif scanned != sorted(rows.items()):
        problem = "scan differs"
    return problem, written(store["path"], before)


async def probe_stores(folder):
    import slatedb.uniffi as engine

    modes = ["checkpoint"] + ["FollowLatest"] * hasattr(engine, "ReaderMode")
    wrong, wrote = {}, set()
    for store in json.loads((folder / "stores.json").read_text()):
        for mode in modes:
            try:
                problem, names = await read_store(engine, store, mode)
                wrote |= names
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            if problem:
                wrong[f"{store['name']} ({mode})"] = problem
    return {"read": f"{len(STORES)} stores", "opened": " and ".join(modes), "wrong": wrong,
            "wrote": sorted(wrote)}


class OldLance:
    """The questions of read_table, as versions of pylance understand them."""

    def __init__(self, root):
        import lance

        self.table = lance.dataset(f"{root}/vector_index.lance")
        self.count, self.rows = self.table.count_rows, self.table.to_table

    def types(self):
        if hasattr(self.table, "describe_indices"):
            return [index.index_type for index in self.table.describe_indices()]
        return [index["type"] for index in self.table.list_indices()]

    def nearest(self, query, nprobes, metric):
        return self.table.scanner(columns=["id", "_distance"], nearest={
            "column": "vector", "q": query, "k": 10, "nprobes": nprobes})

    def plan(self, query, nprobes, metric):
        return self.nearest(query, nprobes, metric).explain_plan(True)

    def search(self, query, nprobes, metric):
        return self.nearest(query, nprobes, metric).to_table()


class OldLanceDb:
    """The same for versions of lancedb."""

    def __init__(self, root):
        import lancedb

        self.table = lancedb.connect(root).open_table("vector_index")
        self.count, self.rows = self.table.count_rows, self.table.to_arrow

    def types(self):
        if hasattr(self.table, "list_indices"):
            return [index.index_type for index in self.table.list_indices()]
        return [index["type"] for index in self.table.to_lance().list_indices()]

    def nearest(self, query, nprobes, metric):
        return self.table.search(query).metric(metric).limit(10).nprobes(nprobes)

    def plan(self, query, nprobes, metric):
        return self.nearest(query, nprobes, metric).explain_plan(True)

    def search(self, query, nprobes, metric):
        return self.nearest(query, nprobes, metric).to_arrow()


def table_problem(about, table, rows):
    """What is wrong with this table, or None."""
    import numpy as np

    prefix, metric, partitions = Path(about["prefix"]), about["metric"], about["partitions"]
    vectors = rows["vector"].combine_chunks().flatten().to_numpy()
    queries = np.load(prefix / "queries.npy")
    if table.count() != ROWS or rows["id"].to_pylist() != about["ids"]:
        return "ids differ"
    if rows["payload"].to_pylist() != about["payloads"]:
        return "payloads differ"
    if not np.array_equal(vectors, np.load(prefix / "vectors.npy").reshape(-1)):
        return "vectors differ"
    plan = table.plan(queries[0], partitions, metric)
    if not ("ANNSubIndex" in plan and "ANNIvfPartition" in plan):
        return "the index is not used"
    for query, ours in zip(queries, about["answers"]):
        theirs = table.search(query, partitions, metric)
        ids, distances = theirs["id"].to_pylist(), theirs["_distance"].to_pylist()
        if set(ids) != {id for id, _ in ours}:
            return f"{len(set(ids) & {id for id, _ in ours})} of 10 nearest rows"
        if not np.allclose(distances, [score for _, score in ours], rtol=1e-4, atol=1e-4):
            return "distances differ"
    return None


def probe_tables(folder, kind):
    wrong, wrote, listed = {}, set(), set()
    tables = json.loads((folder / "tables.json").read_text())
    for about in tables:
        before = files(about["root"])
        try:
            table = kind(about["root"])
            listed.update(table.types() or ["nothing"])
            problem = table_problem(about, table, table.rows())
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        wrote |= written(about["root"], before)
        if problem:
            wrong[f"{about['metric']}, {about['partitions']} partitions"] = problem
    return {"read": f"{len(tables)} tables", "opened": "lists " + ", ".join(sorted(listed)),
            "wrong": wrong, "wrote": sorted(wrote)}


def probe(package, folder):
    if package == "slatedb":
        found = asyncio.run(probe_stores(folder))
    else:
        found = probe_tables(folder, OldLanceDb if package == "lancedb" else OldLance)
    print(json.dumps(found), flush=True)
    os._exit(0)  # lancedb 0.25 may abort when the interpreter ends, whoever wrote the table


# ---- all versions ----

def run_version(requirement, venvs, folder):
    package = requirement.partition("==")[0]
    python = venvs / requirement / "bin" / "python"
    if not (venvs / requirement / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", python.parent.parent], check=True)
        needs = [requirement] + ["numpy", "pyarrow"] * (package != "slatedb")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        *needs], check=True)
        (venvs / requirement / "installed").touch()
    done = subprocess.run([python, __file__, "--probe", package, folder], capture_output=True,
                          text=True, timeout=600)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"read": "", "opened": "", "wrong": {"all": last}, "wrote": []}
    return json.loads(done.stdout.splitlines()[-1])


def cell(found):
    """What was read, each way in which something was not, and what the engine left behind."""
    problems = {}
    for name, problem in found["wrong"].items():
        problems.setdefault(problem[:160], []).append(name)
    parts = [f"**no**: {problem} [{'; '.join(names)}]" for problem, names in problems.items()]
    parts = parts or [f"all of {found['read']}"]
    if found["wrote"]:
        parts.append(f"**writes** {', '.join(found['wrote'])}")
    return "; ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venvs", type=Path)
    parser.add_argument("--probe", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    args = parser.parse_args()
    if args.probe:
        probe(args.probe[0], Path(args.probe[1]))
        return
    sys.path.insert(0, str(ROOT / "tests" / "e2e" / "engines"))
    with tempfile.TemporaryDirectory() as temporary:
        folder, pristine = Path(temporary) / "data", Path(temporary) / "pristine"
        folder.mkdir()
        write_stores(folder)
        write_tables(folder)
        folder.rename(pristine)
        venvs = (args.venvs or Path(temporary) / "venvs").resolve()
        print("| version | opened | read |\n|---|---|---|")
        for requirement in args.versions:
            shutil.copytree(pristine, folder)  # some versions write into it
            found = run_version(requirement, venvs, folder)
            shutil.rmtree(folder)
            print(f"| {requirement.replace('==', ' ')} | {found['opened']} | {cell(found)} |", flush=True)


if __name__ == "__main__":
    main()
