"""Small types shared by configurations."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

__all__ = ["KeyInput", "PrefixInput", "RetryConfig", "S3ConnectionOptions"]

KeyInput = int | str | bytes
PrefixInput = str | os.PathLike[str]


@dataclass(frozen=True)
class RetryConfig:
    """How often, and how patiently, a failed shard is tried again."""

    max_retries: int = 3
    initial_backoff: timedelta = timedelta(seconds=1)
    backoff_multiplier: float = 2.0


class S3ConnectionOptions(TypedDict, total=False):
    """How an S3 service is reached."""

    endpoint_url: str
    region_name: str
    addressing_style: str
    signature_version: str
    verify_ssl: bool | str
    connect_timeout: int
    read_timeout: int
    max_attempts: int
