"""What the vectors of a snapshot are and how each shard indexes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .._refuse import refuse
from ..errors import ConfigValidationError

__all__ = ["DistanceMetric", "VectorSpec", "VectorSpecSharding"]


class DistanceMetric(StrEnum):
    """Distance of two vectors; smaller is nearer."""

    COSINE = "cosine"
    L2 = "l2"
    DOT_PRODUCT = "dot_product"


@dataclass
class VectorSpecSharding:
    """Sharding by vectors. Rows of these snapshots are sharded by their keys."""

    strategy: str = "cluster"
    num_probes: int = 1
    centroids: object | None = None
    train_centroids: bool = False
    centroids_training_sample_size: int = 100_000
    num_hash_bits: int = 8
    hyperplanes: object | None = None
    cel_expr: str | None = None
    cel_columns: Mapping[str, str] | None = None
    routing_values: Sequence[int | str | bytes] | None = None

    def check(self) -> None:
        for name, default in vars(VectorSpecSharding()).items():
            refuse(
                f"vector_spec.sharding.{name}",
                getattr(self, name),
                default,
                why="rows are sharded by their keys",
            )


@dataclass
class VectorSpec:
    """index_type: "hnsw", "ivf" or "flat". quantization: None, "none", "sq", "fp16" or "i8".

    index_params: M, ef_construction, num_partitions, ef, nprobes, refine_factor.
    vector_col: where the vectors are when the input names no other place.
    """

    dim: int
    vector_col: str | None = None
    metric: DistanceMetric | str = DistanceMetric.COSINE
    index_type: str = "hnsw"
    index_params: Mapping[str, Any] = field(default_factory=dict)
    quantization: str | None = None
    sharding: VectorSpecSharding = field(default_factory=VectorSpecSharding)

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        try:
            self.metric = DistanceMetric(self.metric)
        except ValueError:
            raise ConfigValidationError(
                f"vector_spec.metric must be one of {', '.join(DistanceMetric)}, "
                f"got {self.metric!r}"
            ) from None
        if not isinstance(self.index_params, Mapping):
            raise ConfigValidationError("vector_spec.index_params must be a dict")
        for name in ("index_type", "quantization"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "index_type"):
                raise ConfigValidationError(f"vector_spec.{name} must be a str, got {value!r}")
        self.sharding.check()
