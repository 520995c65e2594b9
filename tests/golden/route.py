#!/usr/bin/env python3
"""Write route.json: keys, their XXH3-64 digests, shards and stored bytes.

Needs the xxhash package (any version; the digest is frozen). Run it in this folder:

    python3 route.py > route.json

Every case is one line, so that a plain C test can read the file without a JSON parser.
"""

import json
import struct

import xxhash

MODULI = (2, 8, 17, 64, 1000)
KEY_MAX = 65535


def pattern(n):
    return bytes(i % 251 for i in range(n))


ROUTED = (
    [0, 1, -1, 42, 255, 256, 2**31 - 1, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63)]
    + ["", "a", "hello", "user:42", "\u00e9", "\0", "\u20ac\U0001f600"]
    + [b"", b"hello", b"\x00\xff", struct.pack("<q", 42), bytes(range(17)), bytes(range(129))]
    + [pattern(n) for n in (1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 256, 1023, 1024, 1025)]
)

STORED = [
    (encoding, key)
    for encoding in ("u64be", "u32be", "utf8", "raw")
    for key in (
        [0, 1, -1, 255, 256, 2**32 - 1, 2**32, 2**53, 2**63 - 1, -(2**63)]
        + ["", "a", "user:42", "\u00e9", "\0"]
        + [b"", b"a", b"\xc3\xa9", b"\x00\xff", b"\xed\xa0\x80", b"12345678", b"1234"]
    )
]


def canonical(key):
    if isinstance(key, int):
        return struct.pack("<q", key)
    return key.encode() if isinstance(key, str) else key


def described(key):
    if isinstance(key, int):
        return {"type": "int", "int": str(key), "hex": ""}
    return {
        "type": "str" if isinstance(key, str) else "bytes",
        "int": "",
        "hex": canonical(key).hex(),
    }


def stored(encoding, key):
    """The stored bytes, or the words that the refusal must contain."""
    if encoding in ("u64be", "u32be"):
        top = 2**63 - 1 if encoding == "u64be" else 2**32 - 1
        if not isinstance(key, int):
            return None, f"{encoding} encoding expects int key"
        if not 0 <= key <= top:
            return None, f"{encoding} encoding requires value in"
        return key.to_bytes(8 if encoding == "u64be" else 4, "big"), ""
    if isinstance(key, int):
        expects = "str or bytes" if encoding == "utf8" else "bytes or str"
        return None, f"{encoding} encoding expects {expects}"
    data = canonical(key)
    if not 1 <= len(data) <= KEY_MAX:
        return None, "1 to 65535 bytes"
    if encoding == "utf8":
        try:
            data.decode()
        except UnicodeDecodeError:
            return None, "is not UTF-8"
    return data, ""


def main():
    lines = []
    for key in ROUTED:
        digest = xxhash.xxh3_64_intdigest(canonical(key))
        mods = [digest % m for m in MODULI]
        lines.append({"case": "route", **described(key), "digest": f"{digest:016x}", "mod": mods})
    for encoding, key in STORED:
        data, refusal = stored(encoding, key)
        lines.append(
            {
                "case": "store",
                **described(key),
                "encoding": encoding,
                "stored": "" if data is None else data.hex(),
                "refusal": refusal,
            }
        )
    print('{"moduli": %s, "cases": [' % json.dumps(MODULI))
    print(",\n".join(json.dumps(line) for line in lines))
    print("]}")


if __name__ == "__main__":
    main()
