"""Measurements of this project's Python package; each runs in a process of its own (worker.py)."""
import random
import time
from operator import itemgetter

import pyarrow as pa

from shardyfusion import HashShardedWriteConfig, PythonRecordInput, UnifiedShardedReader, VectorSpec
from shardyfusion.composite_adapter import CompositeFactory
from shardyfusion.slatedb_adapter import SlateDbFactory
from shardyfusion.vector.adapters.lancedb_adapter import LanceDbFactory
from shardyfusion.writer.arrow import write_arrow
from shardyfusion.writer.python import write_hash_sharded

import inputs
from measure import (Clock, exact_neighbours, latency, peak_rss_mb, recall, time_searches, vectors_of)


def kv(rows, prefix, repetitions):
    """write_hash_sharded of (key, value) tuples into one shard."""
    records = inputs.read_rows(rows)
    source = PythonRecordInput(key_fn=itemgetter(0), value_fn=itemgetter(1))
    results = []
    for i in range(repetitions):
        clock = Clock()
        write_hash_sharded(records, HashShardedWriteConfig(num_dbs=1, s3_prefix=f"{prefix}/{i}"), source)
        results.append({"rows": len(records), "total_s": clock.total(), "cpu_s": clock.cpu_total()})
    return results


def get(prefix, sample, misses, lookups):
    """Warm gets, one after the other."""
    stored = [key for key, _ in inputs.read_rows(sample)]
    absent = [key for key, _ in inputs.read_rows(misses)]
    result = {}
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        for key, value in inputs.read_rows(sample):
            assert reader.get(key) == value
        for name, keys in (("hit", stored), ("miss", absent)):
            wanted = random.Random(2).choices(keys, k=lookups)
            ns = []
            for key in wanted:
                start = time.perf_counter_ns()
                reader.get(key)
                ns.append(time.perf_counter_ns() - start)
            result[name] = latency(ns)
            clock = Clock()
            for key in wanted:
                reader.get(key)
            result[f"{name}_loop_us"] = clock.total() / lookups * 1e6
    return result


def _vector_config(prefix, shards, dim):
    spec = VectorSpec(dim=dim, metric="cosine", index_type="flat")
    factory = CompositeFactory(kv_factory=SlateDbFactory(), vector_factory=LanceDbFactory(),
                               vector_spec=spec)
    return HashShardedWriteConfig(num_dbs=shards, s3_prefix=prefix, adapter_factory=factory,
                                  vector_spec=spec)


def build(rows, vectors, dim, prefix, shards, how):
    """A whole snapshot: `how` is records (one Python call per field and row) or arrow."""
    ids = [(key.decode(), value) for key, value in inputs.read_rows(rows)]
    matrix = vectors_of(vectors, dim)
    config = _vector_config(prefix, shards, dim)
    if how == "arrow":
        flat = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), dim)
        table = pa.table({"id": [i for i, _ in ids], "payload": [v for _, v in ids], "embedding": flat})
        input_mb, clock = peak_rss_mb(), Clock()
        result = write_arrow(table, config, key_col="id", value_col="payload", vector_col="embedding")
    else:
        records = [(i, value, vector) for (i, value), vector in zip(ids, matrix)]
        source = PythonRecordInput(key_fn=itemgetter(0), value_fn=itemgetter(1),
                                   vector_fn=lambda r: (r[0], r[2], None))
        input_mb, clock = peak_rss_mb(), Clock()
        result = write_hash_sharded(records, config, source)
    total, cpu = clock.total(), clock.cpu_total()
    stats = result.stats
    return {"rows": len(ids), "total_s": total, "cpu_s": cpu, "add_s": stats.durations.sharding_ms / 1e3,
            "write_s": stats.durations.write_ms / 1e3,
            "manifest_s": stats.durations.manifest_ms / 1e3, "input_rss_mb": input_mb,
            "peak_rss_mb": peak_rss_mb()}


def search(prefix, rows, vectors, queries, dim, top_k, threads):
    ids = {key.decode(): i for i, (key, _) in enumerate(inputs.read_rows(rows))}
    asked = vectors_of(queries, dim)
    with UnifiedShardedReader(s3_prefix=prefix, max_workers=threads, preload=True) as reader:
        found, times = time_searches(lambda q: reader.search(q, top_k, exact=True), asked)
        rows_found = [[ids[hit.id] for hit in response] for response in found]
    wanted = exact_neighbours(vectors_of(vectors, dim), asked, top_k)
    return {"search": times, "recall": recall(rows_found, wanted)}
