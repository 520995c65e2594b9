"""Read a snapshot: point lookups, ordered scans and nearest-neighbour search."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from .. import _core
from .._refuse import S3_ONLY, refuse
from ..errors import ConfigValidationError, ManifestParseError
from ..manifest import parse_bound
from ..sharding_types import KeyEncoding, ShardHashAlgorithm, ShardingStrategy
from ..type_defs import KeyInput, PrefixInput, S3ConnectionOptions
from ..vector.config import DistanceMetric
from ..vector.types import SearchResult, VectorSearchResponse
from ._types import ShardDetail, SnapshotInfo, UnifiedVectorMeta

__all__ = ["UnifiedShardedReader"]


def _refuse_context(routing_context: object | None) -> None:
    if routing_context is not None:
        raise ConfigValidationError(
            "route_with_context requires CEL sharding strategy; this snapshot is sharded by hash"
        )


def _decode_payload(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ManifestParseError(f"created_at is not a time: {error}") from error


class UnifiedShardedReader:
    """One published snapshot.

    Any number of threads may use a reader. After a fork the child must open its own. ``local_root``
    is a place for copies of remote objects; snapshots on this machine are read where they are.
    ``max_workers`` is how many shards are opened or searched at once.
    """

    _reader: _core.Reader | None = None

    def __init__(
        self,
        *,
        s3_prefix: PrefixInput,
        local_root: PrefixInput | None = None,
        manifest_store: object | None = None,
        current_pointer_key: str = "_CURRENT",
        reader_factory: object | None = None,
        slate_env_file: str | None = None,
        credential_provider: object | None = None,
        s3_connection_options: S3ConnectionOptions | None = None,
        max_workers: int | None = None,
        max_fallback_attempts: int = 3,
        metrics_collector: object | None = None,
        rate_limiter: object | None = None,
        preload: bool = False,
    ) -> None:
        refuse("manifest_store", manifest_store, why="manifests are kept below the prefix itself")
        refuse("reader_factory", reader_factory, why="shards are read by this package itself")
        refuse("slate_env_file", slate_env_file, why=S3_ONLY)
        refuse("credential_provider", credential_provider, why=S3_ONLY)
        refuse("s3_connection_options", s3_connection_options, why=S3_ONLY)
        refuse("metrics_collector", metrics_collector, why="this version emits no metrics")
        refuse("rate_limiter", rate_limiter, why="this version does not limit its speed")
        if max_fallback_attempts != 0:
            refuse(
                "max_fallback_attempts",
                max_fallback_attempts,
                3,
                why="only the manifest that _CURRENT names is opened",
            )
        if max_workers is not None and (
            not isinstance(max_workers, int) or isinstance(max_workers, bool) or max_workers < 1
        ):
            raise ConfigValidationError(f"max_workers must be a positive integer, got {max_workers!r}")
        self._reader = reader = _core.Reader(
            os.fspath(s3_prefix),
            current_name=current_pointer_key,
            threads=max_workers,
            preload=preload,
        )
        self._info = reader.info()
        self._get = reader.get
        self._search = reader.search

    # ---- facts ----

    @property
    def _core_reader(self) -> _core.Reader:
        assert self._reader is not None
        return self._reader

    @property
    def key_encoding(self) -> KeyEncoding:
        return KeyEncoding(self._info["key_encoding"])

    def snapshot_info(self) -> SnapshotInfo:
        info = self._info
        published = info["published_at"]
        return SnapshotInfo(
            run_id=info["run_id"],
            num_dbs=info["num_dbs"],
            sharding=ShardingStrategy(info["strategy"]),
            created_at=_time(info["created_at"]),
            manifest_ref=info["manifest_ref"],
            row_count=info["row_count"],
            key_encoding=self.key_encoding,
            hash_algorithm=ShardHashAlgorithm(info["hash_algorithm"]),
            num_shards=info["num_shards"],
            db_bytes=info["db_bytes"],
            vector_count=info["vector_count"],
            key_col=info["key_col"],
            published_at=_time(published) if published else None,
            custom=self._custom(),
        )

    def _custom(self) -> dict[str, Any]:
        custom: Any = json.loads(self._info["custom_json"] or "{}")
        return custom if isinstance(custom, dict) else {}

    @property
    def vector_meta(self) -> UnifiedVectorMeta:
        """The snapshot's vectors. ConfigValidationError if it has none."""
        info = self._info
        if not info["has_vectors"]:
            raise ConfigValidationError("the manifest does not contain vector metadata")
        vector = self._custom().get("vector") or {}
        return UnifiedVectorMeta(
            dim=info["dim"],
            metric=DistanceMetric(info["metric"] or "cosine"),
            index_type=info["index_type"] or "hnsw",
            quantization=info["quantization"],
            index_params=vector.get("index_params") or {},
            backend=vector.get("backend", "lancedb"),
            kv_backend=vector.get("kv_backend", "slatedb"),
            index_built=info["index_built"],
            index_note=info["index_note"],
        )

    def shard_details(self) -> list[ShardDetail]:
        """Every shard from 0 to num_dbs, the empty ones included."""
        encoding = self._info["key_encoding"]
        return [
            ShardDetail(
                db_id=shard["db_id"],
                row_count=shard["row_count"],
                min_key=parse_bound(shard["min_key"], encoding),
                max_key=parse_bound(shard["max_key"], encoding),
                db_url=shard["db_url"],
                db_bytes=shard["db_bytes"],
                vector_count=shard["vector_count"],
                vector_index=shard["vector_index"],
            )
            for shard in self._core_reader.shards()
        ]

    # ---- keys ----

    def route_key(
        self, key: KeyInput, *, routing_context: Mapping[str, object] | None = None
    ) -> int:
        """The shard that ``key`` belongs to, whether or not it is stored."""
        _refuse_context(routing_context)
        return self._core_reader.route_key(key)

    def get(
        self, key: KeyInput, *, routing_context: Mapping[str, object] | None = None
    ) -> bytes | None:
        """The value stored under ``key``, or None."""
        if routing_context is not None:
            _refuse_context(routing_context)
        return self._get(key)

    def multi_get(
        self, keys: Iterable[KeyInput], *, routing_context: Mapping[str, object] | None = None
    ) -> dict[KeyInput, bytes | None]:
        """{key: value or None} in the order of ``keys``."""
        _refuse_context(routing_context)
        return self._core_reader.multi_get(keys)

    def scan(
        self,
        *,
        prefix: KeyInput | None = None,
        start: KeyInput | None = None,
        end: KeyInput | None = None,
        shard_ids: Sequence[int] | None = None,
    ) -> Iterator[tuple[KeyInput, bytes]]:
        """(key, value) in order of stored key bytes: those that begin with ``prefix``, or those
        from ``start`` (inclusive) to ``end`` (exclusive)."""
        return self._core_reader.scan(prefix=prefix, start=start, end=end, shard_ids=shard_ids)

    # ---- vectors ----

    def search(
        self,
        query: Any,
        top_k: int = 10,
        *,
        shard_ids: Sequence[int] | None = None,
        routing_context: Mapping[str, object] | None = None,
        exact: bool = False,
        nprobes: int | None = None,
        with_vectors: bool = False,
    ) -> VectorSearchResponse:
        """The ``top_k`` rows nearest to ``query``: a buffer of floats or a sequence of numbers."""
        if routing_context is not None:
            _refuse_context(routing_context)
        if top_k == 0:
            return VectorSearchResponse([], 0, 0.0)
        hits, shards, distances, latency = self._search(
            query,
            top_k,
            shard_ids=shard_ids,
            exact=exact,
            nprobes=nprobes,
            with_vectors=with_vectors,
        )
        results = [
            SearchResult(id, score, vector, _decode_payload(payload), db_id)
            for id, score, payload, vector, db_id in hits
        ]
        return VectorSearchResponse(results, shards, latency, distances)

    def batch_search(
        self,
        queries: Iterable[Any],
        top_k: int = 10,
        *,
        shard_ids: Sequence[int] | None = None,
        routing_context: Mapping[str, object] | None = None,
        exact: bool = False,
        nprobes: int | None = None,
        with_vectors: bool = False,
    ) -> list[VectorSearchResponse]:
        """One response for every query."""
        return [
            self.search(
                query,
                top_k,
                shard_ids=shard_ids,
                routing_context=routing_context,
                exact=exact,
                nprobes=nprobes,
                with_vectors=with_vectors,
            )
            for query in queries
        ]

    def vector(self, id: int | str) -> Any:
        """The vector stored under this vector id as an array of floats, or None.

        Looks at the ids of all shards, so it takes time in proportion to the number of vectors.
        """
        return self._core_reader.vector(id)

    # ---- life ----

    def close(self) -> None:
        """Close the snapshot. Calls that are under way on other threads end first."""
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> UnifiedShardedReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
