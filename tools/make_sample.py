#!/usr/bin/env python3
"""make_sample.py: convert the Parquet sample into what `shardy build` reads.

usage: make_sample.py PACKAGES.parquet QUERIES.parquet [OUT_DIR]

PACKAGES has the columns id, section, payload (JSON text) and embedding (float32 lists), QUERIES the
columns text and embedding. Written into OUT_DIR (default: examples/data beside this script's folder):

  packages.jsonl.zst   one row per package: id, section, description, payload (the whole JSON object)
  packages.f16.npy     float16 [rows, dim]: row i is the embedding of line i
  queries.jsonl        the query texts: {"row": i, "text": ...}
  queries.f16.npy      float16 [queries, dim]

Needs pyarrow and numpy. The same input and the same versions give the same bytes.
"""
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Rows of QUERIES whose nearest packages a person can judge by eye.
QUERY_TEXTS = [
    "General-purpose linear algebra library with transformations and statically-sized or "
    "dynamically-sized matrices.",
    "High performance xml reader and writer",
    "Date and time library for Rust",
    "An Ini configuration file parsing library in Rust",
    "Graph data structure library. Provides graph types and graph algorithms.",
    "Arbitrary precision decimal numbers",
    "Encoding and decoding data into/from hexadecimal representation.",
    "Fast CSV parsing with support for serde.",
]


def embeddings(table):
    """float16 matrix of the embedding column; fails if half precision would lose anything."""
    column = table["embedding"].combine_chunks()
    matrix = column.flatten().to_numpy().reshape(len(table), -1)
    half = matrix.astype("<f2")
    if not np.array_equal(half.astype(np.float32), matrix):
        sys.exit("the embeddings are not exact in half precision")
    return half


def write_packages(table, out):
    lines = []
    for package, section, payload in zip(*(table[c].to_pylist() for c in ("id", "section", "payload"))):
        head = {"id": package, "section": section,
                "description": json.loads(payload).get("description", "")}
        # The payload's own spelling is kept: its text is the value that is stored.
        lines.append(json.dumps(head, ensure_ascii=False)[:-1] + ', "payload": ' + payload + "}\n")
    codec = pa.Codec("zstd", compression_level=19)
    text = "".join(lines).encode()
    (out / "packages.jsonl.zst").write_bytes(codec.compress(text, asbytes=True))
    np.save(out / "packages.f16.npy", embeddings(table))


def write_queries(table, out):
    texts = table["text"].to_pylist()
    rows = [texts.index(text) for text in QUERY_TEXTS]
    np.save(out / "queries.f16.npy", embeddings(table.take(rows)))
    with open(out / "queries.jsonl", "w", encoding="utf-8") as file:
        for i, text in enumerate(QUERY_TEXTS):
            file.write(json.dumps({"row": i, "text": text}, ensure_ascii=False) + "\n")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    default = Path(__file__).resolve().parent.parent / "examples" / "data"
    out = Path(sys.argv[3]) if len(sys.argv) == 4 else default
    out.mkdir(parents=True, exist_ok=True)
    write_packages(pq.read_table(sys.argv[1]), out)
    write_queries(pq.read_table(sys.argv[2]), out)


if __name__ == "__main__":
    main()
