"""What a build answers: the shards that won, the manifest that names them, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .sharding_types import KeyEncoding

if TYPE_CHECKING:
    from ._core import ResultDict, ShardDict

__all__ = ["BuildDurations", "BuildResult", "BuildStats", "RequiredShardMeta", "WriterInfo"]


@dataclass(frozen=True)
class WriterInfo:
    """Who wrote a shard, and how long it took."""

    stage_id: int | None = None
    task_attempt_id: int | None = None
    attempt: int = 0
    duration_ms: int = 0


@dataclass(frozen=True)
class RequiredShardMeta:
    """One shard of a snapshot."""

    db_id: int
    db_url: str | None
    attempt: int
    row_count: int
    db_bytes: int
    min_key: int | str | bytes | None = None
    max_key: int | str | bytes | None = None
    checkpoint_id: str | None = None
    writer_info: WriterInfo = field(default_factory=WriterInfo)
    vector_count: int = 0
    vector_index: str | None = None
    vector_partitions: int = 0


@dataclass(frozen=True)
class BuildDurations:
    """Milliseconds: adding rows, building shards, publishing, and all of it."""

    sharding_ms: int
    write_ms: int
    manifest_ms: int
    total_ms: int


@dataclass(frozen=True)
class BuildStats:
    """``rows_written`` counts the rows given, ``duplicate_rows`` those that a later row replaced."""

    durations: BuildDurations
    num_attempt_results: int
    num_winners: int
    rows_written: int
    duplicate_rows: int = 0


@dataclass(frozen=True)
class BuildResult:
    """A published snapshot."""

    run_id: str
    winners: list[RequiredShardMeta]
    manifest_ref: str
    stats: BuildStats
    run_record_ref: str | None = None


def parse_bound(text: str | None, encoding: str | None) -> int | str | bytes | None:
    """min_key or max_key: a JSON scalar; the bytes of a raw key are written as text there."""
    if text is None:
        return None
    bound: Any = json.loads(text)
    if isinstance(bound, str) and encoding == KeyEncoding.RAW:
        return bound.encode()
    return bound if isinstance(bound, int | str) else None


def parse_writer_info(text: str | None) -> WriterInfo:
    fields: Any = json.loads(text) if text else {}
    if not isinstance(fields, Mapping):
        return WriterInfo()
    known = {name: fields[name] for name in WriterInfo.__dataclass_fields__ if name in fields}
    return WriterInfo(**known)


def shard_meta(shard: ShardDict, encoding: str | None) -> RequiredShardMeta:
    return RequiredShardMeta(
        db_id=shard["db_id"],
        db_url=shard["db_url"],
        attempt=shard["attempt"],
        row_count=shard["row_count"],
        db_bytes=shard["db_bytes"],
        min_key=parse_bound(shard["min_key"], encoding),
        max_key=parse_bound(shard["max_key"], encoding),
        checkpoint_id=shard["checkpoint_id"],
        writer_info=parse_writer_info(shard["writer_info"]),
        vector_count=shard["vector_count"],
        vector_index=shard["vector_index"],
        vector_partitions=shard["vector_partitions"],
    )


def build_result(raw: ResultDict) -> BuildResult:
    snapshot = raw["snapshot"]
    durations = BuildDurations(
        raw["sharding_ms"], raw["write_ms"], raw["manifest_ms"], raw["total_ms"]
    )
    return BuildResult(
        run_id=snapshot["run_id"],
        winners=[shard_meta(shard, snapshot["key_encoding"]) for shard in raw["shards"]],
        manifest_ref=snapshot["manifest_ref"],
        stats=BuildStats(
            durations=durations,
            num_attempt_results=raw["attempts"],
            num_winners=raw["n_shards"],
            rows_written=raw["rows_written"],
            duplicate_rows=raw["duplicate_rows"],
        ),
    )
