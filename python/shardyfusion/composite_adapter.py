"""A shard of two parts: a SlateDB store and a Lance table side by side."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConfigValidationError, ShardyfusionError
from .slatedb_adapter import SlateDbFactory
from .vector.adapters.lancedb_adapter import LanceDbWriterFactory
from .vector.config import VectorSpec

__all__ = ["CompositeAdapterError", "CompositeFactory"]


class CompositeAdapterError(ShardyfusionError):
    """A composite shard is used in the wrong state."""


@dataclass
class CompositeFactory:
    """How the two parts of a shard are written."""

    kv_factory: SlateDbFactory
    vector_factory: LanceDbWriterFactory
    vector_spec: VectorSpec

    def __post_init__(self) -> None:
        for name, kind in (
            ("kv_factory", SlateDbFactory),
            ("vector_factory", LanceDbWriterFactory),
            ("vector_spec", VectorSpec),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ConfigValidationError(
                    f"CompositeFactory.{name} must be a {kind.__name__}, got {value!r}"
                )
