"""``python -m shardyfusion build data.parquet PREFIX …``: a snapshot from Parquet files.

Parquet is read with pyarrow. Everything else about snapshots is the ``shardy`` command's job.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from . import _core
from .composite_adapter import CompositeFactory
from .config import HashShardedWriteConfig, PythonWriteOptions, WriterOutputConfig
from .errors import ConfigValidationError, ShardyfusionError
from .manifest import BuildResult
from .slatedb_adapter import SlateDbFactory
from .vector.adapters.lancedb_adapter import LanceDbFactory
from .vector.config import VectorSpec
from .writer.arrow import ArrowSource, write_arrow

PROG = "python -m shardyfusion"


def _index_param(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=INTEGER") from None


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description="Build snapshots from Parquet files.")
    parser.add_argument("--version", action="version", version=f"shardyfusion {_core.version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build and publish a snapshot")
    build.add_argument("files", nargs="+", metavar="FILE", help="Parquet files")
    build.add_argument("prefix", metavar="PREFIX", help="where the snapshot goes: a directory")
    build.add_argument("--num-dbs", type=int, required=True, metavar="N", help="number of shards")
    columns = build.add_argument_group("columns")
    columns.add_argument("--key-col", required=True, metavar="COL", help="integer, string, binary")
    columns.add_argument("--value-col", required=True, metavar="COL", help="binary or string")
    columns.add_argument("--vector-col", metavar="COL", help="list of float16, float32 or float64")
    columns.add_argument("--id-col", metavar="COL", help="ids of the vectors (default: the key)")
    payload = columns.add_mutually_exclusive_group()
    payload.add_argument("--payload-col", metavar="COL", help="JSON text stored with the vector")
    payload.add_argument(
        "--payload-cols", type=_names, metavar="A,B", help="columns that become one JSON object"
    )
    vectors = build.add_argument_group("vectors")
    vectors.add_argument("--dim", type=int, help="length of a vector (default: from the data)")
    vectors.add_argument("--metric", default="cosine", help="cosine, l2 or dot_product (cosine)")
    vectors.add_argument("--index-type", default="hnsw", help="hnsw, ivf or flat (hnsw)")
    vectors.add_argument("--quantization", help="none or sq (the index type decides)")
    vectors.add_argument(
        "--index-param", type=_index_param, action="append", default=[], metavar="NAME=N"
    )
    storage = build.add_argument_group("storage")
    storage.add_argument("--key-encoding", help="u64be, u32be, utf8 or raw (from the first key)")
    storage.add_argument("--compression", help="none or zstd (none)")
    storage.add_argument("--run-id", help="name of this run (random)")
    storage.add_argument("--threads", type=int, metavar="N", help="shards built at once (cores)")
    storage.add_argument("--memory-limit", type=int, metavar="BYTES", help="for buffered rows")
    storage.add_argument("--batch-rows", type=int, default=16384, metavar="N", help="(16384)")
    return parser


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConfigValidationError(
            "build reads Parquet with pyarrow, which is not installed: "
            "pip install 'shardyfusion[cli]'"
        ) from None
    return pyarrow.parquet


def _columns(args: argparse.Namespace) -> list[str]:
    names = [args.key_col, args.value_col, args.vector_col, args.id_col, args.payload_col]
    names += args.payload_cols or []
    return list(dict.fromkeys(name for name in names if name is not None))


def _open_files(args: argparse.Namespace) -> list[Any]:
    """All files, each with all columns: found out before any work is done."""
    parquet = _parquet()
    files = []
    for path in args.files:
        file = parquet.ParquetFile(path)
        missing = [name for name in _columns(args) if name not in file.schema_arrow.names]
        if missing:
            raise ConfigValidationError(
                f"{path}: there is no column {missing[0]!r}; "
                f"there are {', '.join(file.schema_arrow.names)}"
            )
        files.append(file)
    return files


def _batches(files: list[Any], args: argparse.Namespace) -> Iterator[ArrowSource]:
    for file in files:
        yield from file.iter_batches(batch_size=args.batch_rows, columns=_columns(args))


def _dim(files: list[Any], args: argparse.Namespace) -> int:
    """The length of the first vector, or of all where the column's type says it."""
    if args.dim is not None:
        return int(args.dim)
    column = files[0].schema_arrow.field(args.vector_col).type
    if hasattr(column, "list_size"):
        return int(column.list_size)
    for file in files:
        for batch in file.iter_batches(batch_size=1, columns=[args.vector_col]):
            first = batch.column(0)[0].as_py()
            if isinstance(first, list) and first:
                return len(first)
            break
    raise ConfigValidationError(
        f"the first row has no vector in column {args.vector_col!r}; give --dim"
    )


def _config(files: list[Any], args: argparse.Namespace) -> HashShardedWriteConfig:
    slatedb = SlateDbFactory(compression=args.compression)
    spec = None
    if args.vector_col is not None:
        spec = VectorSpec(
            dim=_dim(files, args),
            metric=args.metric,
            index_type=args.index_type,
            index_params=dict(args.index_param),
            quantization=args.quantization,
        )
    return HashShardedWriteConfig(
        num_dbs=args.num_dbs,
        s3_prefix=args.prefix,
        output=WriterOutputConfig(run_id=args.run_id),
        key_encoding=args.key_encoding,
        adapter_factory=slatedb if spec is None else CompositeFactory(slatedb, LanceDbFactory(), spec),
        vector_spec=spec,
    )


class _ProgressLine:
    """One line on a terminal, from the first second on."""

    def __init__(self) -> None:
        self.begin = time.monotonic()
        self.shown = False

    def __call__(self, rows: int, shards: int, built: int, written: int) -> None:
        seconds = time.monotonic() - self.begin
        if seconds < 1 or not sys.stderr.isatty():
            return
        text = f"{rows:,} rows"
        if shards:
            text += f", {built}/{shards} shards, {written / 1e6:,.0f} MB"
        print(f"\r\x1b[K{text}, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
        self.shown = True

    def end(self) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _summary(result: BuildResult) -> dict[str, object]:
    return {
        "op": "build",
        "run_id": result.run_id,
        "manifest_ref": result.manifest_ref,
        "rows_written": result.stats.rows_written,
        "duplicate_rows": result.stats.duplicate_rows,
        "shards": result.stats.num_winners,
        "db_bytes": sum(shard.db_bytes for shard in result.winners),
        "vectors": sum(shard.vector_count for shard in result.winners),
        "total_ms": result.stats.durations.total_ms,
    }


def _build(args: argparse.Namespace) -> int:
    if args.batch_rows < 1:
        raise ConfigValidationError(f"--batch-rows must be >= 1, got {args.batch_rows}")
    files = _open_files(args)
    config = _config(files, args)
    line = _ProgressLine()
    try:
        result = write_arrow(
            _batches(files, args),
            config,
            key_col=args.key_col,
            value_col=args.value_col,
            vector_col=args.vector_col,
            id_col=args.id_col,
            payload_col=args.payload_col,
            payload_cols=args.payload_cols,
            options=PythonWriteOptions(
                threads=args.threads, memory_limit=args.memory_limit, progress=line
            ),
        )
    finally:
        line.end()
    print(json.dumps(_summary(result)))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    args = _parser().parse_args(argv)
    try:
        return _build(args)
    except KeyboardInterrupt:
        print(f"{PROG}: interrupted; nothing was published", file=sys.stderr)
        return 130
    except (ShardyfusionError, OSError, ValueError, MemoryError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
