"""The first schema.

A released migration never follows later changes of `hub.store.tables`; until the first release this one
creates what the tables say, and `tests/store/test_migrations.py` holds the two equal.
"""

from __future__ import annotations

from alembic import op

from hub.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop all tables."""
    metadata.drop_all(op.get_bind())
