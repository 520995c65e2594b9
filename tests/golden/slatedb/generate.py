#!/usr/bin/env python3
"""Make the golden files of the SlateDB writer, from docs/format/slatedb.md alone.

    python3 tests/golden/slatedb/generate.py [--check]

Needs nothing but Python. Flatbuffers are assembled here from parts with references that are filled in
once all parts have a place; the C writer computes every position in advance. Both must give the same
bytes. With --check the files are compared, not written.

  three.sst, three.manifest, three-checkpoint.manifest    apple=red, apricot=(empty), banana=yellow
  empty.manifest, empty-checkpoint.manifest               no rows
  thousand.txt                                            1,000 rows in three SSTs: size, CRC-32, SHA-256
"""
import hashlib
import pathlib
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).parent
ULID = 0x01563E3AB5D3D6764C61EFB99302BD5B  # 01ARZ3NDEKTSV4RRFFQ69G5FAV
CHECKPOINT = (0x11112222333344448555666677778888, 1700000000)
MASK = 2**64 - 1


# ---- flatbuffers ----

class Assembler:
    """Parts one after the other; a reference is an unsigned distance forward to another part."""

    def __init__(self):
        self.data = bytearray()
        self.places = {}
        self.references = []

    def place(self, name, align=1):
        self.data += bytes(-len(self.data) % align)
        self.places[name] = len(self.data)

    def put(self, fmt, *values):
        self.data += struct.pack("<" + fmt, *values)

    def refer(self, name):
        self.references.append((len(self.data), name))
        self.data += bytes(4)

    def vtable(self, name, *entries):
        self.place(name)
        self.put("%dH" % len(entries), *entries)

    def table(self, name, vtable, align=8):
        self.place(name, align)
        self.put("i", self.places[name] - self.places[vtable])

    def octets(self, name, value):
        self.place(name, 4)
        self.put("I", len(value))
        self.data += value

    def references_to(self, name, targets, align=4):
        self.place(name, align)
        self.put("I", len(targets))
        for target in targets:
            self.refer(target)

    def finish(self, align=4):
        self.data += bytes(-len(self.data) % align)
        for at, name in self.references:
            struct.pack_into("<I", self.data, at, self.places[name] - at)
        return bytes(self.data)


VT_INFO = (26, 64, 4, 16, 24, 32, 40, 12, 13, 8, 48, 56, 14)


def put_info(fb, info, first, last):
    fb.refer(first)
    fb.refer(last)
    fb.put("BBBB", 0, 0, 1, 0)  # no codec, compacted, composite filter
    for part in ("index", "filter", "stats"):
        fb.put("QQ", *info[part])


def root(fb, name):
    """The root position is not relative to itself but to the buffer's begin, where it stands."""
    fb.refer(name)


def encode_info(info):
    fb = Assembler()
    root(fb, "info")
    fb.vtable("vt", *VT_INFO)
    fb.table("info", "vt")
    put_info(fb, info, "first", "last")
    fb.octets("first", info["first"])
    fb.octets("last", info["last"])
    return fb.finish()


def encode_index(blocks):
    fb = Assembler()
    root(fb, "index")
    fb.vtable("vt_meta", 8, 16, 8, 4)
    fb.vtable("vt_index", 6, 8, 4)
    fb.table("index", "vt_index", 4)
    fb.refer("blocks")
    fb.references_to("blocks", ["m%d" % i for i in range(len(blocks))])
    for i, (offset, key, _) in enumerate(blocks):
        fb.table("m%d" % i, "vt_meta")
        fb.refer("k%d" % i)
        fb.put("Q", offset)
        fb.octets("k%d" % i, key)
    return fb.finish(8)


def encode_stats(blocks, key_bytes, value_bytes):
    fb = Assembler()
    root(fb, "stats")
    fb.vtable("vt", 16, 48, 8, 16, 24, 32, 40, 4)
    fb.vtable("vt_block", 10, 12, 4, 6, 8)
    fb.table("stats", "vt")
    fb.refer("blocks")
    fb.put("QQQQQ", sum(b[2] for b in blocks), 0, 0, key_bytes, value_bytes)
    fb.references_to("blocks", ["b%d" % i for i in range(len(blocks))])
    for i, block in enumerate(blocks):
        fb.table("b%d" % i, "vt_block", 4)
        fb.put("HHHH", block[2], 0, 0, 0)
    return fb.finish()


def encode_manifest(ssts, seq, checkpoint):
    """ssts: (ulid, info) in key order; checkpoint: (uuid, created) or None."""
    fb = Assembler()
    root(fb, "manifest")
    fb.vtable("vt_info", *VT_INFO)
    fb.vtable("vt_ulid", 8, 24, 8, 16)
    fb.vtable("vt_sst", 10, 16, 4, 8, 12)
    fb.vtable("vt_view", 8, 12, 4, 8)
    fb.vtable("vt_run", 8, 12, 4, 8)
    fb.vtable("vt_checkpoint", 12, 24, 4, 8, 16, 20)
    fb.vtable("vt_manifest", 32, 80, 24, 0, 20, 32, 40, 48, 56, 0, 4, 8, 12, 64, 16, 72)
    fb.table("manifest", "vt_manifest")
    for field in ("ssts", "l0", "runs", "checkpoints"):
        fb.refer(field)
    fb.put("BBH", 1, 0, 0)
    fb.put("QQQQQqQ", 0, 0, 0, 0, 0, 0, seq)
    fb.references_to("l0", [])
    numbers = range(len(ssts))
    fb.references_to("ssts", ["sst%d" % i for i in numbers], 8)
    fb.references_to("runs", ["run"] if ssts else [])
    if ssts:
        fb.table("run", "vt_run", 4)
        fb.put("I", 0)
        fb.refer("views")
        fb.references_to("views", ["view%d" % i for i in numbers])
    fb.references_to("checkpoints", ["checkpoint"] if checkpoint else [])
    fb.place("end of vectors", 8)
    if checkpoint:
        uuid, created = checkpoint
        fb.table("checkpoint", "vt_checkpoint")
        fb.refer("uuid")
        fb.put("QII", 1, 0, created)
        fb.table("uuid", "vt_ulid")
        fb.put("IQQ", 0, uuid >> 64, uuid & MASK)
    for i, (ulid, info) in enumerate(ssts):
        fb.table("sst%d" % i, "vt_sst")
        fb.refer("ulid%d" % i)
        fb.refer("info%d" % i)
        fb.put("HH", 2, 0)
        fb.table("view%d" % i, "vt_view")
        fb.refer("ulid%d" % i)
        fb.refer("ulid%d" % i)
        fb.put("I", 0)
        fb.table("ulid%d" % i, "vt_ulid")
        fb.put("IQQ", 0, ulid >> 64, ulid & MASK)
        fb.table("info%d" % i, "vt_info")
        put_info(fb, info, "first%d" % i, "last%d" % i)
        fb.octets("first%d" % i, info["first"])
        fb.octets("last%d" % i, info["last"])
        fb.place("end of record", 8)
    return struct.pack(">H", 2) + fb.finish()


# ---- bloom filter ----

def siphash13(data):
    v = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def mix():
        for a, b, turn_b, turn_a in ((0, 1, 13, 32), (2, 3, 16, 0), (0, 3, 21, 0), (2, 1, 17, 32)):
            v[a] = (v[a] + v[b]) & MASK
            v[b] = rotate(v[b], turn_b) ^ v[a]
            if turn_a:
                v[a] = rotate(v[a], turn_a)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        mix()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def encode_filter(keys, bits_per_key):
    size = (len(keys) * bits_per_key + 7) // 8
    single = struct.unpack("f", struct.pack("f", 0.69))[0]
    probes = int(struct.unpack("f", struct.pack("f", bits_per_key * single))[0])
    m, bits = 8 * size, bytearray(size)
    for key in keys:
        h = siphash13(key)
        place, step = (h & 0xFFFFFFFF) % m, (h >> 32) % m
        for i in range(probes):
            step = (step + i) % m
            bits[place // 8] |= 1 << place % 8
            place = (place + step) % m
    body = struct.pack(">H", probes) + bits
    return struct.pack(">HH3sQ", 1, 3, b"_bf", len(body)) + body


# ---- SST ----

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def common(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def crc(data):
    return data + struct.pack(">I", zlib.crc32(data))


class Sst:
    def __init__(self, block_size, seq):
        self.block_size, self.seq = block_size, seq
        self.file = bytearray()
        self.blocks = []  # (offset, index key, rows)
        self.keys = []
        self.key_bytes = self.value_bytes = 0
        self.rows = bytearray()
        self.restarts, self.count, self.index_key = [], 0, b""

    def row(self, key, value):
        shared = common(self.keys[-1], key) if self.count % 16 else 0
        return (varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
                + struct.pack(">QB", self.seq, 0))

    def add(self, key, value):
        row, restart = self.row(key, value), self.count % 16 == 0
        trailer = 2 * len(self.restarts) + 2 + (2 if restart else 0)
        if self.count and len(self.rows) + trailer + len(row) > self.block_size:
            self.seal()
            self.index_key = key[:common(self.keys[-1], key) + 1]
            row, restart = self.row(key, value), True
        if restart:
            self.restarts.append(len(self.rows))
        self.rows += row
        self.count += 1
        self.keys.append(key)
        self.key_bytes += len(key)
        self.value_bytes += len(value)

    def seal(self):
        self.blocks.append((len(self.file), self.index_key, self.count))
        trailer = self.restarts + [len(self.restarts)]
        self.file += crc(bytes(self.rows) + struct.pack(">%dH" % len(trailer), *trailer))
        self.rows, self.restarts, self.count = bytearray(), [], 0

    def held(self):
        return len(self.file) + len(self.rows)

    def part(self, data):
        at, data = len(self.file), crc(data)
        self.file += data
        return at, len(data)

    def finish(self, bloom_bits):
        self.seal()
        info = {"first": self.keys[0], "last": self.keys[-1]}
        info["filter"] = self.part(encode_filter(self.keys, bloom_bits))
        info["index"] = self.part(encode_index(self.blocks))
        info["stats"] = self.part(encode_stats(self.blocks, self.key_bytes, self.value_bytes))
        at, _ = self.part(encode_info(info))
        self.file += struct.pack(">QH", at, 2)
        return bytes(self.file), info


def database(rows, block_size=4096, sst_bytes=1 << 28, seq=1, checkpoint=None):
    """(list of SST files, manifest)"""
    ssts, sst = [], None
    for key, value in rows:
        if sst and sst.held() >= sst_bytes:
            ssts.append(sst.finish(10))
            sst = None
        sst = sst or Sst(block_size, seq)
        sst.add(key, value)
    if sst:
        ssts.append(sst.finish(10))
    tables = [(ULID + i, info) for i, (_, info) in enumerate(ssts)]
    return [data for data, _ in ssts], encode_manifest(tables, seq if ssts else 0, checkpoint)


def files():
    three = [(b"apple", b"red"), (b"apricot", b""), (b"banana", b"yellow")]
    (sst,), manifest = database(three)
    yield "three.sst", sst
    yield "three.manifest", manifest
    yield "three-checkpoint.manifest", database(three, checkpoint=CHECKPOINT)[1]
    yield "empty.manifest", database([])[1]
    yield "empty-checkpoint.manifest", database([], checkpoint=CHECKPOINT)[1]
    rows = [(b"key%06d" % (7 * i), b"" if i % 11 == 0 else b"value-%d-" % i + b"x" * (i % 50))
            for i in range(1000)]
    ssts, manifest = database(rows, 1024, 16384, checkpoint=CHECKPOINT)
    lines = ["%d %08x %s" % (len(d), zlib.crc32(d), hashlib.sha256(d).hexdigest())
             for d in ssts + [manifest]]
    yield "thousand.txt", ("\n".join(lines) + "\n").encode()


def main():
    different = 0
    for name, data in files():
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_bytes(data)
        elif path.read_bytes() != data:
            print("%s differs" % path)
            different += 1
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
