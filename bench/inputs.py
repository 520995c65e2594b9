"""The data of the benchmarks: real packages and synthetic key-value rows, as files in one directory.

Row files: u32 key length, u32 value length, key, value (little-endian), over and over. Vector files:
float32, nothing else.
"""
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
PARQUET = "debian-packages.parquet"


def write_rows(path, rows):
    with open(path, "wb") as out:
        for key, value in rows:
            out.write(len(key).to_bytes(4, "little") + len(value).to_bytes(4, "little"))
            out.write(key)
            out.write(value)


def read_rows(path):
    """[(key, value)] of a row file."""
    data, at, rows = Path(path).read_bytes(), 0, []
    while at < len(data):
        key_end = at + 8 + int.from_bytes(data[at:at + 4], "little")
        end = key_end + int.from_bytes(data[at + 4:at + 8], "little")
        rows.append((data[at + 8:key_end], data[key_end:end]))
        at = end
    return rows


def _fixed_rows(path, keys, values):
    """A row file of equally long keys and values, given as arrays of bytes."""
    head = np.array([keys.shape[1], values.shape[1]], "<u4").view(np.uint8)
    np.hstack([np.tile(head, (len(keys), 1)), keys, values]).tofile(path)


@dataclass
class Synthetic:
    """Rows of 16 random bytes under which 256 random bytes are kept."""
    n: int
    sorted: Path
    shuffled: Path
    sample: Path  # some of the rows, in random order
    misses: Path  # as many keys that are not there


def make_synthetic(folder, n, n_sample):
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 256, (n, 16), dtype=np.uint8)
    keys = keys[np.lexsort(keys.T[::-1])]
    values = rng.integers(0, 256, (n, 256), dtype=np.uint8)
    made = Synthetic(n, *(folder / f"{name}.rows" for name in ("sorted", "shuffled", "sample",
                                                               "misses")))
    order = rng.permutation(n)
    few = order[:n_sample]
    _fixed_rows(made.sorted, keys, values)
    _fixed_rows(made.shuffled, keys[order], values[order])
    _fixed_rows(made.sample, keys[few], values[few])
    _fixed_rows(made.misses, rng.integers(0, 256, (n_sample, 16), dtype=np.uint8), values[:n_sample, :0])
    return made


@dataclass
class Packages:
    """Packages of Debian 12: name, about 500 bytes of JSON, an embedding of 384 floats."""
    source: str
    n: int
    dim: int
    raw_mb: float
    rows: Path
    vectors: Path
    npy: Path
    jsonl: Path
    queries: Path
    n_queries: int


def _float_matrix(column):
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = np.asarray(column.flatten(), dtype="<f4")
    return flat.reshape(len(column), -1)


def _find_parquet():
    folders = [os.environ.get("SHARDY_DATA_DIR"), ROOT.parent / "shared" / "data"]
    return next((Path(f) / PARQUET for f in folders if f and (Path(f) / PARQUET).exists()), None)


def _load_parquet(path):
    table = pq.read_table(path)
    queries = path.with_name("queries.parquet")
    if queries.exists():
        query_vectors = _float_matrix(pq.read_table(queries)["embedding"])
    else:
        query_vectors = np.load(ROOT / "examples/data/queries.f16.npy").astype("<f4")
    ids, payloads = table["id"].to_pylist(), table["payload"].to_pylist()
    return ids, payloads, _float_matrix(table["embedding"]), query_vectors


def _load_sample():
    folder = ROOT / "examples/data"
    with pa.input_stream(str(folder / "packages.jsonl.zst"), compression="zstd") as stream:
        lines = [json.loads(line) for line in stream.read().splitlines()]
    vectors = np.load(folder / "packages.f16.npy").astype("<f4")
    queries = np.load(folder / "queries.f16.npy").astype("<f4")
    return ([x["id"] for x in lines], [json.dumps(x["payload"]) for x in lines], vectors, queries)


def make_packages(folder, limit=None):
    path = _find_parquet()
    ids, payloads, vectors, queries = _load_parquet(path) if path else _load_sample()
    ids, payloads, vectors = ids[:limit], payloads[:limit], vectors[:limit]
    made = Packages(PARQUET if path else "the sample in examples/data", len(ids), vectors.shape[1], 0,
                    *(folder / f"packages.{end}" for end in ("rows", "f32", "npy", "jsonl")),
                    folder / "queries.f32", len(queries))
    rows = [(i.encode(), p.encode()) for i, p in zip(ids, payloads)]
    write_rows(made.rows, rows)
    vectors.tofile(made.vectors)
    np.save(made.npy, vectors)
    queries.tofile(made.queries)
    with open(made.jsonl, "w", encoding="utf-8") as out:
        for key, payload in zip(ids, payloads):
            out.write(f'{{"id": {json.dumps(key)}, "payload": {payload}}}\n')
    made.raw_mb = (sum(len(k) + len(v) for k, v in rows) + vectors.nbytes) / 1e6
    return made
