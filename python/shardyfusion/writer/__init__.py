"""Building snapshots: ``writer.python`` from records, ``writer.arrow`` from Arrow data."""
