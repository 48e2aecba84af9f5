"""All tables, as SQLAlchemy Core metadata. Alembic migrations create them; nothing else does.

Every large table leads its primary key with `subject_id`, so that it can be distributed by subject and a
report touches one shard and one index range. The log's tables are keyed by log and index. No foreign key
crosses subjects.
"""

from __future__ import annotations

from hub.store.tables import access, collection, lifecycle, log, policy, recall, records, register, review
from hub.store.tables.metadata import metadata

MODULES = (records, register, collection, access, policy, lifecycle, recall, log, review)
"""All of them, so that `metadata` is complete for whoever imports it from here."""

__all__ = ["MODULES", "metadata"]
