"""Opened data keys, remembered, so that a subject's key is unwrapped once and not per request.

An entry answers only for the very wrapped bytes it was opened from: the caller reads those from the database
on every request, so a key that was destroyed, rotated or replaced there is never served from memory.
"""

from __future__ import annotations

from collections import OrderedDict

from hub.errors import SealError
from hub.keys.sealing import DataKey, Sealer


class DataKeyCache:
    """At most `capacity` opened data keys, least recently used out first. For one thread (one event loop)."""

    def __init__(self, sealer: Sealer, capacity: int = 50_000) -> None:
        self._sealer = sealer
        self._capacity = capacity
        self._opened: OrderedDict[bytes, tuple[str, bytes, DataKey]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._opened)

    def open(self, subject_id: bytes, kek_id: str, wrapped: bytes | None) -> DataKey:
        """The subject's data key as the database holds it now; `wrapped` is None once it was destroyed.

        Raises:
            SealError: when the key was destroyed or does not open. Nothing of the subject stays cached then.
        """
        entry = self._opened.get(subject_id)
        if entry is not None and entry[1] == wrapped and entry[0] == kek_id:
            self._opened.move_to_end(subject_id)
            return entry[2]
        self.forget(subject_id)
        if wrapped is None:
            raise SealError(
                "The subject's data key was destroyed; its sealed values are erased.",
                hint="Nothing can be done: erasure is final.",
                message_zh="该主体的数据密钥已销毁，其加密数据已被清除。",
            )
        key = self._sealer.open_data_key(subject_id, kek_id, wrapped)
        self._keep(subject_id, kek_id, wrapped, key)
        return key

    def make(self, subject_id: bytes) -> tuple[str, bytes, DataKey]:
        """A fresh data key for a subject: id of the key-encryption key, wrapped key to store, and the key opened."""
        kek_id, wrapped, key = self._sealer.make_data_key(subject_id)
        self._keep(subject_id, kek_id, wrapped, key)
        return kek_id, wrapped, key

    def _keep(self, subject_id: bytes, kek_id: str, wrapped: bytes, key: DataKey) -> None:
        self._opened[subject_id] = (kek_id, wrapped, key)
        self._opened.move_to_end(subject_id)
        if len(self._opened) > self._capacity:
            self._opened.popitem(last=False)

    def forget(self, subject_id: bytes) -> None:
        """Drop the subject's key from memory."""
        self._opened.pop(subject_id, None)
