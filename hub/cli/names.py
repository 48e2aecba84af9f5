"""Names that people type: known ones pass, others are refused with the nearest known ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hub.errors import InputError


def known(name: str, names: Iterable[str], what: str, what_zh: str) -> str:
    """The name itself, when it is one of these.

    Args:
        name: what was typed.
        names: all that are known.
        what: kind of name in English, for the message.
        what_zh: kind of name in Chinese.

    Raises:
        InputError: when it is not, naming the nearest.
    """
    every = list(names)
    if name in every:
        return name
    raise InputError(
        f"There is no such {what}: {name!r}.", hint=_hint(name, every), message_zh=f"没有该{what_zh}。"
    )


def _hint(name: str, names: list[str]) -> str:
    folded = {n.casefold(): n for n in names}
    near = [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    near = near or [n for n in names if n.casefold().rpartition(".")[2] == name.casefold()][:3]
    if near:
        return f"Did you mean {', '.join(near)}?"
    if not names:
        return "There is none yet."
    return f"Choose one of {', '.join(sorted(names))}." if len(names) <= 24 else "Check the spelling."
