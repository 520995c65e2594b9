"""Measurements of the official packages; each runs in a process of its own (worker.py).

slatedb is given its best settings for loading: write-ahead log, compactor, garbage collector and block
cache off, no flush interval, SSTs of 16 MiB, batches of 2,000 rows. Neither slatedb nor lancedb syncs
what it writes to a local directory.
"""
import asyncio
import os
import random
import time

import inputs
from measure import (Clock, exact_neighbours, latency, peak_rss_mb, recall, time_searches, vectors_of)

BATCH = 2000
SETTINGS = {"wal_enabled": "false", "compactor_options": "null", "garbage_collector_options": "null",
            "flush_interval": "null", "l0_sst_size_bytes": str(16 << 20), "l0_max_ssts": "1000"}


def _make_batches(rows):
    from slatedb.uniffi import WriteBatch
    batches = []
    for at in range(0, len(rows), BATCH):
        batch = WriteBatch()
        for key, value in rows[at:at + BATCH]:
            batch.put(key, value)
        batches.append(batch)
    return batches


async def _load(path, batches):
    """(seconds, processor seconds) from opening the database to having shut it down."""
    from slatedb.uniffi import DbBuilder, FlushOptions, FlushType, ObjectStore, Settings
    settings = Settings.default()
    for name, value in SETTINGS.items():
        settings.set(name, value)
    clock = Clock()
    builder = DbBuilder(path.lstrip("/"), ObjectStore.resolve("file:///"))
    builder.with_settings(settings)
    builder.with_db_cache_disabled()
    db = await builder.build()
    for batch in batches:
        await db.write(batch)
    await db.flush_with_options(FlushOptions(flush_type=FlushType.MEM_TABLE))
    await db.shutdown()
    return clock.total(), clock.cpu_total()


def _sync(path):
    """What slatedb leaves out: bring every file below `path` to the disk."""
    for folder, _, names in os.walk(path):
        for name in [*names, "."]:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)


def kv(rows, path):
    """One database of all rows: the time to make the batches, to write them, and to sync the files."""
    pairs = inputs.read_rows(rows)
    os.makedirs(path)
    clock = Clock()
    batches = _make_batches(pairs)
    batch_s = clock.lap()
    write_s, cpu_s = asyncio.run(_load(path, batches))
    clock = Clock()
    _sync(path)
    return {"rows": len(pairs), "batch_s": batch_s, "write_s": write_s, "cpu_s": cpu_s,
            "synced_s": write_s + clock.total(), "total_s": batch_s + write_s,
            "peak_rss_mb": peak_rss_mb()}


async def _time_gets(reader, keys, lookups):
    wanted = random.Random(2).choices(keys, k=lookups)
    ns = []
    for key in wanted:
        start = time.perf_counter_ns()
        await reader.get(key)
        ns.append(time.perf_counter_ns() - start)
    return latency(ns)


async def _get(path, stored, absent, lookups):
    from slatedb.uniffi import DbReaderBuilder, ObjectStore, ReaderMode
    builder = DbReaderBuilder(path.lstrip("/"), ObjectStore.resolve("file:///"))
    builder.with_reader_mode(ReaderMode.FOLLOW_LATEST())
    reader = await builder.build()
    for key, value in stored:
        assert await reader.get(key) == value
    result = {"hit": await _time_gets(reader, [key for key, _ in stored], lookups),
              "miss": await _time_gets(reader, [key for key, _ in absent], lookups)}
    await reader.shutdown()
    return result


def get(path, sample, misses, lookups):
    """Warm gets, one after the other, from the database below `path`."""
    return asyncio.run(_get(path, inputs.read_rows(sample), inputs.read_rows(misses), lookups))


def _table(rows, vectors, dim):
    import pyarrow as pa
    ids = [key.decode() for key, _ in inputs.read_rows(rows)]
    flat = pa.array(vectors_of(vectors, dim).reshape(-1))
    return pa.table({"id": ids, "vector": pa.FixedSizeListArray.from_arrays(flat, dim),
                     "payload": pa.nulls(len(ids), pa.string())})


def build_lance(rows, vectors, dim, path, index_type="IVF_FLAT"):
    """One table with its index, lancedb's own number of partitions."""
    import lancedb
    data = _table(rows, vectors, dim)
    input_mb, clock = peak_rss_mb(), Clock()
    table = lancedb.connect(path).create_table("t", data=data)
    table_s = clock.lap()
    table.create_index(metric="cosine", index_type=index_type, vector_column_name="vector")
    index_s = clock.lap()
    return {"rows": len(data), "table_s": table_s, "index_s": index_s, "total_s": clock.total(),
            "cpu_s": clock.cpu_total(), "input_rss_mb": input_mb, "peak_rss_mb": peak_rss_mb()}


def search_lance(path, rows, vectors, queries, dim, top_k, how, limit=None):
    """`how`: exact (no index), all (every partition), default (lancedb's nprobes). Asks for what ours
    gives: id, payload and distance."""
    import lancedb
    table = lancedb.connect(path).open_table("t")
    n_rows = table.count_rows()
    ids = {key.decode(): i for i, (key, _) in enumerate(inputs.read_rows(rows))}
    asked = vectors_of(queries, dim)[:limit]

    def search(query):
        request = table.search(query).distance_type("cosine").limit(top_k)
        request = request.select(["id", "payload", "_distance"])
        if how == "exact":
            request = request.bypass_vector_index()
        elif how == "all":
            request = request.nprobes(n_rows)
        return request.to_list()

    found, times = time_searches(search, asked)
    rows_found = [[ids[hit["id"]] for hit in hits] for hits in found]
    wanted = exact_neighbours(vectors_of(vectors, dim), asked, top_k)
    return {"search": times, "recall": recall(rows_found, wanted)}


def hnswlib(vectors, queries, dim, top_k, m=16, ef_construction=200, ef=64):
    """An HNSW graph in memory, built on all cores, searched on one."""
    import hnswlib as hnsw
    matrix, asked = vectors_of(vectors, dim), vectors_of(queries, dim)
    index = hnsw.Index(space="cosine", dim=dim)
    index.init_index(max_elements=len(matrix), M=m, ef_construction=ef_construction)
    clock = Clock()
    index.add_items(matrix)
    build_s = clock.lap()
    index.set_ef(ef)
    index.set_num_threads(1)
    found, times = time_searches(lambda q: index.knn_query(q, k=top_k), asked)
    rows_found = [labels[0].tolist() for labels, _ in found]
    return {"build_s": build_s, "search": times,
            "recall": recall(rows_found, exact_neighbours(matrix, asked, top_k))}
