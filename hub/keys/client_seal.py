"""The seal on the register of clients: whoever can write to the database cannot make or change a client unseen.

- A row carries HMAC-SHA-256 (RFC 2104) over the canonical JSON of all its columns, under a key that is derived from the
  ring's content key (HKDF, RFC 5869) for this alone.
- Acts on a client are numbered from 1, and the number is part of the row. The id of the entry of each act is derived
  from client and number, under a key of its own: whether a later act stands in the log is one lookup by id, so a row
  that was put back to an earlier state of its own is found as well.
- Index keys do not rotate, so a seal holds for the life of a ring.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from hub.errors import ValueFormatError
from hub.keys.canonical import canonical_json
from hub.keys.secrets import ContentIndexKey
from hub.keys.suites import Suite, derive

_ID_BYTES = 16


class ClientSeal:
    """Seals rows of the register and names the entries of acts on them."""

    def __init__(self, content: ContentIndexKey) -> None:
        self._rows = derive(Suite.AES_256_GCM, content.secret, b"credit-hub/client/v1", 32)
        self._acts = derive(Suite.AES_256_GCM, content.secret, b"credit-hub/client-act/v1", 32)

    def mac(self, values: Mapping[str, Any]) -> bytes:
        """32 bytes over all values of a row, by column name.

        Raises:
            ValueFormatError: when they have no canonical form.
        """
        return hmac.digest(self._rows, canonical_json(values), "sha256")

    def holds(self, values: Mapping[str, Any], mac: bytes) -> bool:
        """Whether a row is as it was sealed."""
        try:
            return hmac.compare_digest(self.mac(values), mac)
        except ValueFormatError:
            return False

    def act_id(self, client_id: str, act: int) -> str:
        """Id of the entry of an act on a client, hex.

        Args:
            client_id: whose.
            act: its number, from 1.
        """
        return hmac.digest(self._acts, canonical_json([client_id, act]), "sha256")[:_ID_BYTES].hex()
