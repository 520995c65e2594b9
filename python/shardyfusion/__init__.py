"""Immutable sharded snapshots of keys, values and vectors.

Names are imported at first use, so that ``import shardyfusion`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .composite_adapter import CompositeFactory
    from .config import (
        BaseShardedWriteConfig,
        BufferingOptions,
        HashShardedWriteConfig,
        HashShardingConfig,
        KeyValueWriteConfig,
        KvWriteRateLimitConfig,
        PythonRecordInput,
        PythonWriteOptions,
        SharedMemoryOptions,
        UnifiedVectorWriteConfig,
        WriterLifecycleConfig,
        WriterManifestConfig,
        WriterObservabilityConfig,
        WriterOutputConfig,
        WriterRetryConfig,
        WriterStorageConfig,
    )
    from .errors import (
        ConfigValidationError,
        DbAdapterError,
        ManifestBuildError,
        ManifestParseError,
        ManifestStoreError,
        PoolExhaustedError,
        PublishCurrentError,
        PublishManifestError,
        ReaderStateError,
        S3TransientError,
        ShardAssignmentError,
        ShardCoverageError,
        ShardWriteError,
        ShardyfusionError,
        VectorIndexError,
        VectorSearchError,
    )
    from .manifest import BuildDurations, BuildResult, BuildStats, RequiredShardMeta, WriterInfo
    from .ops import VerifyReport, verify
    from .reader import ShardDetail, SnapshotInfo, UnifiedShardedReader
    from .sharding_types import KeyEncoding, ShardHashAlgorithm, ShardingStrategy
    from .slatedb_adapter import SlateDbFactory, SlateDbSettings
    from .type_defs import RetryConfig, S3ConnectionOptions
    from .vector.adapters.lancedb_adapter import LanceDbFactory
    from .vector.config import DistanceMetric, VectorSpec
    from .vector.types import SearchResult, VectorSearchResponse
    from .writer.arrow import write_arrow

    __version__: str

_HOMES = {
    "composite_adapter": ("CompositeFactory",),
    "config": (
        "BaseShardedWriteConfig",
        "BufferingOptions",
        "HashShardedWriteConfig",
        "HashShardingConfig",
        "KeyValueWriteConfig",
        "KvWriteRateLimitConfig",
        "PythonRecordInput",
        "PythonWriteOptions",
        "SharedMemoryOptions",
        "UnifiedVectorWriteConfig",
        "WriterLifecycleConfig",
        "WriterManifestConfig",
        "WriterObservabilityConfig",
        "WriterOutputConfig",
        "WriterRetryConfig",
        "WriterStorageConfig",
    ),
    "errors": (
        "ConfigValidationError",
        "DbAdapterError",
        "ManifestBuildError",
        "ManifestParseError",
        "ManifestStoreError",
        "PoolExhaustedError",
        "PublishCurrentError",
        "PublishManifestError",
        "ReaderStateError",
        "S3TransientError",
        "ShardAssignmentError",
        "ShardCoverageError",
        "ShardWriteError",
        "ShardyfusionError",
        "VectorIndexError",
        "VectorSearchError",
    ),
    "manifest": ("BuildDurations", "BuildResult", "BuildStats", "RequiredShardMeta", "WriterInfo"),
    "ops": ("VerifyReport", "verify"),
    "reader": ("ShardDetail", "SnapshotInfo", "UnifiedShardedReader"),
    "sharding_types": ("KeyEncoding", "ShardHashAlgorithm", "ShardingStrategy"),
    "slatedb_adapter": ("SlateDbFactory", "SlateDbSettings"),
    "type_defs": ("RetryConfig", "S3ConnectionOptions"),
    "vector.adapters.lancedb_adapter": ("LanceDbFactory",),
    "vector.config": ("DistanceMetric", "VectorSpec"),
    "vector.types": ("SearchResult", "VectorSearchResponse"),
    "writer.arrow": ("write_arrow",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BaseShardedWriteConfig",
    "BufferingOptions",
    "BuildDurations",
    "BuildResult",
    "BuildStats",
    "CompositeFactory",
    "ConfigValidationError",
    "DbAdapterError",
    "DistanceMetric",
    "HashShardedWriteConfig",
    "HashShardingConfig",
    "KeyEncoding",
    "KeyValueWriteConfig",
    "KvWriteRateLimitConfig",
    "LanceDbFactory",
    "ManifestBuildError",
    "ManifestParseError",
    "ManifestStoreError",
    "PoolExhaustedError",
    "PublishCurrentError",
    "PublishManifestError",
    "PythonRecordInput",
    "PythonWriteOptions",
    "ReaderStateError",
    "RequiredShardMeta",
    "RetryConfig",
    "S3ConnectionOptions",
    "S3TransientError",
    "SearchResult",
    "ShardAssignmentError",
    "ShardCoverageError",
    "ShardDetail",
    "ShardHashAlgorithm",
    "ShardWriteError",
    "ShardingStrategy",
    "ShardyfusionError",
    "SharedMemoryOptions",
    "SlateDbFactory",
    "SlateDbSettings",
    "SnapshotInfo",
    "UnifiedShardedReader",
    "UnifiedVectorWriteConfig",
    "VectorIndexError",
    "VectorSearchError",
    "VectorSearchResponse",
    "VectorSpec",
    "VerifyReport",
    "WriterInfo",
    "WriterLifecycleConfig",
    "WriterManifestConfig",
    "WriterObservabilityConfig",
    "WriterOutputConfig",
    "WriterRetryConfig",
    "WriterStorageConfig",
    "verify",
    "write_arrow",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from ._core import version

        return version()
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
