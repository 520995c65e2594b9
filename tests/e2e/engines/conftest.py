"""conftest.py: what the suites of the official engines share: building snapshots to be judged."""
import os
from itertools import count

import pytest

# The statistics of pylance warn unless this is chosen one way or the other.
os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "true")


@pytest.fixture
def build(tmp_path):
    """build({key: value}, num_dbs=1, **options of SlateDbFactory) -> ForeignSnapshot."""
    from foreign_snapshot import ForeignSnapshot
    from shardyfusion import HashShardedWriteConfig, PythonRecordInput, SlateDbFactory
    from shardyfusion.writer.python import write_hash_sharded

    numbers = count()

    def make(rows, *, num_dbs=1, key_encoding=None, **factory):
        prefix = tmp_path / f"snapshot-{next(numbers)}"
        config = HashShardedWriteConfig(num_dbs=num_dbs, s3_prefix=prefix, key_encoding=key_encoding,
                                        adapter_factory=SlateDbFactory(**factory))
        pairs = rows.items() if isinstance(rows, dict) else rows
        write_hash_sharded(pairs, config, PythonRecordInput(lambda row: row[0], lambda row: row[1]))
        return ForeignSnapshot(prefix)

    return make
