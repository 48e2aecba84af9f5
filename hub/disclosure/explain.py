"""What the caller is told: notes on masked and withheld fields, and errors of refused roots.

Both are computed from the plan alone, never from stored data, and are serialised once per plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.disclosure.plan import Note
from hub.errors import DisclosureRefusedError, HubError
from hub.policies.model import PolicySet


def notes_json(notes: Sequence[Note], policy: PolicySet) -> list[dict[str, Any]]:
    """The notes as `extensions.disclosure.fields`."""
    return [
        {
            "path": note.path,
            "outcome": note.outcome.name,
            "reason": note.decision.reason.value,
            "rule": note.decision.rule,
            "message": {
                "zh": policy.messages[note.decision.reason].zh,
                "en": policy.messages[note.decision.reason].en,
            },
        }
        for note in notes
    ]


def error_json(error: HubError, path: Sequence[str | int] = ()) -> dict[str, Any]:
    """The one error shape: message, path, and `extensions` with code, reason, Chinese message and hint."""
    extensions: dict[str, Any] = {"code": error.code, "messageZh": error.message_zh}
    if isinstance(error, DisclosureRefusedError):
        extensions["reason"] = error.reason
    if error.hint:
        extensions["hint"] = error.hint
    shaped: dict[str, Any] = {"message": error.message, "extensions": extensions}
    if path:
        shaped["path"] = list(path)
    return shaped
