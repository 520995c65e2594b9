#!/usr/bin/env python3
"""Write the manifests and pointers of this folder, and the seeds of the fuzz corpora.

Python's own sqlite3 and json make them, so that what the C code reads and writes is compared with
an independent implementation of docs/format/snapshot.md. Needs nothing but Python:

    python3 generate.py

The images here have pages of 4,096 bytes as every manifest has; the seeds of the fuzz corpus are the
same manifests with pages of 512 bytes, which leaves less that means nothing.
"""

import hashlib
import json
import sqlite3
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent.parent / "fuzz" / "corpus"

# The manifest of docs/format/snapshot.md, "Golden manifest".
GOLDEN_SHA256 = "add6560a291aaa2d1425bee6e3ae91098830c7d9ccc053b8dfb6e9aba30c2e64"

BUILD_META = [
    ("run_id", "TEXT    NOT NULL"),
    ("created_at", "TEXT    NOT NULL"),
    ("num_dbs", "INTEGER NOT NULL"),
    ("s3_prefix", "TEXT    NOT NULL"),
    ("key_col", "TEXT    NOT NULL"),
    ("sharding", "TEXT    NOT NULL"),
    ("db_path_template", "TEXT    NOT NULL"),
    ("shard_prefix", "TEXT    NOT NULL"),
    ("format_version", "INTEGER NOT NULL"),
    ("key_encoding", "TEXT    NOT NULL"),
    ("custom", "TEXT    NOT NULL DEFAULT '{}'"),
]
SHARDS = [
    ("db_id", "INTEGER NOT NULL PRIMARY KEY"),
    ("db_url", "TEXT"),
    ("attempt", "INTEGER NOT NULL"),
    ("row_count", "INTEGER NOT NULL"),
    ("db_bytes", "INTEGER NOT NULL"),
    ("min_key", "TEXT"),
    ("max_key", "TEXT"),
    ("checkpoint_id", "TEXT"),
    ("writer_info", "TEXT    NOT NULL DEFAULT '{}'"),
]
SHARD_OBJECTS = """CREATE TABLE shard_objects (
    db_id INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    size  INTEGER NOT NULL,
    xxh3  TEXT    NOT NULL,
    PRIMARY KEY(db_id, name)
) WITHOUT ROWID"""
HASH = {
    "cel_columns": None,
    "cel_expr": None,
    "hash_algorithm": "xxh3_64",
    "routing_values": None,
    "strategy": "hash",
}


def ddl(table, columns):
    width = max(len(name) for name, _ in columns) + 1
    lines = ",\n".join(f"    {name:<{width}}{kind}" for name, kind in columns)
    return f"CREATE TABLE {table} (\n{lines}\n)"


def dumps(value):
    return json.dumps(value, sort_keys=True)


def scalar(key):
    return None if key is None else json.dumps(key)


def writer_info(attempt=0, duration_ms=0):
    return {
        "attempt": attempt,
        "duration_ms": duration_ms,
        "stage_id": None,
        "task_attempt_id": None,
    }


def shard(db_id, rows, low=None, high=None, *, prefix="s3://b/p", run="r1", attempt=0, **rest):
    url = f"{prefix.rstrip('/')}/shards/run_id={run}/db={db_id:05d}/attempt={attempt:02d}"
    return {
        "db_id": db_id,
        "db_url": rest.get("db_url", url),
        "attempt": attempt,
        "row_count": rows,
        "db_bytes": rest.get("db_bytes", 0),
        "min_key": scalar(low),
        "max_key": scalar(high),
        "checkpoint_id": rest.get("checkpoint_id"),
        "writer_info": dumps(writer_info(attempt, rest.get("duration_ms", 0))),
    }


def manifest(shards, *, page_size=4096, encoding="UTF-8", objects=(), extra=(), **meta):
    """The SQLite image of a manifest; `extra` are further statements."""
    row = {
        "run_id": "r1",
        "created_at": "2026-01-02T03:04:05.678900Z",
        "num_dbs": 4,
        "s3_prefix": "s3://b/p",
        "key_col": "_key",
        "sharding": dumps(HASH),
        "db_path_template": "db={db_id:05d}",
        "shard_prefix": "shards",
        "format_version": 4,
        "key_encoding": "u64be",
        "custom": dumps(meta.pop("custom", {})),
        **meta,
    }
    con = sqlite3.connect(":memory:")
    con.execute(f"PRAGMA page_size = {page_size}")
    con.execute(f"PRAGMA encoding = '{encoding}'")
    con.execute(ddl("build_meta", BUILD_META))
    con.execute(ddl("shards", SHARDS))
    if objects:
        con.execute(SHARD_OBJECTS)
    names = [name for name, _ in BUILD_META]
    con.execute(f"INSERT INTO build_meta VALUES ({','.join('?' * 11)})", [row[n] for n in names])
    names = [name for name, _ in SHARDS]
    con.executemany(
        f"INSERT INTO shards VALUES ({','.join('?' * 9)})", [[s[n] for n in names] for s in shards]
    )
    if objects:
        con.executemany("INSERT INTO shard_objects VALUES (?,?,?,?)", objects)
    con.commit()
    for statement in extra:
        con.execute(statement)
    con.commit()
    return con.serialize()


def vector(**changes):
    fields = {
        "dim": 384,
        "metric": "cosine",
        "index_type": "hnsw",
        "quantization": None,
        "unified": True,
        "backend": "lancedb",
        "kv_backend": "slatedb",
    }
    fields.update(changes)
    return {"vector": {k: v for k, v in fields.items() if v is not ...}}


TWO = [shard(0, 2, 1, 9), shard(2, 1, 5, 5)]

OBJECTS = [
    (0, "compacted/01J79C21YKR31J2BS1EFXJZ7MR.sst", 2**40, "00000000000000ff"),
    (0, "manifest/00000000000000000001.manifest", 17, "ffffffffffffffff"),
    (2, "vector/vector_index.lance/_versions/1.manifest", 0, "2d06800538d394c2"),
]

OWN = {
    "format": 1,
    "writer": "shardyfusion 0",
    "duplicate_rows": 3,
    "index_note": "hnsw was asked for",
    "shards": {
        "0": {"vector_count": 2, "vector_index": "IVF_FLAT", "vector_partitions": 1},
        "2": {"vector_count": 1, "vector_index": "IVF_FLAT", "vector_partitions": 7},
    },
}

# Name -> arguments of manifest(). What the C tests expect of each stands in
# tests/unit/test_snapshot_manifest.c.
MANIFESTS = {
    "golden": (
        [
            shard(0, 2, 1, 9, checkpoint_id="abc"),
            shard(2, 1, "\u00e9", "\u00e9", db_bytes=7, duration_ms=5),
        ],
        {"custom": {"z": 1, "a": {"k": [1, None]}}},
    ),
    "empty": ([], {"num_dbs": 1, "created_at": "2026-01-02T03:04:05Z", "key_encoding": "raw"}),
    "text_keys": (
        [
            shard(1, 3, 'a"\\\u20ac', "\U0001f600", prefix="s3://b/p/", attempt=101),
            shard(0, 1, None, None, prefix="s3://b/p/"),
            {**shard(2, 0), "db_url": None},
        ],
        {"num_dbs": 3, "s3_prefix": "s3://b/p/", "key_encoding": "utf8", "key_col": "na\u00efve"},
    ),
    "vector": (
        TWO,
        {
            "custom": {
                **vector(index_params={"M": 16, "nprobes": 8}, quantization="i8", metric="l2"),
                "nul": "\0",
                "numbers": [1e300, -0.0, -(2**63)],
            }
        },
    ),
    "vector_plain": (TWO, {"custom": vector(index_type=..., backend=..., kv_backend=...)}),
    "objects": (TWO, {"objects": OBJECTS, "custom": {**vector(), "shardyfusion": OWN}}),
    "extras": (
        TWO,
        {
            "custom": {"shardyfusion": {"format": 2, "shards": "later"}},
            "extra": [
                "ALTER TABLE build_meta ADD COLUMN later TEXT DEFAULT 'x'",
                "ALTER TABLE shards ADD COLUMN later INTEGER",
                "CREATE TABLE other (a, b)",
                "CREATE INDEX by_rows ON shards (row_count)",
                "CREATE VIEW v AS SELECT * FROM shards",
                "CREATE TRIGGER t AFTER DELETE ON shards BEGIN DELETE FROM other; END",
            ],
        },
    ),
    # Refused: written by other configurations of the same format.
    "cel": (
        TWO,
        {"sharding": dumps({**HASH, "strategy": "cel", "cel_expr": "a", "cel_columns": {"a": "int"}})},
    ),
    "sqlite_vec": (TWO, {"custom": vector(backend="sqlite-vec", kv_backend="sqlite-vec")}),
    "sqlite_kv": (TWO, {"custom": vector(kv_backend="sqlite")}),
    "sqlite_sidecar": (TWO, {"custom": {"sqlite_sidecar": {"format_version": 8}}}),
    "vector_only": (
        TWO,
        {
            "key_col": "_vector_id",
            "key_encoding": "raw",
            "custom": vector(
                unified=..., backend=..., kv_backend=..., total_vectors=3, num_probes=1
            ),
        },
    ),
    "utf16": (TWO, {"encoding": "UTF-16le"}),
}

POINTER = {
    "format_version": 1,
    "manifest_content_type": "application/x-sqlite3",
    "manifest_ref": "s3://b/p/manifests/2026-01-02T03:04:06.000001Z_run_id=r1/manifest",
    "run_id": "r1",
    "updated_at": "2026-01-02T03:04:05.678900Z",
}

CUSTOM = {
    "empty": "{}",
    "spaces": ' \n{ "b" : [ 1 , 2.50 , -0, 1e5 ] ,\t"a" : { "y" : null , "x" : true } }\r\n',
    "strings": '{"q": "\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u0000", "\u00e9": "\u20ac\U0001f600"}',
    "own": '{"vector": {}}',
    "twice": '{"a": 1, "\\u0061": 2}',
    "deep": '{"a": ' + "[" * 60 + "]" * 60 + "}",
    "list": "[]",
    "broken": '{"a": 1,}',
}


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def main():
    for name, (shards, options) in MANIFESTS.items():
        image = manifest(shards, **options)
        if name == "golden":
            assert hashlib.sha256(image).hexdigest() == GOLDEN_SHA256
        (HERE / f"{name}.sqlite").write_bytes(image)
        small = manifest(shards, page_size=512, **options)
        (CORPUS / "snapshot_manifest" / f"{name}.sqlite").write_bytes(small)
    pointer = compact(POINTER)
    (HERE / "current.json").write_bytes(pointer)
    (CORPUS / "snapshot_current" / "golden.json").write_bytes(pointer)
    spaced = json.dumps({**POINTER, "run_id": "\u00e9\\", "more": [1, {"a": None}]}, indent=1)
    (CORPUS / "snapshot_current" / "spaced.json").write_bytes(spaced.encode())
    for name, text in CUSTOM.items():
        (CORPUS / "snapshot_custom" / f"{name}.json").write_bytes(text.encode())


if __name__ == "__main__":
    main()
