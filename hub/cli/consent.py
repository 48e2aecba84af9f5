"""`hub consent`: an operator at the counter enters, lists and withdraws consents for a subject.

The subject's signature on paper is the operator's to check; each acknowledgement is a flag of its own, so that
none is given by habit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED
from hub.cli.names import known
from hub.cli.public_keys import public_ring
from hub.clock import from_millis
from hub.config import Settings
from hub.consent.artefact import FORMAT, Consent
from hub.consent.request import ConsentRequest
from hub.errors import InputError, VerificationError
from hub.keys.signing import verify_document

app = typer.Typer(
    help="Grant, list, withdraw and verify consents.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Subject = Annotated[str, typer.Option(help="USCC or resident id of the subject.")]


@app.command()
def grant(
    subject: Subject,
    grantee: Annotated[str, typer.Option(help="Recipient: its USCC or client id.")],
    purpose: Annotated[str, typer.Option(help="Purpose code, for example LOAN_APPLICATION.")],
    days: Annotated[int | None, typer.Option(help="Days of validity; default: the template's.")] = None,
    uses: Annotated[
        int | None, typer.Option(help="How often it may be used; default: the template's.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Dataset id; repeat for more; default: the template's.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="Fair-use template; default: the purpose's first.")
    ] = None,
    signatory: Annotated[str, typer.Option(help="Reference to who signed, for example a file number.")] = "",
    separate_consent: Annotated[
        bool, typer.Option("--separate-consent", help="Sensitive items were signed for separately.")
    ] = False,
    adverse_notice: Annotated[
        bool, typer.Option("--adverse-notice-acknowledged", help="The subject was told what may follow.")
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the signed artefact.")] = False,
) -> None:
    """Enter a consent that a subject gave at the counter; prints its id, and on stderr what was cut down.

    What is asked for beyond the fair-use template is refused or cut down, as the template says.
    """

    async def act(desk: Desk) -> Consent:
        policy = desk.rules.policy
        client = desk.registry.get(grantee)
        request = ConsentRequest(
            grantee=client.institution if client else grantee,
            purpose=known(purpose, policy.purposes, "purpose", "用途"),
            datasets=[known(d, desk.rules.catalog.datasets, "dataset", "数据集") for d in dataset or ()],
            valid_days=days,
            max_uses=uses,
            template=template,
            signatory=signatory,
            separate_consent=separate_consent,
            adverse_notice_acknowledged=adverse_notice,
            created_via="COUNTER",
        )
        subject_id, now = desk.subject_id(subject), desk.clock.now()
        return await desk.consents.grant(subject_id, request, policy, desk.actor, now)

    consent = at_desk(act)
    for clamp in consent.clamped:
        say(f"{clamp.text.zh} {clamp.text.en}", stderr=True)
    artefact = orjson.dumps(dict(consent.artefact), option=orjson.OPT_INDENT_2)
    say(artefact.decode() if json_output else consent.consent_id)


@app.command("list")
def list_consents(
    subject: Subject,
    json_lines: Annotated[bool, typer.Option("--json", help="Signed artefacts, one a line.")] = False,
) -> None:
    """List the consents of a subject, newest first; the reading is entered into the log."""

    async def act(desk: Desk) -> list[tuple[tuple[str, ...], bytes]]:
        subject_id, now = desk.subject_id(subject), desk.clock.now()
        found = await desk.consents.list_all(subject_id)
        detail = {"shown": len(found)}
        await desk.record("consent.list", now=now, detail=detail, subject_ids=(subject_id,))
        return [
            (
                (
                    c.consent_id,
                    f"{c.grantee}\n{c.purpose}",
                    f"{c.status(now)}\n{c.used_count}/{c.max_uses if c.max_uses is not None else '-'} uses",
                    civil_time(c.valid_to).replace(" ", "\n"),
                ),
                orjson.dumps(dict(c.artefact)),
            )
            for c in found
        ]

    rows = at_desk(act)
    if json_lines:
        for _, artefact in rows:
            say(artefact.decode())
        return
    show_table(("consent", "grantee, purpose", "status", "until UTC+8"), [cells for cells, _ in rows])


@app.command()
def withdraw(
    consent_id: Annotated[str, typer.Argument(help="Id of the consent.")],
    subject: Subject,
    reason: Annotated[str, typer.Option(help="Why, in the subject's words.")] = "",
) -> None:
    """Withdraw a consent; every request that starts afterwards is refused."""

    async def act(desk: Desk) -> str:
        subject_id, now = desk.subject_id(subject), desk.clock.now()
        consent = await desk.consents.withdraw(
            subject_id, consent_id, reason, desk.rules.policy, desk.actor, now
        )
        return f"{consent.consent_id} {consent.status(now)}"

    say(at_desk(act))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A signed consent artefact, JSON.")],
    key: Annotated[Path | None, typer.Option(help="The publisher's public.json.")] = None,
) -> None:
    """Check the signature of a consent artefact; says nothing about a later withdrawal."""
    ring = public_ring(Settings.from_environment(), key)
    try:
        artefact = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(
            "The file cannot be read as JSON.", hint="Check its name.", message_zh="无法读取该文件。"
        ) from error
    try:
        if not isinstance(artefact, dict) or artefact.get("format") != FORMAT:
            raise VerificationError("The file holds no consent artefact.", hint="Save it as it was printed.")
        body = verify_document(ring.consent, artefact)
    except VerificationError as error:
        say(f"✗ {error}")
        raise typer.Exit(NOT_VERIFIED) from None
    say(f"✓ {body['id']}: {body['grantor']['subject']} to {body['grantee']['institution']}")
    say(f"  {body['purpose']['code']}, until {civil_time(from_millis(body['validTo']))} (UTC+8)")
    say(f"  {', '.join(item['dataset'] for item in body['items'])}")
