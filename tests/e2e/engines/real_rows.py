"""real_rows.py: data sets of real rows: the sample in examples/data, and a larger one where there is one.

The larger one is a directory with debian-packages.parquet (id, section, payload, embedding) and
queries.parquet (text, embedding), named by the variable SHARDY_DATA_DIR or found beside the checkout.
"""
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "examples" / "data"
LARGE = Path(os.environ.get("SHARDY_DATA_DIR") or ROOT.parent / "shared" / "data")
PACKAGES, QUERIES = "debian-packages.parquet", "queries.parquet"


@dataclass
class RealRows:
    rows: pa.Table  # id, section, value, embedding
    vectors: np.ndarray
    queries: np.ndarray


def names():
    large = (LARGE / PACKAGES).exists() and (LARGE / QUERIES).exists()
    return ["sample", "large"] if large else ["sample"]


def _matrix(column):
    column = column.combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


def _sample():
    with pa.input_stream(SAMPLE / "packages.jsonl.zst", compression="zstd") as stream:
        lines = stream.read().splitlines()
    vectors = np.load(SAMPLE / "packages.f16.npy").astype("f4")
    parsed = pyarrow.json.read_json(pa.BufferReader(b"\n".join(lines)))
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    rows = pa.table({"id": parsed["id"], "section": parsed["section"],
                     "value": pa.array(lines, pa.binary()), "embedding": embedding})
    return RealRows(rows, vectors, np.load(SAMPLE / "queries.f16.npy").astype("f4"))


def _large():
    rows = pa.parquet.read_table(LARGE / PACKAGES, columns=["id", "section", "payload", "embedding"])
    queries = pa.parquet.read_table(LARGE / QUERIES, columns=["embedding"])
    return RealRows(rows.rename_columns(["id", "section", "value", "embedding"]),
                    _matrix(rows["embedding"]).astype("f4"),
                    _matrix(queries["embedding"]).astype("f4"))


def load(name):
    return {"sample": _sample, "large": _large}[name]()
