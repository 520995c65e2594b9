"""The vector part of a shard: a LanceDB table."""

from __future__ import annotations

from ..._refuse import S3_ONLY, refuse
from ...type_defs import S3ConnectionOptions

__all__ = ["LanceDbFactory", "LanceDbWriterFactory"]


class LanceDbWriterFactory:
    """Vector shards are Lance tables named ``vector_index`` with an index."""

    def __init__(
        self,
        s3_connection_options: S3ConnectionOptions | None = None,
        credential_provider: object | None = None,
    ) -> None:
        refuse("LanceDbFactory.s3_connection_options", s3_connection_options, why=S3_ONLY)
        refuse("LanceDbFactory.credential_provider", credential_provider, why=S3_ONLY)
        self.s3_connection_options = s3_connection_options
        self.credential_provider = credential_provider

    def __repr__(self) -> str:
        return "LanceDbWriterFactory()"


LanceDbFactory = LanceDbWriterFactory
