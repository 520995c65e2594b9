"""From a configuration to the library's writer."""

from __future__ import annotations

import json
import os

from .. import _core
from ..composite_adapter import CompositeFactory
from ..config import HashShardedWriteConfig, PythonWriteOptions
from ..errors import ConfigValidationError
from ..slatedb_adapter import SlateDbFactory
from ..vector.config import VectorSpec


def check_arguments(config: object, options: object) -> None:
    if not isinstance(config, HashShardedWriteConfig):
        raise ConfigValidationError(f"config must be a HashShardedWriteConfig, got {config!r}")
    if not isinstance(options, PythonWriteOptions | None):
        raise ConfigValidationError(f"options must be PythonWriteOptions, got {options!r}")
    config.check()
    if options is not None:
        options.check()


def _custom_json(config: HashShardedWriteConfig) -> str | None:
    fields = dict(config.manifest.custom_manifest_fields)
    if not fields:
        return None
    try:
        return json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigValidationError(
            f"manifest.custom_manifest_fields cannot be written as JSON: {error}"
        ) from error


def _slatedb(config: HashShardedWriteConfig) -> SlateDbFactory:
    factory = config.kv.adapter_factory
    if isinstance(factory, CompositeFactory):
        return factory.kv_factory
    return factory if factory is not None else SlateDbFactory()


def _vector(
    spec: VectorSpec | None,
) -> tuple[int, str, str, str | None, dict[str, int]] | None:
    if spec is None:
        return None
    return (spec.dim, spec.metric, spec.index_type, spec.quantization, dict(spec.index_params))


def open_writer(
    config: HashShardedWriteConfig,
    options: PythonWriteOptions | None,
    *,
    num_dbs: int,
    key_col: str | None = None,
) -> _core.Writer:
    options = options if options is not None else PythonWriteOptions()
    slatedb = _slatedb(config)
    return _core.Writer(
        os.fspath(config.storage.s3_prefix),
        num_dbs=num_dbs,
        key_encoding=config.kv.key_encoding,
        vector=_vector(config.effective_vector_spec()),
        run_id=config.output.run_id,
        key_col=key_col,
        shard_prefix=config.output.shard_prefix,
        db_path_template=config.output.db_path_template,
        custom_json=_custom_json(config),
        threads=options.threads,
        memory_limit=options.memory_limit,
        block_size=slatedb.block_size,
        bloom_bits_per_key=slatedb.bloom_bits_per_key,
        sst_bytes=slatedb.sst_bytes,
        compression=slatedb.compression,
        progress=options.progress,
    )
