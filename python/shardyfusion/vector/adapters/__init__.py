"""How vector shards are written."""

from .lancedb_adapter import LanceDbFactory, LanceDbWriterFactory

__all__ = ["LanceDbFactory", "LanceDbWriterFactory"]
