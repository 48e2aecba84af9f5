"""One stored record on its way out: clear fields as they are, sealed fields opened one by one on demand."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson

from hub.keys.sealing import DataKey, aad_prefix


class Row:
    """A record of one subject. Only fields that the plan discloses are ever opened."""

    __slots__ = (
        "_key",
        "_prefix",
        "_sealed",
        "clear",
        "dataset",
        "event_date",
        "opened",
        "record_id",
        "version",
    )

    def __init__(
        self,
        key: DataKey,
        subject_id: bytes,
        dataset: str,
        record_id: bytes,
        version: int,
        event_date: date,
        clear: str,
        sealed: str,
    ) -> None:
        self.dataset = dataset
        self.record_id = record_id
        self.version = version
        self.event_date = event_date
        self.clear: dict[str, Any] = orjson.loads(clear)
        self.opened = 0
        self._key = key
        self._sealed: dict[str, str] = orjson.loads(sealed)
        self._prefix = aad_prefix(subject_id, dataset, record_id, version) if self._sealed else b""

    def unseal(self, name: str) -> Any:
        """The value of a sealed field, or None when the record has none.

        Raises:
            SealError: when the stored ciphertext is not this field of this version of this record.
        """
        token = self._sealed.get(name)
        if token is None:
            return None
        self.opened += 1
        return orjson.loads(self._key.unseal(self._prefix + name.encode(), token))
