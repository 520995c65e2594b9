"""What an operator does with a prefix."""

from __future__ import annotations

import os
from dataclasses import dataclass

from . import _core
from .type_defs import PrefixInput

__all__ = ["VerifyFinding", "VerifyReport", "verify"]


@dataclass(frozen=True)
class VerifyFinding:
    """Something wrong with one object; db_id None where no shard is meant."""

    db_id: int | None
    object: str
    problem: str


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at, and what was found."""

    shards: int
    objects: int
    bytes: int
    keys: int
    vectors: int
    problems: int
    findings: list[VerifyFinding]

    @property
    def ok(self) -> bool:
        return self.problems == 0


def verify(
    s3_prefix: PrefixInput,
    *,
    current_pointer_key: str = "_CURRENT",
    max_workers: int | None = None,
) -> VerifyReport:
    """Read every object of the current snapshot again: sizes, checksums, order, routing, counts."""
    raw = _core.verify(
        os.fspath(s3_prefix), current_name=current_pointer_key, threads=max_workers
    )
    return VerifyReport(
        shards=raw["shards"],
        objects=raw["objects"],
        bytes=raw["bytes"],
        keys=raw["keys"],
        vectors=raw["vectors"],
        problems=raw["problems"],
        findings=[VerifyFinding(*finding) for finding in raw["findings"]],
    )
