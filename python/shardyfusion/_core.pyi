from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypedDict, final, type_check_only

@type_check_only
class SnapshotDict(TypedDict):
    prefix: str
    run_id: str
    manifest_ref: str
    created_at: str
    published_at: str | None
    num_dbs: int
    num_shards: int
    row_count: int
    db_bytes: int
    strategy: str
    hash_algorithm: str
    key_col: str
    key_encoding: str
    has_vectors: bool
    dim: int
    vector_count: int
    metric: str | None
    index_type: str | None
    quantization: str | None
    index_built: str | None
    index_note: str | None
    custom_json: str | None

@type_check_only
class ShardDict(TypedDict):
    db_id: int
    db_url: str | None
    attempt: int
    row_count: int
    db_bytes: int
    min_key: str | None
    max_key: str | None
    checkpoint_id: str | None
    writer_info: str | None
    vector_count: int
    vector_index: str | None
    vector_partitions: int

@type_check_only
class ResultDict(TypedDict):
    snapshot: SnapshotDict
    rows_written: int
    duplicate_rows: int
    attempts: int
    n_shards: int
    shards: list[ShardDict]
    sharding_ms: int
    write_ms: int
    manifest_ms: int
    total_ms: int

@type_check_only
class VerifyDict(TypedDict):
    shards: int
    objects: int
    bytes: int
    keys: int
    vectors: int
    problems: int
    findings: list[tuple[int | None, str, str]]

@final
class Writer:
    def __new__(
        cls,
        prefix: str,
        *,
        num_dbs: int | None = None,
        key_encoding: str | None = None,
        vector: tuple[int, str, str, str | None, Mapping[str, int] | None] | None = None,
        run_id: str | None = None,
        key_col: str | None = None,
        shard_prefix: str | None = None,
        db_path_template: str | None = None,
        custom_json: str | None = None,
        threads: int | None = None,
        memory_limit: int | None = None,
        block_size: int | None = None,
        bloom_bits_per_key: int | None = None,
        sst_bytes: int | None = None,
        compression: str | None = None,
        progress: Callable[[int, int, int, int], object] | None = None,
    ) -> Writer: ...
    def add(
        self,
        key: int | str | bytes,
        value: bytes | str,
        vector: Any = None,
        vector_id: int | str | None = None,
        payload: dict[str, Any] | str | None = None,
    ) -> None: ...
    def add_records(
        self,
        records: Iterable[Any],
        key_fn: Callable[[Any], int | str | bytes],
        value_fn: Callable[[Any], bytes | str],
        vector_fn: Callable[[Any], tuple[int | str | None, Any, Any]] | None = None,
    ) -> int: ...
    def add_arrow(
        self,
        source: object,
        *,
        key: str,
        value: str,
        vector: str | None = None,
        vector_id: str | None = None,
        payload: str | None = None,
        payload_fields: Sequence[str] | None = None,
    ) -> int: ...
    def finish(self) -> ResultDict: ...
    def close(self) -> None: ...
    def __enter__(self) -> Writer: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Scan(Iterator[tuple[int | str | bytes, bytes]]):
    def __iter__(self) -> Scan: ...
    def __next__(self) -> tuple[int | str | bytes, bytes]: ...
    def close(self) -> None: ...

@final
class Reader:
    def __new__(
        cls,
        prefix: str,
        *,
        current_name: str | None = None,
        threads: int | None = None,
        preload: bool = False,
    ) -> Reader: ...
    def get(self, key: int | str | bytes, /) -> bytes | None: ...
    def multi_get(
        self, keys: Iterable[int | str | bytes], /
    ) -> dict[int | str | bytes, bytes | None]: ...
    def search(
        self,
        query: Any,
        top_k: int,
        *,
        shard_ids: Sequence[int] | None = None,
        exact: bool = False,
        nprobes: int | None = None,
        with_vectors: bool = False,
    ) -> tuple[
        list[tuple[str, float, str | None, array[float] | None, int]], int, int, float
    ]: ...
    def vector(self, id: int | str, /) -> array[float] | None: ...
    def scan(
        self,
        *,
        prefix: int | str | bytes | None = None,
        start: int | str | bytes | None = None,
        end: int | str | bytes | None = None,
        shard_ids: Sequence[int] | None = None,
    ) -> Scan: ...
    def info(self) -> SnapshotDict: ...
    def shards(self) -> list[ShardDict]: ...
    def route_key(self, key: int | str | bytes, /) -> int: ...
    def key_encoding(self) -> str: ...
    def close(self) -> None: ...
    def __enter__(self) -> Reader: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

def version() -> str: ...
def simd_level() -> str: ...
def statuses() -> list[tuple[str, int, str, bool, str]]: ...
def hash_digest(key: int | str | bytes, /) -> int: ...
def hash_db_id(key: int | str | bytes, num_dbs: int, /) -> int: ...
def encode_key(key: int | str | bytes, key_encoding: str, /) -> bytes: ...
def verify(
    prefix: str, *, current_name: str | None = None, threads: int | None = None
) -> VerifyDict: ...
