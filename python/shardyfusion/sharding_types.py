"""Names that say how keys are stored and how they choose their shard."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["KeyEncoding", "ShardHashAlgorithm", "ShardingStrategy"]


class KeyEncoding(StrEnum):
    """How keys are stored in a shard."""

    U64BE = "u64be"
    U32BE = "u32be"
    UTF8 = "utf8"
    RAW = "raw"


class ShardHashAlgorithm(StrEnum):
    """The hash that spreads keys over shards."""

    XXH3_64 = "xxh3_64"


class ShardingStrategy(StrEnum):
    """How keys choose their shard."""

    HASH = "hash"
