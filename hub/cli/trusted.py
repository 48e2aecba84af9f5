"""`hub documents`: the trusted documents, what each can show, and the consent request that follows from one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.api.schema import build_schema
from hub.api.trusted import document_cache, load_trusted
from hub.catalog.types import SubjectKind
from hub.cli.console import say
from hub.cli.documents import require_checkout
from hub.cli.group import NOT_VERIFIED
from hub.cli.names import known
from hub.config import Settings
from hub.disclosure.rules import Rules
from hub.documents.approval import differences, register_texts, write_certificates
from hub.documents.certificate import Certificate, certificate_file, certify
from hub.documents.consent_request import consent_request
from hub.documents.letter import letter
from hub.documents.manifest import FOLDER
from hub.documents.registry import TrustedDocument, TrustedDocuments
from hub.errors import DocumentsError
from hub.folders import locate
from hub.loading import load_rules
from hub.model.identifiers import parse_uscc

app = typer.Typer(
    help="Trusted documents and what each can show.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="documentId, or the file's name without .graphql.")]


@app.command("list")
def list_documents() -> None:
    """List the trusted documents with their ids."""
    _, trusted = _opened(Settings.from_environment())
    for t in trusted:
        say(f"{t.id}  {t.name} v{t.listed.version}  {t.listed.title.zh} {t.listed.title.en}")
        only = f"; only {', '.join(t.listed.institutions)}" if t.listed.institutions else ""
        say(f"    {', '.join(t.listed.roles)}: {', '.join(t.listed.purposes)}{only}")


@app.command()
def show(document: Id) -> None:
    """Show a document and its certificate: what can leave through it, to whom, for what."""
    rules, trusted = _opened(Settings.from_environment())
    found = _find(trusted, document)
    say(f"{found.name} v{found.listed.version}  {found.id}")
    say(found.document.text)
    for line in _sections(certify(rules, found)):
        say(line)


@app.command()
def check() -> None:
    """Compare what can leave with what was approved; more than that fails.

    Exit code 0: nothing more can leave; 1: something can, and is listed.
    """
    settings = Settings.from_environment()
    rules, trusted = _opened(settings)
    wider = 0
    for name, difference in differences(_folder(settings), rules, trusted).items():
        for line in difference.wider:
            say(f"✗ {name}: {line}")
        for line in difference.narrower:
            say(f"- {name}: {line}")
        wider += len(difference.wider)
    say(f"{len(trusted)} documents; {wider} ways in which more can leave than was approved.")
    if wider:
        say("Review them, then run `hub documents approve` and commit what it writes.", stderr=True)
        raise typer.Exit(NOT_VERIFIED)


@app.command()
def approve() -> None:
    """Take the present texts, schema and policy as approved: write ids and certificates."""
    settings = Settings.from_environment()
    if not settings.schema_dir:
        require_checkout()
    folder = _folder(settings)
    for name in register_texts(folder):
        say(f"{name}: registered under a new id")
    rules, trusted = _opened(settings)
    try:
        found = differences(folder, rules, trusted)
    except DocumentsError as error:
        say(f"{error.message} All are written anew; review them whole.", stderr=True)
        found = {}
    for name, difference in found.items():
        if certificate_file(folder, name).is_file():
            for line in (*difference.wider, *difference.narrower):
                say(f"{name}: {line}")
    write_certificates(folder, rules, trusted)
    say(f"{len(trusted)} certificates written. Commit {FOLDER}/ with the change they belong to.")


@app.command("consent-request")
def request(
    document: Id,
    grantee: Annotated[str, typer.Option(help="USCC of the institution that will read.")],
    purpose: Annotated[str, typer.Option(help="Purpose code.")],
    subject: Annotated[str, typer.Option(help="USCC or resident id, for authorization_details.")] = "",
    consent: Annotated[str, typer.Option(help="Id of the consent, once granted.")] = "",
    kind: Annotated[
        SubjectKind | None, typer.Option(help="Kind of subject; needed when the document reads both.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="Fair-use template; default: the purpose's first.")
    ] = None,
    english: Annotated[bool, typer.Option("--english", help="Print the text in English, too.")] = False,
) -> None:
    """Print the consent request of a document and the authorization_details for its token."""
    settings = Settings.from_environment()
    rules, trusted = _opened(settings)
    found = _find(trusted, document)
    known(purpose, rules.policy.purposes, "purpose", "用途")
    unit = str(parse_uscc(grantee, demo=settings.demo))
    asked = consent_request(rules, trusted, found.id, unit, purpose, kind=kind, template_id=template)
    text = letter(asked)
    say(text.zh)
    if english:
        say(text.en)
    details = asked.authorization_details([subject] if subject else [], consent or None)
    say("authorization_details:")
    say(orjson.dumps(details, option=orjson.OPT_INDENT_2).decode())


def check_documents(settings: Settings, rules: Rules) -> str:
    """One line for `hub check`.

    Raises:
        DocumentsError: when a document is not what was registered, or more can leave than was approved.
    """
    trusted = _load(settings, rules)
    found = differences(_folder(settings), rules, trusted) if len(trusted) else {}
    wider = [f"{name}: {line}" for name, difference in found.items() for line in difference.wider]
    if wider:
        raise DocumentsError(
            f"More can leave than was approved, in {len(wider)} ways; the first: {wider[0]}.",
            hint="`hub documents check` lists them; `hub documents approve` once they have been reviewed.",
        )
    less = sum(len(difference.narrower) for difference in found.values())
    note = f", less can leave in {less} ways (hub documents check)" if less else ""
    return f"{len(trusted)} documents keep to their certificates{note}"


def _opened(settings: Settings) -> tuple[Rules, TrustedDocuments]:
    rules = load_rules(settings)
    return rules, _load(settings, rules)


def _load(settings: Settings, rules: Rules) -> TrustedDocuments:
    schema = build_schema(rules.catalog, rules.policy.questionnaire.predicates)
    return load_trusted(settings, rules, schema, document_cache(settings, schema))


def _folder(settings: Settings) -> Path:
    return locate("schema", settings.schema_dir) / FOLDER


def _find(trusted: TrustedDocuments, wanted: str) -> TrustedDocument:
    by_word = {word: t for t in trusted for word in (t.name, t.id)}
    names = by_word if wanted.startswith("sha256:") else [t.name for t in trusted]
    return by_word[known(wanted, names, "document", "文档")]


def _sections(certificate: Certificate) -> list[str]:
    lines = []
    for section in certificate.sections:
        lines.append(f"{section.role} · {section.purpose} · {section.kind}")
        lines += [f"  {outcome:<12}{field}" for field, outcome in sorted(section.fields.items())]
        lines += [f"  {'WITHHELD':<12}{field}" for field in section.withheld]
        lines += [f"  {'QUESTION':<12}{code}" for code in section.questions]
    lines += [f"also: {path}" for path in certificate.other]
    return lines
