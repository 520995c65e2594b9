"""Facts about a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..sharding_types import KeyEncoding, ShardHashAlgorithm, ShardingStrategy
from ..vector.config import DistanceMetric

__all__ = ["ShardDetail", "SnapshotInfo", "UnifiedVectorMeta"]


@dataclass(frozen=True)
class SnapshotInfo:
    """One snapshot as its manifest describes it."""

    run_id: str
    num_dbs: int
    sharding: ShardingStrategy
    created_at: datetime
    manifest_ref: str
    row_count: int = 0
    key_encoding: KeyEncoding = KeyEncoding.U64BE
    hash_algorithm: ShardHashAlgorithm = ShardHashAlgorithm.XXH3_64
    num_shards: int = 0
    db_bytes: int = 0
    vector_count: int = 0
    key_col: str = "_key"
    published_at: datetime | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardDetail:
    """One shard of a snapshot; db_url None: no row belongs to it."""

    db_id: int
    row_count: int
    min_key: int | str | bytes | None
    max_key: int | str | bytes | None
    db_url: str | None
    db_bytes: int = 0
    vector_count: int = 0
    vector_index: str | None = None


@dataclass(frozen=True)
class UnifiedVectorMeta:
    """The vectors of a snapshot: as asked for, and (``index_built``) as built."""

    dim: int
    metric: DistanceMetric
    index_type: str
    quantization: str | None
    index_params: Mapping[str, Any]
    backend: str
    kv_backend: str
    index_built: str | None = None
    index_note: str | None = None
