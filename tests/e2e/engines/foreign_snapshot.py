"""foreign_snapshot.py: a second reader of snapshots, which shares no code with the library.

Written from the description of the format alone, with json, sqlite3 and xxhash. All tests here find
shards, keys and checkpoints through it, so that the engines are led to the files the way a reader of
another implementation would get there.
"""
import json
import sqlite3
from pathlib import Path

import xxhash


def path_of(url):
    """The file or directory that a file:// URL names. Nothing in it is percent-encoded."""
    assert url.startswith("file:///"), url
    return Path(url.removeprefix("file://"))


def canonical(key):
    """The bytes of a key that are hashed."""
    if isinstance(key, bytes):
        return key
    if isinstance(key, str):
        return key.encode()
    return key.to_bytes(8, "little", signed=True)


def shard_of(key, num_dbs):
    return xxhash.xxh3_64_intdigest(canonical(key)) % num_dbs


def stored(key, encoding):
    """The bytes under which a key is stored in its shard."""
    if encoding == "u64be":
        return key.to_bytes(8, "big")
    if encoding == "u32be":
        return key.to_bytes(4, "big")
    assert encoding in ("utf8", "raw"), encoding
    return key.encode() if isinstance(key, str) else key


class Shard:
    """One row of the table `shards`."""

    def __init__(self, row):
        self.row = row
        self.db_id = row["db_id"]
        self.url = row["db_url"]
        self.path = path_of(row["db_url"])
        self.row_count = row["row_count"]
        self.checkpoint_id = row["checkpoint_id"]
        self.vector_root = self.path / "vector"
        self.table = self.vector_root / "vector_index.lance"

    def ssts(self):
        return sorted((self.path / "compacted").iterdir())


class ForeignSnapshot:
    """What _CURRENT names: manifest tables as plain dictionaries."""

    def __init__(self, prefix):
        self.prefix = Path(prefix)
        self.current_text = (self.prefix / "_CURRENT").read_text()
        self.current = json.loads(self.current_text)
        self.manifest_path = path_of(self.current["manifest_ref"])
        con = sqlite3.connect(":memory:")
        con.deserialize(self.manifest_path.read_bytes())
        con.row_factory = sqlite3.Row
        try:
            metas = [dict(row) for row in con.execute("SELECT * FROM build_meta")]
            shards = [dict(row) for row in con.execute("SELECT * FROM shards ORDER BY rowid")]
            self.columns = {name: [tuple(column) for column in con.execute(f"PRAGMA table_info({name})")]
                            for name in ("build_meta", "shards")}
        finally:
            con.close()
        (self.meta,) = metas
        self.num_dbs = self.meta["num_dbs"]
        self.key_encoding = self.meta["key_encoding"]
        self.custom = json.loads(self.meta["custom"])
        self.shards = [Shard(row) for row in shards]

    @property
    def shard(self):
        """The only shard."""
        (shard,) = self.shards
        return shard

    def stored_rows(self, rows):
        """{db_id: {stored key: value}} of {key: value}: what each shard must hold."""
        split = {db_id: {} for db_id in range(self.num_dbs)}
        for key, value in rows.items():
            split[shard_of(key, self.num_dbs)][stored(key, self.key_encoding)] = value
        return split


def tree(root):
    """{name: (size, time of change)} of every file and directory below root."""
    found = {}
    for path in sorted(Path(root).rglob("*")):
        facts = path.stat()
        found[str(path.relative_to(root))] = (path.is_dir() or facts.st_size, facts.st_mtime_ns)
    return found
