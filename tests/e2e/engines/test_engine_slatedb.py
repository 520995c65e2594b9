"""test_engine_slatedb.py: the official slatedb package reads every layout of key-value shards.

Gets are done with the filter on, and for every key: a wrong filter, a wrong index key or a wrong
sequence number loses keys without any error, and a scan would not notice.
"""
import asyncio
import random
import shutil
import struct
import zlib

import pytest

slatedb = pytest.importorskip("slatedb", reason="the official slatedb package is not installed")

from engine_slatedb import Store, engine, judge  # noqa: E402
from foreign_snapshot import tree  # noqa: E402

ROWS = 600


# ---- rows ----

def int_keys(rng, top):
    edges = [0, 1, 2, 255, 256, 65535, 65536, top // 2, top - 1, top]
    dense = range(1000, 1000 + ROWS // 2)
    return edges + list(dense) + [rng.randrange(top) for _ in range(ROWS // 2)]


def text_keys(rng):
    edges = ["a", "b", "a\0", "é", "日本語", "𝄞", "\x7f", "z" * 300]
    numbered = [f"user:{7 * i:06d}" for i in range(ROWS // 2)]
    return edges + numbered + ["".join(rng.choices("aàあ😀0", k=rng.randint(3, 12)))
                               for _ in range(ROWS // 2)]


def raw_keys(rng):
    chains = [byte * n for byte in (b"\0", b"\xff", b"q") for n in range(1, 60)]
    return chains + [rng.randbytes(rng.randint(1, 40)) for _ in range(ROWS)]


KEYS = {
    "u64be": lambda rng: int_keys(rng, 2**63 - 1),
    "u32be": lambda rng: int_keys(rng, 2**32 - 1),
    "utf8": text_keys,
    "raw": raw_keys,
}


def make_rows(encoding):
    """{key: value} in no order: empty values, text that compresses and bytes that do not."""
    rng = random.Random(encoding)
    keys = KEYS[encoding](rng)
    rng.shuffle(keys)
    rows = {}
    for i, key in enumerate(keys):
        rows[key] = (b"", b"x" * rng.randint(1, 900), rng.randbytes(rng.randint(1, 900)))[i % 3]
    return rows


# ---- layouts ----

LAYOUTS = {
    "default": {},
    "bloom-2": {"bloom_bits_per_key": 2},
    "bloom-4": {"bloom_bits_per_key": 4},
    "bloom-10": {"bloom_bits_per_key": 10},
    "bloom-20": {"bloom_bits_per_key": 20},
    "bloom-32": {"bloom_bits_per_key": 32},
    "block-1k": {"block_size": 1024},
    "block-2k": {"block_size": 2048},
    "block-4k": {"block_size": 4096},
    "block-16k": {"block_size": 16384},
    "block-64k": {"block_size": 65536},
    "zstd": {"compression": "zstd"},
    "ssts": {"sst_bytes": 65536},
    "ssts-zstd": {"sst_bytes": 65536, "compression": "zstd"},
    "ssts-1k-bloom-4-zstd": {"sst_bytes": 65536, "block_size": 1024, "bloom_bits_per_key": 4,
                             "compression": "zstd"},
    "ssts-64k-bloom-20": {"sst_bytes": 65536, "block_size": 65536, "bloom_bits_per_key": 20},
}


@pytest.mark.parametrize("encoding", KEYS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(build, layout, encoding):
    rows = make_rows(encoding)
    snapshot = build(rows, key_encoding=encoding, **LAYOUTS[layout])
    shard = snapshot.shard
    assert (len(shard.ssts()) > 1) == ("sst_bytes" in LAYOUTS[layout])
    before = tree(shard.path)
    positive, negative, false = judge(shard.path, snapshot.stored_rows(rows)[0])
    assert tree(shard.path) == before, "the reader wrote"
    assert positive - false == len(rows), "a get was not led by the filter"
    assert negative > 0


def test_filter_stops_as_many_as_it_should(build):
    """A filter that lets everything through would be right and useless."""
    rows = {i: b"v" for i in range(0, 8000, 2)}
    for bits, at_most in ((4, 0.20), (10, 0.03), (20, 0.005)):
        shard = build(rows, bloom_bits_per_key=bits).shard
        with Store(shard.path) as store:
            store.get_all(i.to_bytes(8, "big") for i in range(1, 7998, 2))
            _, negative, false = store.filter_counts()
        assert negative + false == 3999
        assert false <= at_most * 3999, f"{bits} bits"


# ---- keys, values and sizes at the edges ----

@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_value_sizes(build, compression):
    rng = random.Random(5)
    sizes = [0, 1, 127, 128, 4000, 4095, 4096, 4097, 16383, 16384, 65535, 65536, 70000, 5 << 20]
    rows = {}
    for size in sizes:
        rows[f"random-{size}"] = rng.randbytes(size)
        rows[f"zeros-{size}"] = bytes(size)
    snapshot = build(rows, compression=compression)
    judge(snapshot.shard.path, snapshot.stored_rows(rows)[0])


@pytest.mark.parametrize("block_size", [1024, 65536])
def test_long_keys(build, block_size):
    """65,535 bytes, with everything from nothing to all but the last byte in common."""
    rng = random.Random(6)
    base = rng.randbytes(65535)
    rows = {base[:-1] + bytes([i]): b"same start %d" % i for i in range(40)}
    rows |= {base[:n]: b"start of it" for n in (1, 127, 128, 300, 16383, 16384, 65534)}
    rows |= {rng.randbytes(65535): b"random %d" % i for i in range(10)}
    rows |= {rng.randbytes(2): b"short %d" % i for i in range(40)}
    snapshot = build(rows, block_size=block_size, sst_bytes=1 << 20)
    assert len(snapshot.shard.ssts()) > 1 or block_size == 65536
    judge(snapshot.shard.path, snapshot.stored_rows(rows)[0])


def test_every_one_byte_key_and_a_chain_of_prefixes(build):
    rows = {bytes([i]): bytes([i]) for i in range(256)}
    rows |= {b"chain" * 60 + bytes(n): b"%d" % n for n in range(300)}
    snapshot = build(rows, block_size=1024)
    judge(snapshot.shard.path, snapshot.stored_rows(rows)[0])


def test_one_row(build):
    snapshot = build({7: b"seven"})
    judge(snapshot.shard.path, {(7).to_bytes(8, "big"): b"seven"})


def test_no_rows(build):
    """Nothing is stored and nothing is named: there is no shard for an engine to open."""
    snapshot = build({}, num_dbs=4)
    assert snapshot.shards == [] and snapshot.num_dbs == 4
    assert not (snapshot.prefix / "shards").exists()


def test_more_shards_than_rows(build):
    """Empty shards have no objects; the others are whole."""
    rows = {"a": b"1", "b": b"2", "c": b"3"}
    snapshot = build(rows, num_dbs=16)
    expected = {db_id: held for db_id, held in snapshot.stored_rows(rows).items() if held}
    assert [shard.db_id for shard in snapshot.shards] == sorted(expected)
    for shard in snapshot.shards:
        judge(shard.path, expected[shard.db_id])
    (run,) = (snapshot.prefix / "shards").iterdir()
    assert len(list(run.iterdir())) == len(expected)


def test_last_of_equal_keys_wins(build):
    pairs = [(i % 500, b"%d" % i) for i in range(2000)]
    snapshot = build(pairs)
    assert snapshot.shard.row_count == 500
    judge(snapshot.shard.path, snapshot.stored_rows(dict(pairs))[0])


def test_sixteen_shards(build):
    """20,000 rows: every key is in its shard, and each shard holds nothing else."""
    rng = random.Random(9)
    rows = {f"package-{i * 37 % 20000:05d}": rng.randbytes(rng.randint(0, 200)) for i in range(20000)}
    snapshot = build(rows, num_dbs=16)
    expected = snapshot.stored_rows(rows)
    assert [shard.db_id for shard in snapshot.shards] == list(range(16))
    assert sum(shard.row_count for shard in snapshot.shards) == 20000
    for shard in snapshot.shards:
        assert shard.row_count == len(expected[shard.db_id])
        judge(shard.path, expected[shard.db_id], ranges=False)


# ---- ways of opening ----

@pytest.mark.parametrize("layout", ["default", "ssts-zstd"])
def test_by_checkpoint(build, layout):
    """The checkpoint that the manifest names opens the same rows, and any other name nothing."""
    rows = make_rows("raw")
    snapshot = build(rows, num_dbs=2, **LAYOUTS[layout])
    expected = snapshot.stored_rows(rows)
    before = tree(snapshot.prefix)
    first, second = snapshot.shards
    assert first.checkpoint_id != second.checkpoint_id
    for shard in snapshot.shards:
        judge(shard.path, expected[shard.db_id], checkpoint_id=shard.checkpoint_id)
    with pytest.raises(engine.Error, match="checkpoint missing"):
        with Store(first.path, second.checkpoint_id):
            pass
    assert tree(snapshot.prefix) == before, "the reader wrote"


def test_engine_goes_on_writing(build, tmp_path):
    """The engine takes a copy as its own; the checkpoint still shows what we wrote."""
    rows = {i: b"old %d" % i for i in range(2000)}
    snapshot = build(rows, sst_bytes=65536, block_size=1024)
    ours = snapshot.stored_rows(rows)[0]
    copy = tmp_path / "copy"
    shutil.copytree(snapshot.shard.path, copy)
    theirs = dict(ours)
    for i in range(0, 2000, 20):
        theirs[i.to_bytes(8, "big")] = b"new %d" % i
        del theirs[(i + 1).to_bytes(8, "big")]
        theirs[(i + 10**6).to_bytes(8, "big")] = b"added"

    async def overwrite():
        store = engine.ObjectStore.resolve("file:///")
        db = await engine.DbBuilder(str(copy).lstrip("/"), store).build()
        for key in ours.keys() - theirs.keys():
            await db.delete(key)
        for key, value in theirs.items():
            if ours.get(key) != value:
                await db.put(key, value)
        await db.flush()
        await db.shutdown()

    asyncio.run(overwrite())
    with Store(copy) as store:
        assert store.scan() == sorted(theirs.items())
    judge(copy, ours, checkpoint_id=snapshot.shard.checkpoint_id)


# ---- the judge itself: what would these tests not see? ----

def test_judge_sees_a_wrong_filter(build):
    """With all bits of the filter cleared the engine finds nothing, though a scan finds all rows."""
    rows = {i: b"value %d" % i for i in range(300)}
    shard = build(rows).shard
    (sst,) = shard.ssts()
    data = bytearray(sst.read_bytes())
    at = data.index(b"\0\1\0\3_bf")
    (length,) = struct.unpack_from(">Q", data, at + 7)
    end = at + 15 + length
    data[at + 17:end] = bytes(length - 2)
    struct.pack_into(">I", data, end, zlib.crc32(data[at:end]))
    sst.write_bytes(data)
    with Store(shard.path) as store:
        assert len(store.scan()) == 300
        assert set(store.get_all(i.to_bytes(8, "big") for i in range(300)).values()) == {None}


def test_judge_sees_a_wrong_byte(build):
    shard = build({i: b"value %d" % i for i in range(300)}).shard
    (sst,) = shard.ssts()
    data = bytearray(sst.read_bytes())
    data[100] ^= 1
    sst.write_bytes(data)
    with Store(shard.path) as store, pytest.raises(engine.Error, match="checksum"):
        store.get_all([bytes(8)])
