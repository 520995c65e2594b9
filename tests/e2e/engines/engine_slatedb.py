"""engine_slatedb.py: the official slatedb package as a judge of key-value shards.

Shards are opened without writing to them: in FollowLatest mode, or by the checkpoint that the manifest
names. Engines before 0.15 know only the latter.
"""
import asyncio
import uuid

import slatedb.uniffi as engine

BATCH = 512
POINT = ("kind", "point")


def everything():
    return engine.KeyRange(start=None, start_inclusive=False, end=None, end_inclusive=False)


class Store:
    """An open shard, used as a synchronous context manager."""

    def __init__(self, path, checkpoint_id=None):
        self.path, self.checkpoint_id = str(path), checkpoint_id
        self.metrics = engine.DefaultMetricsRecorder()
        self.runner = asyncio.Runner()

    async def _open(self):
        # The binding resolves only the root of the file system; the path goes to the builder.
        store = engine.ObjectStore.resolve("file:///")
        builder = engine.DbReaderBuilder(self.path.lstrip("/"), store)
        if self.checkpoint_id is None:
            builder.with_reader_mode(engine.ReaderMode.FOLLOW_LATEST())
        else:
            name = str(uuid.UUID(self.checkpoint_id))
            builder.with_reader_mode(engine.ReaderMode.CHECKPOINT(name))
        builder.with_metrics_recorder(self.metrics)
        return await builder.build()

    def __enter__(self):
        self.runner.__enter__()
        try:
            self.reader = self.runner.run(self._open())
        except BaseException:
            self.runner.close()
            raise
        return self

    def __exit__(self, *error):
        try:
            self.runner.run(self.reader.shutdown())
        finally:
            self.runner.close()

    def get_all(self, keys):
        """{key: value or None}."""

        async def run():
            return {key: await self.reader.get(key) for key in keys}

        return self.runner.run(run())

    def _collect(self, open_iterator):
        async def run():
            iterator, rows = await open_iterator(), []
            while batch := await iterator.next_batch(BATCH):
                rows += batch
            return rows

        return [(row.key, row.value) for row in self.runner.run(run())]

    def scan(self, start=None, end=None, end_inclusive=False):
        """All rows from start (inclusive) to end, as (key, value)."""
        keys = engine.KeyRange(start=start, start_inclusive=start is not None, end=end,
                               end_inclusive=end_inclusive)
        return self._collect(lambda: self.reader.scan(keys))

    def scan_prefix(self, prefix):
        return self._collect(lambda: self.reader.scan_prefix(prefix, everything()))

    def scan_descending(self):
        options = engine.ScanOptions(
            durability_filter=engine.DurabilityLevel.REMOTE, dirty=False, read_ahead_bytes=1,
            cache_blocks=False, max_fetch_tasks=1, order=engine.IterationOrder.DESCENDING)
        return self._collect(lambda: self.reader.scan_with_options(everything(), options))

    def filter_counts(self):
        """How many point reads the filter let through, stopped, and let through in vain."""
        counts = {}
        for metric in self.metrics.snapshot():
            if metric.name.startswith("slatedb.db.sst_filter_"):
                if POINT in [(label.key, label.value) for label in metric.labels]:
                    counts[metric.name.removeprefix("slatedb.db.sst_filter_")] = metric.value[0]
        return counts["positive_count"], counts["negative_count"], counts["false_positive_count"]


def neighbours(keys):
    """Absent keys beside the given ones: one byte more, one less, the last byte one up or down."""
    near = set()
    for key in keys:
        near.update((key + b"\0", key[:-1]))
        near.add(key[:-1] + bytes([(key[-1] + 1) & 255]))
        near.add(key[:-1] + bytes([(key[-1] - 1) & 255]))
    return sorted(near - set(keys) - {b""})


def judge(path, rows, *, checkpoint_id=None, misses=150, ranges=True):
    """Assert that the engine finds exactly `rows`: every get, misses beside them, scans.

    Returns the counts of the filter over all these gets.
    """
    ordered = sorted(rows.items())
    near = neighbours(rows)
    near = near[::max(1, len(near) // misses)]
    with Store(path, checkpoint_id) as store:
        found = store.get_all(rows)
        wrong = [key for key, value in rows.items() if found[key] != value]
        assert not wrong, f"{len(wrong)} of {len(rows)} keys lost or wrong, such as {wrong[0]!r}"
        answered = {key: value for key, value in store.get_all(near).items() if value is not None}
        assert not answered, f"keys that were never stored: {sorted(answered)[:3]}"
        counts = store.filter_counts()
        assert store.scan() == ordered
        assert store.scan_descending() == ordered[::-1]
        if ranges:
            _judge_ranges(store, ordered, near)
    return counts


def _judge_ranges(store, ordered, near):
    """Scans whose ends are stored keys, their absent neighbours, and prefixes of keys."""
    ends = [key for key, _ in ordered[::max(1, len(ordered) // 5)]] + near[::max(1, len(near) // 5)]
    for start, end in zip(ends, reversed(ends)):
        start, end = min(start, end), max(start, end)
        if start < end:
            assert store.scan(start, end) == [row for row in ordered if start <= row[0] < end]
        assert store.scan(start, end, True) == [row for row in ordered if start <= row[0] <= end]
        for prefix in (start[:1], start):
            assert store.scan_prefix(prefix) == [row for row in ordered if row[0].startswith(prefix)]
