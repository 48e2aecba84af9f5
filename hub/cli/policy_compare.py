"""`hub policy diff` and `hub policy replay`: what another policy would change, in the tables and in what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind
from hub.cli.console import progress_bar, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED
from hub.cli.policy_source import catalog_of, policy_of, short
from hub.config import Settings
from hub.disclosure import replay as model
from hub.disclosure.history import replay_since
from hub.disclosure.rules import Rules
from hub.policies.diff import Effect, EntryChange, FieldChange, PolicyDiff, compare

_MARKS = {Effect.OPENS: "+", Effect.CLOSES: "-", Effect.UNCLEAR: "?", Effect.NEITHER: "="}
_ROLES_NOTE = "Roles are those the clients have now; the log does not hold those of the time."


def diff(
    old: Annotated[str, typer.Argument(help="Folder, beginning of a published revision, or `active`.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    fail_on_open: Annotated[
        bool, typer.Option("--fail-on-open", help="Exit with 1 when anything opens, or may.")
    ] = False,
) -> None:
    """Compare two policies: every field, role, purpose and kind whose outcome changes, and every register.

    `+` opens, `-` closes, `?` cannot be told and counts as opening, `=` does neither.
    Exit code 1 with --fail-on-open: something opens.
    """
    catalog = catalog_of(Settings.from_environment())
    found = compare(policy_of(old, catalog), policy_of(new, catalog), catalog)
    if json_output:
        say(orjson.dumps(_diff_document(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _show_diff(found)
    if fail_on_open and found.may_open:
        raise typer.Exit(NOT_VERIFIED)


def replay(
    new: Annotated[str, typer.Argument(help="Folder, beginning of a published revision, or `active`.")],
    days: Annotated[int, typer.Option(min=1, help="How many days back.")] = 30,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Decide recorded operations again under another policy: what would open or close, for whom.

    Reads the audit log and no field values; the reading is entered into the log.
    """
    settings = Settings.from_environment()
    catalog = catalog_of(settings)
    policy = policy_of(new, catalog)
    with progress_bar("entries") as progress:
        task = progress.add_task("audit log", total=None)

        async def act(desk: Desk) -> model.Replay:
            now = desk.clock.now()
            clients = {client.client_id: client for client in desk.registry.listed()}
            replayer = model.Replayer(Rules(catalog, policy), clients)
            found = await replay_since(
                desk.database, replayer, now - timedelta(days=days),
                lambda done, total: progress.update(task, completed=done, total=total),
            )  # fmt: skip
            await desk.record(
                "policy.replay",
                now=now,
                kind=Kind.AUDIT_READ,
                purpose="AUDIT_REVIEW",
                detail={"policy": policy.revision, "days": days, "entries": found.entries},
            )
            return found

        found = at_desk(act)
    if json_output:
        say(orjson.dumps(_replay_document(found, days), option=orjson.OPT_INDENT_2).decode())
    else:
        _show_replay(found, days)


def _show_diff(found: PolicyDiff) -> None:
    say(f"{short(found.old)} → {short(found.new)}")
    if found.fields:
        columns = ("", "role", "purpose", "kind", "field", "before", "after", "rules")
        show_table(columns, (_field_cells(change) for change in found.fields))
    if found.entries:
        show_table(
            ("", "entry", "attribute", "before", "after"),
            ((_MARKS[c.effect], c.place, c.attribute, c.before, c.after) for c in found.entries),
        )
    counts = found.counts
    say(
        f"{counts[Effect.OPENS]} open, {counts[Effect.CLOSES]} close, {counts[Effect.UNCLEAR]} cannot be told, "
        f"{counts[Effect.NEITHER]} neither; "
        f"{len(found.fields)} of them fields."
    )


def _field_cells(change: FieldChange) -> tuple[str, ...]:
    before, after = change.before, change.after
    rules = f"{before.rule} → {after.rule}" if before.rule != after.rule else after.rule
    return (
        _MARKS[change.effect], change.role, change.purpose, change.kind.value, change.field,
        before.outcome.name, after.outcome.name, rules,
    )  # fmt: skip


def _diff_document(found: PolicyDiff) -> Mapping[str, Any]:
    return {
        "old": found.old,
        "new": found.new,
        "counts": {effect.value: count for effect, count in found.counts.items()},
        "fields": [_field_document(change) for change in found.fields],
        "entries": [_entry_document(change) for change in found.entries],
    }


def _field_document(change: FieldChange) -> Mapping[str, Any]:
    sides = {
        name: {"outcome": d.outcome.name, "rule": d.rule, "reason": d.reason.value}
        for name, d in (("before", change.before), ("after", change.after))
    }
    return {
        "effect": change.effect.value,
        "role": change.role,
        "purpose": change.purpose,
        "kind": change.kind.value,
        "field": change.field,
        **sides,
    }


def _entry_document(change: EntryChange) -> Mapping[str, Any]:
    return {
        "effect": change.effect.value,
        "entry": change.place,
        "attribute": change.attribute,
        "before": change.before,
        "after": change.after,
    }


def _show_replay(found: model.Replay, days: int) -> None:
    columns = (
        "",
        "caller, institution",
        "purpose",
        "kind",
        "field",
        "before → after",
        "rule",
        "times",
        "entries",
    )
    rows = []
    for opens in (True, False):
        for effect, tally in found.counted(opens=opens):
            rows.append(
                (
                    "+" if opens else "-", f"{effect.caller}\n{effect.institution}", effect.purpose, effect.kind,
                    effect.field, f"{effect.before}\n{effect.after}", effect.rule, str(tally.count),
                    ", ".join(map(str, tally.examples)),
                )
            )  # fmt: skip
    if rows:
        show_table(columns, rows)
    say(
        f"{found.entries} operations on {found.subjects} subjects in {days} days: "
        f"{found.opening} would show more, {found.closing} less."
    )
    if found.unknown or found.withheld:
        say(
            f"Not decided again: {found.unknown} subjects whose client or kind is not known any more, "
            f"{found.withheld} entries that are withheld or archived."
        )
    if found.left_out:
        say(f"{found.left_out} findings are not listed: there are too many different ones.")
    say(_ROLES_NOTE)


def _replay_document(found: model.Replay, days: int) -> Mapping[str, Any]:
    return {
        "policy": found.policy,
        "days": days,
        "entries": found.entries,
        "subjects": found.subjects,
        "opening": found.opening,
        "closing": found.closing,
        "unknown": found.unknown,
        "withheld": found.withheld,
        "leftOut": found.left_out,
        "note": _ROLES_NOTE,
        "effects": [
            {**effect._asdict(), "count": tally.count, "examples": tally.examples}
            for opens in (True, False)
            for effect, tally in found.counted(opens=opens)
        ],
    }
