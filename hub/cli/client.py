"""`hub client`: the register of clients that may ask for tokens."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind
from hub.cli.console import say, show_table
from hub.cli.desk import Desk, at_desk, with_open_database
from hub.cli.group import NOT_VERIFIED
from hub.cli.names import known
from hub.clock import civil_date
from hub.disclosure.client_check import ClientMisfit, check_clients
from hub.errors import InputError
from hub.identity.clients import Client, PermitKind, unverified_clients
from hub.model.countries import MAINLAND
from hub.model.identifiers import parse_uscc
from hub.model.subjects import subject_of
from hub.policies.model import PolicySet

app = typer.Typer(
    help="Register and disable clients.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.command()
def add(
    client_id: Annotated[str, typer.Argument(help="Id: letters, digits, hyphens.")],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")],
    institution: Annotated[str, typer.Option(help="USCC of the organisation behind it.")],
    role: Annotated[list[str], typer.Option(help="Role code; repeat for more.")],
    purpose: Annotated[list[str], typer.Option(help="Purpose code; repeat for more.")],
    jwks: Annotated[Path, typer.Option(help="File with its public keys, a JWK set.")],
    name_en: Annotated[str, typer.Option(help="Name in English.")] = "",
    acts_for: Annotated[str, typer.Option(help="USCC or resident id of its one subject.")] = "",
    ad_hoc: Annotated[
        bool, typer.Option("--ad-hoc", help="Let it send GraphQL text that is not registered.")
    ] = False,
    country: Annotated[
        str, typer.Option(help="Where it is, two letters of ISO 3166-1; default: as before, else CN.")
    ] = "",
    permit: Annotated[
        PermitKind | None, typer.Option(help="On what data may leave the mainland to it.")
    ] = None,
    permit_number: Annotated[str, typer.Option(help="Of the assessment, filing or certificate.")] = "",
    permit_until: Annotated[str, typer.Option(help="Last day on which it is good, YYYY-MM-DD.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a client of this id.")] = False,
) -> None:
    """Register a client with its public keys, roles and purposes."""
    keys, last_day = _read_jwks(jwks), _day(permit_until)

    async def act(desk: Desk) -> None:
        policy, now = desk.rules.policy, desk.clock.now()
        roles = tuple(known(r, policy.roles, "role", "角色") for r in role)
        purposes = tuple(known(p, policy.purposes, "purpose", "用途") for p in purpose)
        _check_held(roles, purposes, policy)
        before = _before(desk, client_id, replace=replace, placed=bool(country))
        demo = desk.settings.demo
        unit = str(parse_uscc(institution, demo=demo))
        subject_id = None
        if acts_for:
            subject = subject_of(acts_for, today=civil_date(now), demo=demo)
            subject_id = desk.indexer.subject_id(*subject)
        place = country.upper() or (before.country if before is not None else MAINLAND)
        _check_abroad(place, roles, policy)
        client = Client(
            client_id, name_zh, name_en or name_zh, roles, unit, purposes, keys, subject_id, ad_hoc=ad_hoc,
            country=place, permit_kind=permit, permit_number=permit_number or None, permit_until=last_day,
        )  # fmt: skip
        await desk.registry.register(client, now, desk.enters("client.register", _detail(client, before)))

    at_desk(act)
    say(f"Client {client_id} is registered.")


def _check_held(roles: tuple[str, ...], purposes: tuple[str, ...], policy: PolicySet) -> None:
    for code in purposes:
        if not policy.holds(roles, code):
            raise InputError(
                f"None of the roles may hold the purpose {code}.",
                hint=f"It is held by {', '.join(policy.purposes[code].holders)}.",
                message_zh="所给角色均不得具备该用途。",
            )


def _before(desk: Desk, client_id: str, *, replace: bool, placed: bool) -> Client | None:
    """The client that is to be replaced, if there is one whose row is genuine.

    Raises:
        InputError: when there is one and it is not to be replaced, or its row was altered and it is not said anew
            where it is.
    """
    before = {client.client_id: client for client in desk.registry.listed()}.get(client_id)
    altered = client_id in desk.registry.altered
    if not replace and (altered or before is not None):
        raise InputError(
            "There is a client of this id already.",
            hint="Choose another id, or replace it with --replace.",
            message_zh="该客户端编号已存在。",
        )
    if altered and not placed:
        raise InputError(
            "The row of this client was altered, so where it is must be stated again.",
            hint="Give --country, and its permit if it is abroad.",
            message_zh="该客户端的登记数据已被篡改，请重新写明 --country 及出境依据。",
        )
    return before


@app.command("list")
def list_clients() -> None:
    """List all clients as the database has them; `hub client check` says whether they are genuine."""
    rows = [
        (
            f"{c.client_id}\n{c.name_zh}",
            f"{c.country}\n{c.permit_kind or ''} {c.permit_until or ''}".strip(),
            "\n".join(c.roles),
            "\n".join(c.purposes),
            "yes" if c.ad_hoc else "no",
            c.status,
        )
        for c in with_open_database(unverified_clients)
    ]
    show_table(("client", "country", "roles", "purposes", "ad hoc", "status"), rows)


@app.command()
def disable(client_id: Annotated[str, typer.Argument(help="Id of the client.")]) -> None:
    """Close a client at once; its tokens stop working."""

    async def act(desk: Desk) -> None:
        ids = [c.client_id for c in desk.registry.listed()]
        name = known(client_id, [*ids, *desk.registry.altered], "client", "客户端")
        await desk.registry.disable(name, desk.enters("client.disable", {"client": name}))

    at_desk(act)
    say(f"Client {client_id} is disabled.")


@app.command()
def check() -> None:
    """Hold the register of clients to the log: none is gone, added, changed or set back otherwise than by its acts.

    Exit code 0: all are as the log tells; 1: some are not. `hub audit verify` proves the log itself.
    """
    count, misfits = at_desk(compare)
    if misfits:
        show_table(("client", "what"), [(m.client_id, m.problem.value) for m in misfits])
        raise typer.Exit(NOT_VERIFIED)
    say(f"✓ 客户端登记与日志相符 All {count} clients are as the log tells.")


async def compare(desk: Desk) -> tuple[int, list[ClientMisfit]]:
    """How many clients there are, and which differ from the log; the reading is itself entered."""
    count, misfits = await check_clients(desk.database, desk.ring.client_seal())
    found = {"clients": count, "findings": len(misfits)}
    await desk.record("client.check", now=desk.clock.now(), kind=Kind.AUDIT_READ, detail=found)
    return count, misfits


def _detail(client: Client, before: Client | None) -> dict[str, Any]:
    """What the entry says of a registration."""
    detail: dict[str, Any] = {
        "client": client.client_id, "roles": list(client.roles), "purposes": list(client.purposes),
        "adHoc": client.ad_hoc, "at": client.country,
    }  # fmt: skip
    if before is not None and before.country != client.country:
        detail["from"] = before.country
    if client.permit_kind is not None and client.permit_until is not None:
        number, until = client.permit_number, client.permit_until.isoformat()
        detail["permit"] = {"kind": client.permit_kind, "number": number, "until": until}
    return detail


def _check_abroad(country: str, roles: tuple[str, ...], policy: PolicySet) -> None:
    """Bodies of foreign states are given nothing (personal information protection law art. 41)."""
    closed = [role for role in roles if not policy.roles[role].abroad]
    if country != MAINLAND and closed:
        raise InputError(
            f"No client outside the mainland may hold the role {closed[0]}.",
            hint="policies/roles.toml says which roles may be held abroad.",
            message_zh="境外客户端不得登记该角色。",
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(
            "--permit-until is no day.", hint="Write YYYY-MM-DD.", message_zh="有效期应写为 YYYY-MM-DD。"
        ) from None


def _read_jwks(path: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        document = None
    if isinstance(document, dict) and "keys" not in document and "kty" in document:
        document = {"keys": [document]}
    if not isinstance(document, dict):
        raise InputError(
            "The file with the public keys cannot be read as a JWK set.",
            hint='Give a file that holds {"keys": [...]}.',
            message_zh="无法读取公钥文件（JWK 集）。",
        )
    return document
