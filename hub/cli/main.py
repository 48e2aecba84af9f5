"""The command `hub`: all families of commands under one root."""

from __future__ import annotations

from typing import Annotated

import typer

import hub
from hub.cli import (
    audit,
    bench,
    client,
    consent,
    demo,
    emergency,
    evidence,
    keys,
    match,
    policy,
    quota,
    recall,
    records,
    schema,
    serve,
    subject,
    token,
    trusted,
    witness,
)
from hub.cli.check import check
from hub.cli.console import say
from hub.cli.demo_data import demo_data
from hub.cli.explain import explain
from hub.cli.group import HubGroup
from hub.cli.ingest import ingest, template
from hub.cli.jobs import jobs
from hub.cli.pull import pull
from hub.cli.quality import quality
from hub.cli.verify import verify


def build_app() -> typer.Typer:
    """The command line with every family registered."""
    app = typer.Typer(
        name="hub",
        cls=HubGroup,
        help="信用数据共享枢纽 The credit data-sharing hub.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command("demo")(demo.demo)
    app.command("demo-data")(demo_data)
    app.command("serve", epilog=serve.EPILOG)(serve.serve)
    app.command("migrate")(serve.migrate)
    app.command("check")(check)
    app.command("ingest")(ingest)
    app.command("pull")(pull)
    app.command("template")(template)
    app.command("token", epilog=token.EPILOG)(token.token)
    app.command("explain")(explain)
    app.command("verify")(verify)
    app.command("quality")(quality)
    app.command("jobs")(jobs)
    app.add_typer(consent.app, name="consent")
    app.add_typer(emergency.app, name="emergency")
    app.add_typer(audit.app, name="audit")
    app.add_typer(witness.app, name="witness")
    app.add_typer(evidence.app, name="evidence")
    app.add_typer(recall.app, name="recall")
    app.add_typer(records.app, name="records")
    app.add_typer(match.app, name="match")
    app.add_typer(subject.app, name="subject")
    app.add_typer(quota.app, name="quota")
    app.add_typer(keys.app, name="keys")
    app.add_typer(client.app, name="client")
    app.add_typer(policy.app, name="policy")
    app.add_typer(schema.app, name="schema")
    app.add_typer(trusted.app, name="documents")
    app.command("bench")(bench.bench)
    return app


def main() -> None:
    """Run the command line of this process."""
    build_app()(prog_name="hub")


def _version(wanted: bool) -> None:
    if wanted:
        say(hub.__version__)
        raise typer.Exit


def _root(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the details of a fault, for whoever mends it.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """信用数据共享枢纽 The credit data-sharing hub."""
