"""Building from Arrow data: every accepted type, from pyarrow, polars and duckdb."""

from pathlib import Path

import numpy as np
import pytest

from shardyfusion import (
    ConfigValidationError,
    DbAdapterError,
    HashShardedWriteConfig,
    PythonWriteOptions,
    ShardyfusionError,
    UnifiedShardedReader,
    VectorSpec,
    _core,
    write_arrow,
)

from conftest import is_published, vector

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

N, DIM = 40, 8
IDS = [f"id-{i}" for i in range(N)]
VECTORS = np.array([vector(i, DIM) for i in range(N)], np.float32)


def build(prefix, batches, *, dim=DIM, num_dbs=3, metric="cosine", options=None, **columns):
    spec = VectorSpec(dim, metric=metric) if dim else None
    config = HashShardedWriteConfig(num_dbs=num_dbs, s3_prefix=prefix, vector_spec=spec)
    names = {"key_col": "k", "value_col": "v"}
    if dim:
        names["vector_col"] = "e"
    return write_arrow(batches, config, **{**names, **columns}, options=options)


def fixed(values, item=None):
    flat = pa.array(values.ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat.cast(item or pa.float32()), values.shape[1])


def variable(values, item, kind=pa.list_):
    return pa.array([list(row) for row in values.astype(float)], kind(pa.float32())).cast(kind(item))


def table(**columns):
    base = {"k": pa.array(range(N)), "v": pa.array([b"v%d" % i for i in range(N)]), "e": fixed(VECTORS)}
    return pa.table({**base, **columns})


def check(prefix, keys, values=None, ids=None):
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.snapshot_info().row_count == N
        for i, key in enumerate(keys):
            assert reader.get(key) == (values[i] if values else b"v%d" % i)
        for i in range(0, N, 7):
            found = reader.search(VECTORS[i], top_k=1, with_vectors=True).results[0]
            assert found.score < 1e-6
            assert found.id == (ids[i] if ids else str(keys[i]))
            assert found.vector.tolist() == VECTORS[i].tolist()


@pytest.mark.parametrize(
    "kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
)
def test_integer_keys(prefix, kind):
    build(prefix, table(k=pa.array(range(N), getattr(pa, kind)())))
    check(prefix, range(N))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_string_keys(prefix, kind):
    keys = [f"Schlüssel {i}" + "lang " * (i % 5) for i in range(N)]
    build(prefix, table(k=pa.array(keys, getattr(pa, kind)())))
    check(prefix, keys)


@pytest.mark.parametrize("kind", ["binary", "large_binary", "binary_view"])
def test_binary_keys(prefix, kind):
    keys = [b"\xff%d" % i + bytes(i) for i in range(N)]
    build(prefix, table(k=pa.array(keys, getattr(pa, kind)())))
    check(prefix, keys, ids=[k.hex() for k in keys])


@pytest.mark.parametrize(
    "kind", ["binary", "large_binary", "binary_view", "string", "large_string", "string_view"]
)
def test_values(prefix, kind):
    values = [("wert ü " * (i % 4)).encode() for i in range(N)]
    given = [v.decode() for v in values] if "string" in kind else values
    build(prefix, table(v=pa.array(given, getattr(pa, kind)())))
    check(prefix, range(N), values)


@pytest.mark.parametrize("item", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["fixed", "list_", "large_list"])
def test_vectors(prefix, kind, item):
    item = getattr(pa, item)()
    column = fixed(VECTORS, item) if kind == "fixed" else variable(VECTORS, item, getattr(pa, kind))
    build(prefix, table(e=column))
    check(prefix, range(N))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "int64", "uint16"])
def test_ids(prefix, kind):
    kind = getattr(pa, kind)()
    ids = [i + 1000 for i in range(N)] if pa.types.is_integer(kind) else IDS
    build(prefix, table(id=pa.array(ids, kind)), id_col="id")
    check(prefix, range(N), ids=[str(i) for i in ids])


def payloads(prefix):
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        found = {int(r.id): r.payload for r in reader.search(VECTORS[0], top_k=N)}
    return [found[i] for i in range(N)]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_payload(prefix, kind):
    texts = [None if i % 5 == 0 else f'{{"n": {i}, "ü": "é"}}' for i in range(N)]
    build(prefix, table(p=pa.array(texts, getattr(pa, kind)())), payload_col="p")
    assert payloads(prefix) == [None if i % 5 == 0 else {"n": i, "ü": "é"} for i in range(N)]


def test_payload_columns(prefix):
    columns = {
        "text": pa.array([None if i == 3 else f'"{i}" \\ é\n' for i in range(N)]),
        "view": pa.array([f"{i}" for i in range(N)], pa.string_view()),
        "int": pa.array(range(N), pa.int16()),
        "big": pa.array([2**64 - 1 - i for i in range(N)], pa.uint64()),
        "flag": pa.array([i % 2 == 0 for i in range(N)]),
        "half": pa.array(np.arange(N, dtype=np.float16) / 4),
        "single": pa.array(np.arange(N, dtype=np.float32) / 3),
        "double": pa.array([float("nan") if i == 2 else i / 3 for i in range(N)]),
        "none": pa.array([None] * N, pa.int32()),
    }
    build(prefix, table(**columns), payload_cols=list(columns))
    for i, payload in enumerate(payloads(prefix)):
        assert payload["text"] == (None if i == 3 else f'"{i}" \\ é\n')
        assert (payload["view"], payload["int"], payload["none"]) == (str(i), i, None)
        assert payload["big"] == 2**64 - 1 - i
        assert payload["flag"] is (i % 2 == 0)
        assert payload["half"] == i / 4
        assert np.float32(payload["single"]) == np.float32(i / 3)
        assert payload["double"] == (None if i == 2 else i / 3)
        assert list(payload) == list(columns)


def test_without_vectors(prefix):
    build(prefix, table().drop_columns("e"), dim=None)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(5) == b"v5"
        assert reader.snapshot_info().key_col == "k"


# ---- containers ----


class OnlyArray:
    """An exporter that has batches but no streams."""

    def __init__(self, batch):
        self.batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self.batch.__arrow_c_array__(requested_schema)


CONTAINERS = {
    "table": lambda t: t,
    "batch": lambda t: t.combine_chunks().to_batches()[0],
    "reader": lambda t: t.to_reader(max_chunksize=7),
    "array only": lambda t: OnlyArray(t.combine_chunks().to_batches()[0]),
    "list of batches": lambda t: t.to_batches(max_chunksize=9),
    "generator": lambda t: (b for b in t.to_batches(max_chunksize=9)),
    "tables": lambda t: [t.slice(0, 10), t.slice(10, 0), t.slice(10)],
    "struct array": lambda t: t.to_struct_array().combine_chunks(),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(prefix, container):
    result = build(prefix, CONTAINERS[container](table()))
    assert result.stats.rows_written == N
    check(prefix, range(N))


@pytest.mark.parametrize("kind", ["fixed", "list_", "large_list", "float16"])
def test_slices(prefix, kind):
    """Batches that begin in the middle of their buffers, nested offsets included."""
    column = {
        "fixed": lambda v: fixed(v),
        "float16": lambda v: fixed(v, pa.float16()),
        "list_": lambda v: variable(v, pa.float32()),
        "large_list": lambda v: variable(v, pa.float64(), pa.large_list),
    }[kind]
    padded = np.concatenate([np.full((5, DIM), np.nan), VECTORS, np.full((3, DIM), np.nan)])
    wide = pa.table(
        {
            "k": pa.array([None] * 5 + [f"k{i}" for i in range(N)] + [None] * 3, pa.string_view()),
            "v": pa.array([None] * 5 + [b"v%d" % i for i in range(N)] + [None] * 3),
            "e": column(padded.astype(np.float32)),
            "p": pa.array([True] * 5 + [i % 3 == 0 for i in range(N)] + [None] * 3),
        }
    ).combine_chunks()
    batch = wide.to_batches()[0].slice(2).slice(3, N)
    build(prefix, [batch.slice(0, 13), batch.slice(13)], payload_cols=["p"])
    check(prefix, [f"k{i}" for i in range(N)])


def test_options_and_counts(prefix):
    doubled = pa.concat_tables([table(), table(v=pa.array([b"second"] * N))])
    seen = []
    result = build(prefix, doubled, options=PythonWriteOptions(progress=lambda *a: seen.append(a)))
    assert (result.stats.rows_written, result.stats.duplicate_rows) == (2 * N, N)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.get(0) == b"second"


def test_max_keys_per_shard(prefix):
    config = HashShardedWriteConfig(max_keys_per_shard=15, s3_prefix=prefix)
    names = {"key_col": "k", "value_col": "v"}
    small = table().drop_columns("e")
    write_arrow(small, config, **names)
    with UnifiedShardedReader(s3_prefix=prefix) as reader:
        assert reader.snapshot_info().num_dbs == 3
    for unsized in (small.to_reader(), small.to_batches()):
        with pytest.raises(ConfigValidationError, match="requires a Sized input"):
            write_arrow(unsized, config, **names)


def test_vector_column_of_the_spec(prefix):
    spec = VectorSpec(DIM, vector_col="e")
    config = HashShardedWriteConfig(num_dbs=2, s3_prefix=prefix, vector_spec=spec)
    write_arrow(table(), config, key_col="k", value_col="v")
    check(prefix, range(N))


# ---- what is refused ----


def refused(prefix, batches, *matches, **columns):
    with pytest.raises(ConfigValidationError) as caught:
        build(prefix, batches, **columns)
    for match in matches:
        assert match in str(caught.value), str(caught.value)
    assert is_published(prefix) == []


def with_null(values, at=17, kind=None):
    values = list(values)
    values[at] = None
    return pa.array(values, kind)


def test_nulls(prefix):
    named = pa.array([f"key-{i}" for i in range(N)])
    refused(prefix, table(k=with_null(range(N))), '"k"', "null", "17")
    refused(prefix, table(k=named, v=with_null([b"x"] * N)), '"v"', "null", "key-17")
    holes = pa.array([None if i == 17 else list(v) for i, v in enumerate(VECTORS)],
                     pa.list_(pa.float32(), DIM))
    refused(prefix, table(k=named, e=holes), '"e"', "null", "key-17")
    holes = pa.array([[None] * DIM if i == 17 else list(v) for i, v in enumerate(VECTORS)],
                     pa.list_(pa.float32()))
    refused(prefix, table(k=named, e=holes), '"e"', "null")
    refused(prefix, table(k=named, id=with_null(IDS)), '"id"', "key-17", id_col="id")


def test_wrong_types(prefix):
    floats = pa.array([float(i) for i in range(N)])
    refused(prefix, table(k=floats), '"k"')
    refused(prefix, table(v=floats), '"v"')
    refused(prefix, table(e=floats), '"e"')
    refused(prefix, table(e=pa.array([[1, 2]] * N)), '"e"')
    refused(prefix, table(p=pa.array(range(N))), '"p"', payload_col="p")
    refused(prefix, table(p=pa.array([[1]] * N)), '"p"', payload_cols=["p"])
    refused(prefix, table(k=pa.array(IDS).dictionary_encode()), '"k"', "dictionary")


def test_wrong_columns(prefix):
    refused(prefix, table(), "nope", key_col="nope")
    refused(prefix, table(), "nope", value_col="nope")
    refused(prefix, table(), "nope", vector_col="nope")
    refused(prefix, table(), "nope", id_col="nope")
    refused(prefix, table(), "nope", payload_cols=["nope"])
    refused(prefix, table(), "vector column", vector_col=None)
    refused(prefix, table(), "vector_col requires", dim=None, vector_col="e")
    refused(prefix, table(), "no vector spec", dim=None, id_col="k")
    refused(prefix, table(), "cannot be combined", payload_col="v", payload_cols=["v"])
    refused(prefix, table(), "list of column names", payload_cols="v")


def test_bad_rows(prefix):
    named = pa.array([f"key-{i}" for i in range(N)])
    for bad, word in ((np.nan, "key-17"), (np.inf, "key-17")):
        values = VECTORS.copy()
        values[17, 3] = bad
        refused(prefix, table(k=named, e=fixed(values)), word)
    values = VECTORS.copy()
    values[17] = 0
    refused(prefix, table(k=named, e=fixed(values)), "key-17", "zero")
    short = [list(v) for v in VECTORS]
    short[17] = short[17][:5]
    refused(prefix, table(k=named, e=pa.array(short, pa.list_(pa.float32()))), "key-17", "5", "8")
    refused(prefix, table(e=fixed(VECTORS[:, :5])), "5", "8")
    refused(prefix, table(k=pa.array([2**63] + [1] * (N - 1), pa.uint64())), "9223372036854775808")
    refused(prefix, [table(), table(k=named)], "mixed")


def test_other_objects(prefix):
    for bad in ([5], [{"k": 1}], ["text"], "text"):
        refused(prefix, bad, "neither __arrow_c_stream__ nor __arrow_c_array__")
    refused(prefix, [pa.array([1, 2])], "record batch")
    with pytest.raises(TypeError):
        build(prefix, 5)

    class Lies:
        def __arrow_c_stream__(self, requested_schema=None):
            return "not a capsule"

    with pytest.raises((TypeError, ValueError)):
        build(prefix, Lies())

    class Fails:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        build(prefix, Fails())


def test_consumed_capsules(prefix):
    with _core.Writer(prefix, num_dbs=1) as writer:
        capsule = table().drop_columns("e").__arrow_c_stream__()
        assert writer.add_arrow(capsule, key="k", value="v") == N
        with pytest.raises(ConfigValidationError, match="consumed"):
            writer.add_arrow(capsule, key="k", value="v")
        pair = table().drop_columns("e").to_batches()[0].__arrow_c_array__()

        class Again:
            def __arrow_c_array__(self, requested_schema=None):
                return pair

        assert writer.add_arrow(Again(), key="k", value="v") == N
        with pytest.raises(ConfigValidationError, match="consumed"):
            writer.add_arrow(Again(), key="k", value="v")
        assert writer.finish()["rows_written"] == 2 * N


def test_failing_stream(prefix):
    def batches():
        yield table().to_batches()[0]
        raise OSError("the disk is gone")

    stream = pa.RecordBatchReader.from_batches(table().schema, batches())
    with pytest.raises(DbAdapterError, match="the disk is gone"):
        build(prefix, stream)
    with pytest.raises(OSError, match="the disk is gone"):
        build(prefix, batches())
    assert is_published(prefix) == []


def test_a_failed_batch_fails_the_writer(prefix):
    with _core.Writer(prefix, num_dbs=1) as writer:
        with pytest.raises(ConfigValidationError, match="null"):
            writer.add_arrow(table(k=with_null(range(N))), key="k", value="v")
        with pytest.raises(ShardyfusionError, match="null"):
            writer.finish()


def test_memory_is_released(prefix):
    before = pa.total_allocated_bytes()
    big = table()
    with _core.Writer(prefix, num_dbs=1, vector=(DIM, "l2", "flat", None, None)) as writer:
        for _ in range(20):
            writer.add_arrow(big.to_reader(max_chunksize=3), key="k", value="v", vector="e")
        with pytest.raises(ConfigValidationError):
            writer.add_arrow(table(e=fixed(VECTORS[:, :5])), key="k", value="v", vector="e")
    del big
    assert pa.total_allocated_bytes() <= before + 4096


# ---- other producers ----


def test_polars(prefix):
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame(
        {
            "k": [f"schlüssel-{i}" for i in range(N)],
            "v": [b"v%d" % i for i in range(N)],
            "e": VECTORS,
            "l": pl.Series([list(map(float, v)) for v in VECTORS], dtype=pl.List(pl.Float64)),
            "n": range(N),
            "t": [None if i == 4 else f"text that is longer than twelve bytes {i}" for i in range(N)],
        }
    )
    keys = [f"schlüssel-{i}" for i in range(N)]
    build(prefix, frame, payload_cols=["n", "t"])
    check(prefix, keys)
    build(prefix, frame[10:].vstack(frame[:10]), vector_col="l", id_col="n")
    check(prefix, keys, ids=[str(i) for i in range(N)])
    build(prefix, [frame.slice(0, 11), frame.slice(11)], value_col="v", key_col="n")
    check(prefix, range(N))


def test_duckdb(prefix):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    rows = table(k=pa.array([f"key-{i}" for i in range(N)]))  # noqa: F841 - named in the query
    connection = duckdb.connect()
    connection.register("rows", rows)
    relation = connection.sql("SELECT k, v, e, k || '!' AS t FROM rows")
    build(prefix, relation, payload_cols=["t"])
    check(prefix, [f"key-{i}" for i in range(N)])
    as_array = connection.sql(f"SELECT k, v, e::FLOAT[{DIM}] AS e FROM rows")
    build(prefix, as_array.to_arrow_reader(13))
    check(prefix, [f"key-{i}" for i in range(N)])
    connection.close()


def test_no_python_work_per_row(prefix):
    """As many calls into Python for many rows as for few."""
    import sys

    def calls(rows):
        data = pa.table({"k": pa.array(range(rows)), "v": pa.array([b"x"] * rows)})
        count = 0

        def trace(frame, event, arg):
            nonlocal count
            count += 1

        with _core.Writer(prefix, num_dbs=1) as writer:
            sys.setprofile(trace)
            try:
                writer.add_arrow(data, key="k", value="v")
            finally:
                sys.setprofile(None)
        return count

    assert calls(10) == calls(50_000)
    assert not Path(prefix, "_CURRENT").exists()
