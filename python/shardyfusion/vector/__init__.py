"""Vectors: what they are configured with, and what a search answers."""

from .config import DistanceMetric, VectorSpec, VectorSpecSharding
from .types import SearchResult, VectorSearchResponse

__all__ = [
    "DistanceMetric",
    "SearchResult",
    "VectorSearchResponse",
    "VectorSpec",
    "VectorSpecSharding",
]
