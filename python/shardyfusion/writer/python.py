"""Build a snapshot from Python records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..config import HashShardedWriteConfig, PythonRecordInput, PythonWriteOptions
from ..errors import ConfigValidationError
from ..manifest import BuildResult, build_result
from ..vector.config import VectorSpec
from ._open import check_arguments, open_writer

__all__ = ["write_hash_sharded"]

VectorFn = Callable[[Any], tuple[int | str | None, Any, Any]]


def _vector_fn(spec: VectorSpec | None, input: PythonRecordInput) -> VectorFn | None:
    if spec is None:
        if input.vector_fn is not None:
            raise ConfigValidationError("vector_fn requires config.vector_spec")
        return None
    if input.vector_fn is not None:
        return input.vector_fn
    if spec.vector_col is None:
        raise ConfigValidationError(
            "config.vector_spec is set, but no vector_fn was provided and vector_spec.vector_col "
            "names no column"
        )
    columns_fn, column = input.columns_fn, spec.vector_col
    if columns_fn is None:
        raise ConfigValidationError(
            f"vector_spec.vector_col is {column!r}, but input.columns_fn is None"
        )
    return lambda record: (None, columns_fn(record)[column], None)


def write_hash_sharded(
    records: Iterable[Any],
    config: HashShardedWriteConfig,
    input: PythonRecordInput,
    options: PythonWriteOptions | None = None,
) -> BuildResult:
    """Build and publish a snapshot of ``records``, spread over shards by the hash of their keys.

    Of two records with one key the later one wins, its value and its vector. A record that cannot be
    accepted is a ConfigValidationError that names its key; then, and after Ctrl-C, nothing is
    published.
    """
    check_arguments(config, options)
    if not isinstance(input, PythonRecordInput):
        raise ConfigValidationError(f"input must be a PythonRecordInput, got {input!r}")
    vector_fn = _vector_fn(config.effective_vector_spec(), input)
    num_dbs = config.sharding.shards_for(records)
    with open_writer(config, options, num_dbs=num_dbs) as writer:
        writer.add_records(records, input.key_fn, input.value_fn, vector_fn)
        return build_result(writer.finish())
