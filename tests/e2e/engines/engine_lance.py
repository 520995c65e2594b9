"""engine_lance.py: the official pylance and lancedb packages as judges of vector tables.

Both answer the same questions: the rows, the index, the plan of a query, and the nearest rows. An engine
that cannot use an index falls back to comparing all vectors without saying so, which looks right on
small tables: therefore the plan is looked at too.
"""
import numpy as np

ENGINES = ("pylance", "lancedb")
METRICS = {"cosine": "cosine", "l2": "l2", "dot_product": "dot"}  # the engines' names


class Pylance:
    def __init__(self, shard):
        import lance

        self.table = lance.dataset(str(shard.table))

    def count(self):
        return self.table.count_rows()

    def rows(self):
        return self.table.to_table()

    def where(self, condition):
        return self.table.to_table(columns=["id"], filter=condition)["id"].to_pylist()

    def take(self, numbers):
        return self.table.take(numbers)["id"].to_pylist()

    def index(self):
        """[(columns, type, metric, partitions, rows indexed)] of every index."""
        found = []
        for index in self.table.describe_indices():
            stats = self.table.stats.index_stats(index.name)
            (segment,) = stats["segments"]
            assert stats["num_unindexed_rows"] == 0
            found.append((index.field_names, index.index_type, segment["metric_type"],
                          segment["num_partitions"], index.num_rows_indexed))
        return found

    def _nearest(self, query, k, nprobes):
        nearest = {"column": "vector", "q": query, "k": k}
        if nprobes:
            nearest["nprobes"] = nprobes
        return self.table.scanner(columns=["id", "_distance"], nearest=nearest)

    def plan(self, query, k=10, nprobes=None):
        return self._nearest(query, k, nprobes).explain_plan(True)

    def search(self, query, k=10, nprobes=None):
        """[(id, distance)], nearest first."""
        answer = self._nearest(query, k, nprobes).to_table()
        return list(zip(answer["id"].to_pylist(), answer["_distance"].to_pylist()))


class LanceDb:
    def __init__(self, shard):
        import lancedb

        # As the other implementation of shardyfusion opens it: the shard's URL, a fixed table name.
        self.database = lancedb.connect(f"{shard.url}/vector")
        self.table = self.database.open_table("vector_index")

    def count(self):
        return self.table.count_rows()

    def rows(self):
        return self.table.to_arrow()

    def where(self, condition):
        query = self.table.search().where(condition).select(["id"]).limit(self.count() + 1)
        return query.to_arrow()["id"].to_pylist()

    def take(self, numbers):
        return self.table.take_offsets(numbers).to_arrow()["id"].to_pylist()

    def index(self):
        found = []
        for index in self.table.list_indices():
            stats = self.table.index_stats(index.name)
            assert stats.num_unindexed_rows == 0 and stats.num_indices == 1
            found.append((index.columns, stats.index_type, stats.distance_type, None,
                          stats.num_indexed_rows))
        return found

    def _nearest(self, query, k, nprobes):
        nearest = self.table.search(query).limit(k).select(["id", "_distance"])
        return nearest.nprobes(nprobes) if nprobes else nearest

    def plan(self, query, k=10, nprobes=None):
        return self._nearest(query, k, nprobes).explain_plan(True)

    def search(self, query, k=10, nprobes=None):
        answer = self._nearest(query, k, nprobes).to_arrow()
        return list(zip(answer["id"].to_pylist(), answer["_distance"].to_pylist()))


def open_table(engine, shard):
    return {"pylance": Pylance, "lancedb": LanceDb}[engine](shard)


def uses_index(plan):
    return "ANNSubIndex" in plan and "ANNIvfPartition" in plan


# ---- the truth ----

def exact_distances(metric, vectors, queries):
    """[queries, rows]: every distance in double precision."""
    rows, queries = np.asarray(vectors, "f8"), np.asarray(queries, "f8")
    if metric == "l2":
        return np.array([((rows - query) ** 2).sum(axis=1) for query in queries])
    if metric == "cosine":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return 1 - queries @ rows.T


class Truth:
    """All distances from one query, and how far an answer may be off.

    Errors are measured against the largest distance; under cosine, where a distance is what is left of
    1, at least against that.
    """

    def __init__(self, metric, row, query, distances):
        self.row, self.query, self.distances = row, query, distances
        self.scale = max(np.abs(distances).max(), 1.0 if metric == "cosine" else 0.0)

    def check_nearest(self, answer, k, relative):
        """Assert that [(id, distance)] are the k nearest rows; rows at one distance are equals."""
        slack = relative * self.scale
        rows = [self.row[id] for id, _ in answer]
        assert len(rows) == len(set(rows)) == min(k, len(self.row))
        self.check_distances(answer, relative)
        last = np.partition(self.distances, len(rows) - 1)[len(rows) - 1]
        assert set(np.flatnonzero(self.distances < last - slack)) <= set(rows), "a nearer row is missing"

    def check_distances(self, answer, relative):
        """Assert that the distances are right and in order."""
        distances = np.array([distance for _, distance in answer])
        assert (np.diff(distances) >= 0).all(), "not in order"
        exact = self.distances[[self.row[id] for id, _ in answer]]
        np.testing.assert_allclose(distances, exact, rtol=0, atol=relative * self.scale)

    def check_same(self, ours, theirs, relative):
        """Assert that two answers agree: ids may differ only among equals in the last places."""
        slack = relative * self.scale
        assert len(ours) == len(theirs)
        np.testing.assert_allclose([d for _, d in ours], [d for _, d in theirs], rtol=0, atol=slack)
        different = {id for id, _ in ours} ^ {id for id, _ in theirs}
        assert all(self.distances[self.row[id]] >= ours[-1][1] - 2 * slack for id in different)


def truths(metric, ids, vectors, queries):
    """One Truth for each query. Equal ids must not occur."""
    row = {id: number for number, id in enumerate(ids)}
    assert len(row) == len(ids)
    exact = exact_distances(metric, vectors, queries)
    return [Truth(metric, row, query, distances) for query, distances in zip(queries, exact)]


def merge(answers, k):
    """The k nearest of the answers of several shards."""
    return sorted((hit for answer in answers for hit in answer), key=lambda hit: hit[1])[:k]
