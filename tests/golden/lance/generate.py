"""Golden Lance table: three rows of dim 4 and an IVF_FLAT index, byte by byte.

    python3 generate.py [DIRECTORY]     default: flat.lance beside this file

Independent of the C code and of any Lance library: it spells out docs/format/lance.md.
Inputs: ids "a", "bb", "ccc"; vectors (3,0,0,0), (0,1.5,0,0), (0,0,-0.75,6); payloads null, "", "é!";
metric l2, one partition, centroid = mean, loss = sum of squared distances to it; fixed UUID, name, time.
"""
import pathlib
import struct
import sys

UUID = bytes.fromhex("00112233445566778899aabbccddeeff")
DATA_NAME = "000102030405060708090a0b0c0d0e0f.lance"
SECONDS, NANOS = 1_700_000_000, 123_456_789
IDS = [b"a", b"bb", b"ccc"]
VECTORS = [(3, 0, 0, 0), (0, 1.5, 0, 0), (0, 0, -0.75, 6)]
PAYLOADS = [None, b"", "é!".encode()]
DIM = 4
CENTROID, LOSS = (1, 0.5, -0.25, 2), 31.875


def varint(n):
    n %= 1 << 64
    out = []
    while n > 127:
        out.append(n % 128 + 128)
        n //= 128
    return bytes(out + [n])


def message(*fields):
    """(number, value): int varint, float fixed64, list packed varints, bytes or str length-delimited."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number * 8) + varint(value)
        elif isinstance(value, float):
            out += varint(number * 8 + 1) + struct.pack("<d", value)
        else:
            if isinstance(value, list):
                value = b"".join(map(varint, value))
            elif isinstance(value, str):
                value = value.encode()
            out += varint(number * 8 + 2) + varint(len(value)) + value
    return out


def field(number, name, kind, nullable, encoding):
    parts = [(2, name), (3, number), (4, -1), (5, kind), (6, int(nullable)), (7, encoding)]
    return 1, message(*(p for p in parts if p[1] not in (0,)))


LIST = f"fixed_size_list:float:{DIM}"
DATA_FIELDS = [field(0, "id", "string", False, 2), field(1, "vector", LIST, False, 1),
               field(2, "payload", "string", True, 2)]
AUXILIARY_FIELDS = [field(0, "_rowid", "uint64", True, 1), field(1, "flat", LIST, False, 1)]
INDEX_FIELDS = [field(0, "__flat_marker", "uint64", False, 1)]


# page encodings: message ArrayEncoding, wrapped in Any, wrapped in Encoding.direct
def flat(bits, buffer):
    return message((1, message((1, bits), (2, message((1, buffer)) if buffer else b""))))


def no_nulls(inner):
    return message((2, message((1, message((1, inner))))))


def values(bits):
    return no_nulls(flat(bits, 0))


def vectors(dim):
    return no_nulls(message((3, message((1, dim), (2, values(32))))))


def binary(size):
    return message((6, message((1, values(64)), (2, flat(8, 1)), (3, size + 1))))


def direct(url, inner):
    return message((2, message((1, message((1, url), (2, inner))))))


COLUMN_ENCODING = direct("/lance.encodings.ColumnEncoding", message((1, b"")))


class File:
    def __init__(self):
        self.bytes, self.columns, self.globals = b"", [], []

    def buffer(self, data):
        at = len(self.bytes)
        self.bytes += data + b"H" * (-len(data) % 64)
        return at, len(data)

    def column(self, rows, encoding=None, *buffers):
        parts = [(1, COLUMN_ENCODING)]
        if rows:
            places = [self.buffer(b) for b in buffers]
            parts.append((2, message((1, [at for at, _ in places]), (2, [n for _, n in places]),
                                     (3, rows),
                                     (4, direct("/lance.encodings.ArrayEncoding", encoding)))))
        self.columns.append(message(*parts))

    def text(self, texts):
        data = b"".join(t or b"" for t in texts)
        ends, end = [], 0
        for t in texts:
            end += len(t or b"")
            ends.append(end + (len(data) + 1 if t is None else 0))
        self.column(len(texts), binary(len(data)), struct.pack(f"<{len(ends)}Q", *ends), data)

    def floats(self, rows):
        raw = b"".join(struct.pack(f"<{DIM}f", *row) for row in rows)
        self.column(len(rows), vectors(DIM), raw)

    def close(self, fields, rows, meta):
        entries = [(5, message((1, k), (2, meta[k]))) for k in sorted(meta)]
        length = [(2, rows)] if rows else []
        schema = message((1, message(*fields, *entries)), *length)
        tables = [(len(self.bytes), len(schema))] + self.globals
        out = self.bytes + schema
        first, places = len(out), []
        for column in self.columns:
            places.append((len(out), len(column)))
            out += column
        at = len(out)
        for place in places + tables:
            out += struct.pack("<QQ", *place)
        return out + struct.pack("<QQQIIHH4s", first, at, at + 16 * len(places), len(tables),
                                 len(places), 0, 3, b"LANC")


def data_file():
    f = File()
    f.text(IDS)
    f.floats(VECTORS)
    f.text(PAYLOADS)
    return f.close(DATA_FIELDS, len(IDS), {})


def auxiliary():
    f = File()
    f.column(3, values(64), struct.pack("<3Q", 0, 1, 2))
    f.floats(VECTORS)
    f.globals.append(f.buffer(message((2, [0]), (3, [3]))))
    return f.close(AUXILIARY_FIELDS, 3, {"distance_type": "l2", "lance:ivf": "1",
                                         "storage_metadata": '["{\\"dim\\":4}"]'})


def index():
    f = File()
    tensor = message((1, 2), (2, [1, DIM]), (3, struct.pack("<4f", *CENTROID)))
    f.globals.append(f.buffer(message((2, [0]), (3, [0]), (4, tensor), (5, LOSS))))
    f.column(0)
    return f.close(INDEX_FIELDS, 0, {
        "lance:flat": '[""]', "lance:index": '{"type":"IVF_FLAT","distance_type":"l2"}',
        "lance:ivf": "1"})


def manifest(sizes):
    bitmap = struct.pack("<IIHHIH", 12346, 1, 0, 0, 16, 0)
    details = message((1, "/lance.index.pb.VectorIndexDetails"), (2, message((8, b""))))
    index_message = message(
        (1, message((1, UUID))), (2, [1]), (3, "vector_idx"), (4, 1), (5, bitmap), (6, details),
        (7, 1), (8, SECONDS * 1000 + NANOS // 10**6),
        (10, message((1, "auxiliary.idx"), (2, sizes["auxiliary"]))),
        (10, message((1, "index.idx"), (2, sizes["index"]))))
    section = message((1, index_message))
    file = message((1, DATA_NAME), (2, [0, 1, 2]), (3, [0, 1, 2]), (4, 2), (6, sizes["data"]))
    body = message(*DATA_FIELDS, (2, message((2, file), (4, 3))), (3, 1), (6, 0),
                   (7, message((1, SECONDS), (2, NANOS))), (11, 0),
                   (13, message((1, "lance"), (2, "14.0.2"))),
                   (15, message((1, "lance"), (2, "2.0"))))
    at = 4 + len(section)
    return (struct.pack("<I", len(section)) + section + struct.pack("<I", len(body)) + body
            + struct.pack("<QHH4s", at, 0, 2, b"LANC"))


def main():
    here = pathlib.Path(__file__).parent
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "flat.lance"
    h = UUID.hex()
    indices = f"_indices/{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}/"
    parts = {"data": data_file(), "auxiliary": auxiliary(), "index": index()}
    names = {"data": "data/" + DATA_NAME, "auxiliary": indices + "auxiliary.idx",
             "index": indices + "index.idx"}
    parts["manifest"] = manifest({name: len(data) for name, data in parts.items()})
    names["manifest"] = f"_versions/{2**64 - 2:020}.manifest"
    for name, data in parts.items():
        path = root / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


main()
