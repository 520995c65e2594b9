"""vector_tables.py: tables of vectors, each the only shard of a snapshot, and what they must hold."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from engine_lance import truths
from foreign_snapshot import ForeignSnapshot
from shardyfusion import HashShardedWriteConfig, UnifiedShardedReader, VectorSpec
from shardyfusion.writer.arrow import write_arrow

PAYLOADS = (None, "", '{"n": 1}', "é!", "日本語 😀", "a\0b", None, "long " * 200)


@dataclass(frozen=True)
class Shape:
    """One point of the matrix. partitions 0: index_type "flat"."""

    metric: str
    rows: int
    dim: int
    partitions: int = 0

    def __str__(self):
        index = f"ivf{self.partitions}" if self.partitions else "flat"
        return f"{self.metric}-{self.rows}x{self.dim}-{index}"

    @property
    def built(self):
        """Partitions that can be built: not more than rows."""
        return max(1, min(self.partitions, self.rows))


class Table:
    """A table of gaussian vectors: what was given, and where it was written."""

    def __init__(self, prefix, shape, *, vectors=None, payloads=None, ids=None):
        self.shape = shape
        rng = np.random.default_rng([shape.rows, shape.dim])
        if vectors is None:
            vectors = rng.standard_normal((shape.rows, shape.dim), "f4")
        self.vectors = vectors
        self.ids = ids or [f"row-{i}-é" if i % 3 else f"{i}" for i in range(shape.rows)]
        self.payloads = payloads or [PAYLOADS[i % len(PAYLOADS)] for i in range(shape.rows)]
        self.queries = [rng.standard_normal(shape.dim).astype("f4") for _ in range(3)]
        self.queries += [vectors[shape.rows // 2], vectors[0] * np.float32(3)]
        self.prefix = prefix
        self._write()
        self.snapshot = ForeignSnapshot(prefix)
        self.shard = self.snapshot.shard
        self.reader = UnifiedShardedReader(s3_prefix=prefix)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.reader.close()

    @cached_property
    def truths(self):
        return truths(self.shape.metric, self.ids, self.vectors, self.queries)

    def _write(self):
        shape = self.shape
        spec = VectorSpec(
            dim=shape.dim, metric=shape.metric, quantization="none",
            index_type="ivf" if shape.partitions else "flat",
            index_params={"num_partitions": shape.partitions} if shape.partitions else {})
        config = HashShardedWriteConfig(num_dbs=1, s3_prefix=self.prefix, vector_spec=spec)
        column = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors.reshape(-1)), shape.dim)
        # Rows are stored in the order of their keys, so row i of the table is row i here.
        batch = pa.table({"key": pa.array(range(shape.rows), pa.int64()),
                          "value": pa.array([b""] * shape.rows, pa.binary()),
                          "embedding": column, "id": self.ids,
                          "payload": pa.array(self.payloads, pa.string())})
        write_arrow(batch, config, key_col="key", value_col="value", vector_col="embedding",
                    id_col="id", payload_col="payload")

    def ours(self, query, k=10, **options):
        """[(id, score)] as this library answers."""
        return [(hit.id, hit.score) for hit in self.reader.search(query, k, **options)]
