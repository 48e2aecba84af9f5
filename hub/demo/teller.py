"""Prints the story: Chinese first, English second, at most 100 columns, plain text when there is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hub.demo.answer import clear_rows, values_at
from hub.demo.visitor import Reply, Visit

WIDTH = 100
_PATH_WIDTH = 34
_WITHHELD = "WITHHELD"
_TITLES = {"MASKED": "脱敏 masked", _WITHHELD: "不予披露 withheld"}


class Teller:
    """Tells what was sent and what came back."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console = console
        self._steps = steps
        self._step = 0

    def heading(self, zh: str, en: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._console.print()
        self._print(f"【{self._step}/{self._steps}】 {zh}", "bold")
        self._print(f"       {en}", "bold")

    def line(self, text: str, style: str = "") -> None:
        """One line, broken at the width."""
        self._print(f"  {text}", style)

    def output(self, text: str) -> None:
        """What a command printed, as it is."""
        for line in text.strip().splitlines():
            self._console.out(f"  {line}".rstrip(), highlight=False)

    def sent(self, visit: Visit, purpose: str, query: str, variables: Mapping[str, Any]) -> None:
        """Who asked what.

        Args:
            visit: who, for what, about whom.
            purpose: title of the purpose.
            query: the GraphQL text as it was sent.
            variables: its variables; long ones are left out by the caller.
        """
        client = visit.client
        self._print(f"  → {client.name_zh} {client.client_id}", "cyan")
        self._print(f"    用途 purpose {visit.purpose} {purpose}")
        for name, value in visit.members.items():
            self._print(f"    依据 basis {name} {value}")
        for line in query.strip().splitlines():
            self._print(f"    │ {line}")
        if variables:
            shown = ", ".join(f"${name} = {_short(value)}" for name, value in variables.items())
            for part in Text(shown).wrap(self._console, self._console.width - 6):
                self._print(f"    │ {part.plain.rstrip()}")

    def refused(self, reply: Reply) -> None:
        """An answer that is a refusal."""
        for error in reply.body.get("errors", ()):
            extensions = error["extensions"]
            reason = extensions.get("reason", extensions["code"])
            self._print(f"  ← 拒绝 refused: {reason}", "red")
            self._print(f"    {extensions['messageZh']} {error['message']}")
        self.receipt(reply)

    def answered(self, reply: Reply) -> None:
        """An answer with data: what is clear, masked and withheld, each with its rule, by reason."""
        notes = reply.notes
        clear = clear_rows(reply.data, {note["path"] for note in notes})
        self._print(f"  ← HTTP {reply.status}", "green")
        self._section("明文 clear", [(_last(path), value) for path, value in clear])
        for reason, title in _reasons(notes).items():
            self._section(title, [_row(reply, note) for note in notes if _kind(note) == reason])
        self.receipt(reply)

    def receipt(self, reply: Reply) -> None:
        """Where the answer stands in the audit log."""
        receipt = reply.body.get("extensions", {}).get("receipt")
        if receipt:
            self._print(
                f"    收据 receipt: 审计日志第 {receipt['index']} 条 entry {receipt['index']}"
                f" of {receipt['treeSize']} in the audit log"
            )

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A plain table."""
        table = _table(header=True)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        self._put(table)

    def _section(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            return
        self._print(f"    {title}", "bold")
        table = _table(header=False)
        table.add_column(overflow="fold", min_width=_PATH_WIDTH)
        table.add_column(overflow="fold")
        table.add_column(no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        self._put(table)

    def _put(self, table: Table) -> None:
        """Print a table without the blanks that fill its lines."""
        with self._console.capture() as captured:
            self._console.print(Padding(table, (0, 0, 0, 6)))
        for line in captured.get().splitlines():
            self._console.out(line.rstrip(), highlight=False)

    def _print(self, text: str, style: str = "") -> None:
        """Print lines, broken at the width with their indent kept."""
        for line in text.split("\n"):
            body = line.lstrip(" ")
            indent = len(line) - len(body)
            for part in Text(body, style=style).wrap(self._console, self._console.width - indent):
                part.rstrip()
                self._console.print(Text(" " * indent).append_text(part), soft_wrap=True)


def _table(*, header: bool) -> Table:
    return Table(
        box=None, pad_edge=False, show_edge=False, show_header=header, padding=(0, 2, 0, 0), header_style=""
    )


def _kind(note: Mapping[str, Any]) -> tuple[str, str]:
    return note["outcome"], note["reason"]


def _reasons(notes: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Title of every outcome and reason, masked ones first."""
    ordered = sorted(notes, key=lambda note: note["outcome"] == _WITHHELD)
    return {
        _kind(n): f"{_TITLES.get(n['outcome'], n['outcome'])}: {n['message']['zh']} {n['message']['en']}"
        for n in ordered
    }


def _row(reply: Reply, note: Mapping[str, Any]) -> tuple[str, str, str]:
    path = note["path"]
    return _last(path.replace(".nodes", "")), values_at(reply.data, path), f"规则 rule {note['rule']}"


def _last(path: str) -> str:
    """A path without its root: the root is the same for all."""
    return path.partition(".")[2] or path


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name}: {_short(inner)}" for name, inner in value.items()) + " }"
    return str(value).lower() if isinstance(value, bool) else str(value)
