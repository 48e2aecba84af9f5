"""What subjects and handlers write, sealed under the subject's data key, bound to case and event."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from hub.errors import InputError
from hub.keys.sealing import DataKey, aad_prefix
from hub.lifecycle.case import Case, Event

MOST_CHARS = 2_000
"""Characters of one text."""
_PLACE = "lifecycle_case"


def seal(key: DataKey, case: Case, number: int, written: Mapping[str, str]) -> str:
    """What was written in an event, sealed for it.

    Raises:
        InputError: when a text is too long.
    """
    texts = {name: text.strip() for name, text in written.items() if text.strip()}
    if any(len(text) > MOST_CHARS for text in texts.values()):
        raise InputError(
            f"A text has more than {MOST_CHARS} characters.",
            hint="Shorten it, and refer to documents by their numbers.",
            message_zh=f"文字不得超过 {MOST_CHARS} 字。",
        )
    return key.seal(_aad(case, number), orjson.dumps(texts, option=orjson.OPT_SORT_KEYS))


def unseal(key: DataKey, case: Case, event: Event) -> Mapping[str, str]:
    """What was written in an event.

    Raises:
        SealError: when it was altered or stood somewhere else.
    """
    texts: dict[str, str] = orjson.loads(key.unseal(_aad(case, event.number), event.sealed))
    return texts


def _aad(case: Case, number: int) -> bytes:
    return aad_prefix(case.record.subject_id, _PLACE, case.case_id.encode(), number) + b"written"
