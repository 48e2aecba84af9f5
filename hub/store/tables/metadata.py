"""The one collection that all tables are declared in."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
