"""Settings of other implementations that this version cannot honour are refused, never ignored."""

from __future__ import annotations

from datetime import timedelta

from .errors import ConfigValidationError

S3_ONLY = "it belongs to s3:// prefixes, which this version does not write or read"


def refuse(name: str, value: object, default: object = None, *, why: str) -> None:
    """Raise unless ``value`` is the default."""
    if value is default or (type(value) is type(default) and value == default):
        return
    shown = f"={value!r}" if isinstance(value, (str, int, float, timedelta)) else ""
    raise ConfigValidationError(f"{name}{shown} is not supported: {why}")
