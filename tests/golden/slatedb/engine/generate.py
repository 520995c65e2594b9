#!/usr/bin/env python3
"""Make the databases of this directory with the official engine (pip install slatedb==0.17.0).

    python3 tests/golden/slatedb/engine/generate.py

Each directory keeps the newest manifest, the SSTs that it names and the write-ahead log; names and
times differ from run to run. tests/unit/test_slatedb_engine.c knows the rows:

  one-run     rows 0 .. 199, compacted           two-runs  the same in run 0, then new values for each
  one-run-zstd  the same, compressed                       third row and rows 200 .. 239 in run 1
  level-0     not compacted                      log       not even flushed from the write-ahead log
  deletion    row 5 deleted by a newer run       expiry    rows with a time to live
  versions    a snapshot keeps two versions of row 7
"""
import asyncio
import json
import pathlib
import shutil
import tempfile

import slatedb.uniffi as engine

HERE = pathlib.Path(__file__).resolve().parent
STORE = engine.ObjectStore.resolve("file:///")
FLUSH = engine.FlushOptions(flush_type=engine.FlushType.MEM_TABLE)


def key(i):
    return b"key%05d" % i


def rows(begin, end, step=1, word=b"value"):
    return {key(i): word + b"-%d" % i + b"x" * (i % 30) for i in range(begin, end, step)}


def settings(zstd=False, log=False, ttl=None):
    s = json.loads(engine.Settings.default().to_json_string())
    s.update(garbage_collector_options=None, wal_enabled=log, min_filter_keys=1,
             default_ttl_millis=ttl, compression_codec="Zstd" if zstd else None)
    compactor = s["compactor_options"]
    compactor.update(poll_interval="50ms", commit_compacted_interval="50ms")
    compactor["worker"].update(compactions_poll_interval="50ms", min_filter_keys=1,
                               compression_codec=s["compression_codec"])
    return engine.Settings.from_json_string(json.dumps(s))


class Database:
    def __init__(self, path, **options):
        self.path, self.options = path, options

    async def __aenter__(self):
        builder = engine.DbBuilder(str(self.path).lstrip("/"), STORE)
        builder.with_settings(settings(**self.options))
        builder.with_sst_block_size(engine.SstBlockSize.BLOCK1_KIB)
        self.db = await builder.build()
        self.admin = engine.AdminBuilder(str(self.path).lstrip("/"), STORE).build()
        return self

    async def __aexit__(self, *error):
        await self.db.shutdown()

    async def write(self, puts, deletes=()):
        batch = engine.WriteBatch()
        for k, v in puts.items():
            batch.put(k, v)
        for k in deletes:
            batch.delete(k)
        await self.db.write(batch)

    async def compact(self, run):
        """Flush, then turn all of level 0 into a sorted run."""
        await self.db.flush_with_options(FLUSH)
        manifest = await self.admin.read_manifest(None)
        sources = [engine.SourceId.SST_VIEW(view.id) for view in manifest.l0]
        await self.admin.submit_compaction(
            engine.CompactionSpec.TIERED(segment=b"", sources=sources, destination=run))
        for _ in range(400):
            if not (await self.admin.read_manifest(None)).l0:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(self.path)

    async def keep(self, name):
        """Copy what a reader of the newest manifest may need."""
        manifest = await self.admin.read_manifest(None)
        views = [v for run in manifest.compacted for v in run.sst_views] if not manifest.l0 else []
        target = HERE / name
        shutil.rmtree(target, ignore_errors=True)
        newest = max((self.path / "manifest").glob("*.manifest"))
        wanted = [newest] + [self.path / "compacted" / f"{v.sst.id.value}.sst" for v in views]
        wanted += (self.path / "wal").glob("*.sst")
        for file in wanted:
            copy = target / file.relative_to(self.path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


async def main(work):
    first, more = rows(0, 200), {**rows(0, 200, 3, b"second"), **rows(200, 240, 1, b"second")}
    for name, options in (("one-run", {}), ("one-run-zstd", {"zstd": True})):
        async with Database(work / name, **options) as d:
            await d.write(first)
            await d.compact(0)
            await d.keep(name)
            if not options:
                await d.write(more)
                await d.compact(1)
                await d.keep("two-runs")
    async with Database(work / "level-0") as d:
        await d.write(first)
        await d.db.flush_with_options(FLUSH)
        await d.keep("level-0")
    async with Database(work / "log", log=True) as d:
        await d.write(rows(0, 10))
        await asyncio.sleep(0.5)
        await d.keep("log")
    async with Database(work / "deletion") as d:
        await d.write(rows(0, 20))
        await d.compact(0)
        await d.write({}, [key(5)])
        await d.compact(1)
        await d.keep("deletion")
    async with Database(work / "expiry", ttl=1000000000) as d:
        await d.write(rows(0, 20))
        await d.compact(0)
        await d.keep("expiry")
    async with Database(work / "versions") as d:
        await d.write(rows(0, 20))
        snapshot = await d.db.snapshot()
        await d.write(rows(7, 8, 1, b"second"))
        await d.compact(0)
        await d.keep("versions")
        del snapshot


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(main(pathlib.Path(directory).resolve()))
