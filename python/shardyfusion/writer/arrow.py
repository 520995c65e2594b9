"""Build a snapshot from Arrow data, without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from ..config import HashShardedWriteConfig, PythonWriteOptions
from ..errors import ConfigValidationError
from ..manifest import BuildResult, build_result
from ._open import check_arguments, open_writer

__all__ = ["ArrowSource", "ArrayExporter", "StreamExporter", "write_arrow"]


@runtime_checkable
class StreamExporter(Protocol):
    """pyarrow Table and RecordBatchReader, polars DataFrame, duckdb relation, …"""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class ArrayExporter(Protocol):
    """pyarrow RecordBatch, …"""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...


ArrowSource = StreamExporter | ArrayExporter


def _sources(batches: ArrowSource | Iterable[ArrowSource]) -> Iterable[ArrowSource]:
    if isinstance(batches, StreamExporter | ArrayExporter):
        return (batches,)
    return batches


def _shards_for(config: HashShardedWriteConfig, batches: object) -> int:
    """An exporter's length is its rows; a list's length is not."""
    whole = isinstance(batches, StreamExporter | ArrayExporter)
    return config.sharding.shards_for(batches if whole else iter(()))


def write_arrow(
    batches: ArrowSource | Iterable[ArrowSource],
    config: HashShardedWriteConfig,
    *,
    key_col: str,
    value_col: str,
    vector_col: str | None = None,
    id_col: str | None = None,
    payload_col: str | None = None,
    payload_cols: Sequence[str] | None = None,
    options: PythonWriteOptions | None = None,
) -> BuildResult:
    """Build and publish a snapshot of all rows of ``batches``.

    batches: anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``, or an iterable of such.
    key_col: integers, strings or binary. value_col: binary or strings. vector_col: lists of floats
    (default: ``config.vector_spec.vector_col``). id_col: ids of the vectors (default: the key).
    payload_col: JSON text, taken as it is; or payload_cols: columns that become one JSON object.
    """
    check_arguments(config, options)
    spec = config.effective_vector_spec()
    if spec is None and vector_col is not None:
        raise ConfigValidationError("vector_col requires config.vector_spec")
    if spec is not None and vector_col is None:
        vector_col = spec.vector_col
    if isinstance(payload_cols, str):
        raise ConfigValidationError(
            f"payload_cols must be a list of column names, got the str {payload_cols!r}"
        )
    num_dbs = _shards_for(config, batches)
    with open_writer(config, options, num_dbs=num_dbs, key_col=key_col) as writer:
        for source in _sources(batches):
            writer.add_arrow(
                source,
                key=key_col,
                value=value_col,
                vector=vector_col,
                vector_id=id_col,
                payload=payload_col,
                payload_fields=payload_cols,
            )
        return build_result(writer.finish())
