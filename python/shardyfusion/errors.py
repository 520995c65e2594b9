"""The exceptions of this package.

Every one has a class attribute ``retryable``: whether the same call may succeed later without
anybody changing its input. Exceptions that come from the library also carry ``status`` (the name of
the library's status code), ``shard`` (the shard's db_id where one shard is meant) and ``os_error``
(an errno where a system call failed).
"""

from __future__ import annotations

import re

__all__ = [
    "BridgeTimeoutError",
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
]


class ShardyfusionError(Exception):
    """Base of all exceptions of this package."""

    retryable: bool = False
    status: str | None = None
    shard: int | None = None
    os_error: int | None = None


class ConfigValidationError(ShardyfusionError, ValueError):
    """A configuration or an input row that cannot be accepted."""


class ShardAssignmentError(ShardyfusionError):
    """A row cannot be assigned to a shard."""


class ShardCoverageError(ShardyfusionError):
    """Shards are missing from the result of a build."""


class DbAdapterError(ShardyfusionError):
    """Reading or writing a shard's objects failed, or what was read is corrupt."""


class BridgeTimeoutError(ShardyfusionError):
    """An operation of an external engine took too long."""

    retryable = True


class ManifestBuildError(ShardyfusionError):
    """The manifest could not be made."""


class PublishManifestError(ShardyfusionError):
    """The manifest could not be published."""

    retryable = True


class PublishCurrentError(ShardyfusionError):
    """The manifest is stored, but ``_CURRENT`` could not be made to name it.

    ``manifest_ref`` is that manifest; the library names it in its message.
    """

    retryable = True

    def __init__(self, message: str, *, manifest_ref: str | None = None) -> None:
        super().__init__(message)
        named = re.search(r"manifest_ref=(.+?) is complete", message)
        self.manifest_ref = manifest_ref or (named[1] if named else None)


class ManifestParseError(ShardyfusionError):
    """A manifest or ``_CURRENT`` is not what it should be."""


class ReaderStateError(ShardyfusionError):
    """A reader or writer that is closed, in use, inherited by a fork, or has nothing to open."""


class PoolExhaustedError(ShardyfusionError):
    """No reader became free in time."""

    retryable = True


class ManifestStoreError(ShardyfusionError):
    """A manifest store failed."""

    retryable = True


class ShardWriteError(ShardyfusionError):
    """A shard could not be written."""

    retryable = True


class S3TransientError(ShardyfusionError):
    """The object store failed in a way that may pass."""

    retryable = True


class VectorIndexError(ShardyfusionError):
    """A vector index could not be built."""


class VectorSearchError(ShardyfusionError):
    """A vector search failed."""
