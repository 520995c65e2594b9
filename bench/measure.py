"""What both sides' measurements share: clocks, percentiles, recall."""
import time
from pathlib import Path

import numpy as np


class Clock:
    """Seconds on the wall and of processor time since the last lap."""

    def __init__(self):
        self.start = self.last = time.perf_counter()
        self.cpu = time.process_time()

    def lap(self):
        now = time.perf_counter()
        seconds, self.last = now - self.last, now
        return seconds

    def total(self):
        return time.perf_counter() - self.start

    def cpu_total(self):
        return time.process_time() - self.cpu


def peak_rss_mb():
    """The most memory that this process has held at once (rusage would count its parent's, too)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def latency(ns):
    """Percentiles of nanoseconds, in microseconds."""
    ns = np.sort(np.asarray(ns, dtype=np.int64)) / 1000
    return {"p50_us": round(float(ns[len(ns) // 2]), 3), "p99_us": round(float(ns[len(ns) * 99 // 100]), 3),
            "mean_us": round(float(ns.mean()), 3), "n": len(ns)}


def vectors_of(path, dim):
    return np.fromfile(path, dtype="<f4").reshape(-1, dim)


def exact_neighbours(vectors, queries, k):
    """Row numbers of the k rows of greatest cosine for every query."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ unit.T
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def recall(found, wanted):
    """Share of the wanted neighbours that were found, over all queries."""
    hits = sum(len(set(f) & set(w)) for f, w in zip(found, wanted))
    return round(hits / sum(len(w) for w in wanted), 4)


def time_searches(search, queries, warm=30):
    """What every query finds, one after the other, and the latencies; the first `warm` run twice."""
    for query in queries[:warm]:
        search(query)
    found, ns = [], []
    for query in queries:
        start = time.perf_counter_ns()
        result = search(query)
        ns.append(time.perf_counter_ns() - start)
        found.append(result)
    return found, latency(ns)
