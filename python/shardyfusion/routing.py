"""Which shard a key belongs to: XXH3-64 of its canonical bytes, modulo the number of shards."""

from __future__ import annotations

from . import _core
from .type_defs import KeyInput

__all__ = ["encode_key", "hash_db_id", "hash_digest", "xxh3_db_id", "xxh3_digest"]


def hash_digest(key: KeyInput) -> int:
    """XXH3-64 (seed 0) of a key: bytes as they are, str as UTF-8, int as 8 bytes little endian."""
    return _core.hash_digest(key)


def hash_db_id(key: KeyInput, num_dbs: int) -> int:
    """The shard, of ``num_dbs``, that a key belongs to."""
    return _core.hash_db_id(key, num_dbs)


def encode_key(key: KeyInput, key_encoding: str) -> bytes:
    """The bytes under which a key is stored."""
    return _core.encode_key(key, key_encoding)


xxh3_digest = hash_digest
xxh3_db_id = hash_db_id
