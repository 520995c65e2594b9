"""The key-value part of a shard: a SlateDB store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._refuse import S3_ONLY, refuse
from .type_defs import S3ConnectionOptions

__all__ = ["SlateDbBridgeTimeouts", "SlateDbFactory", "SlateDbSettings"]

_ENGINE = "SlateDB files are written directly, without the engine that this configures"


@dataclass
class SlateDbSettings:
    """Settings of the SlateDB engine, which does not run here."""

    flush_interval: str | None = None
    l0_sst_size_bytes: int | None = None
    default_ttl_ms: int | None = None
    raw_overrides: Mapping[str, object] = field(default_factory=dict)


@dataclass
class SlateDbBridgeTimeouts:
    """Patience with the SlateDB engine, which does not run here."""

    open_s: float | None = None
    write_s: float | None = None
    flush_s: float | None = None
    shutdown_s: float | None = None


@dataclass
class SlateDbFactory:
    """How key-value shards are written. None means the library's default.

    compression: None, "none" or "zstd". block_size: bytes (4096). bloom_bits_per_key: 10.
    sst_bytes: a file is closed once it holds this much (256 MiB).
    """

    env_file: str | None = None
    settings: SlateDbSettings | None = None
    credential_provider: object | None = None
    bridge_timeouts: SlateDbBridgeTimeouts = field(default_factory=SlateDbBridgeTimeouts)
    s3_connection_options: S3ConnectionOptions | None = None
    compression: str | None = None
    block_size: int | None = None
    bloom_bits_per_key: int | None = None
    sst_bytes: int | None = None

    def __post_init__(self) -> None:
        refuse("SlateDbFactory.env_file", self.env_file, why=S3_ONLY)
        if self.settings != SlateDbSettings():
            refuse("SlateDbFactory.settings", self.settings, why=_ENGINE)
        refuse("SlateDbFactory.credential_provider", self.credential_provider, why=S3_ONLY)
        refuse(
            "SlateDbFactory.bridge_timeouts",
            self.bridge_timeouts,
            SlateDbBridgeTimeouts(),
            why=_ENGINE,
        )
        refuse("SlateDbFactory.s3_connection_options", self.s3_connection_options, why=S3_ONLY)
