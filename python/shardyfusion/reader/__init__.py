"""Reading snapshots."""

from ._types import ShardDetail, SnapshotInfo, UnifiedVectorMeta
from .unified_reader import UnifiedShardedReader

__all__ = ["ShardDetail", "SnapshotInfo", "UnifiedShardedReader", "UnifiedVectorMeta"]
