"""What a search answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

__all__ = ["SearchResult", "VectorSearchResponse"]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One row near the query. ``score`` is the metric's exact distance: smaller is nearer.

    ``vector`` is an array of floats when it was asked for. ``payload`` is decoded JSON, or the text
    itself where it is not JSON.
    """

    id: str
    score: float
    vector: Any = None
    payload: Any = None
    db_id: int | None = None


@dataclass(frozen=True)
class VectorSearchResponse(Sequence[SearchResult]):
    """The nearest rows, nearest first; also a sequence of them."""

    results: list[SearchResult]
    num_shards_queried: int
    latency_ms: float
    distances: int = 0

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[SearchResult]:
        return iter(self.results)

    @overload
    def __getitem__(self, index: int) -> SearchResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[SearchResult]: ...
    def __getitem__(self, index: int | slice) -> SearchResult | list[SearchResult]:
        return self.results[index]
