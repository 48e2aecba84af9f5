from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest
from typer.testing import CliRunner

import hub
from hub.cli.main import COMMANDS, build_app
from hub.config import Settings

from .conftest import Shell


def test_help_lists_every_command(bare: Shell) -> None:
    out = bare.done("--help")
    for command in COMMANDS:
        assert f"\n  {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_fits_eighty_columns(bare: Shell, command: str) -> None:
    out = bare.done(command, "--help")
    assert max(len(line) for line in out.splitlines()) <= 80


def test_a_command_that_is_loaded_alone_is_the_one_that_is_listed_with_all_others() -> None:
    whole = build_app()
    for command in COMMANDS:
        alone, listed = (CliRunner().invoke(app, [command, "--help"]) for app in (build_app(command), whole))
        assert (alone.exit_code, alone.output) == (0, listed.output), command


def test_what_outsiders_run_loads_neither_database_nor_schema() -> None:
    code = "import sys\nfrom hub.cli.main import build_app\nbuild_app(sys.argv[1])\nprint(*sys.modules)"
    for command in ("verify", "witness"):
        done = subprocess.run(
            [sys.executable, "-c", code, command], capture_output=True, text=True, check=True
        )
        assert not {"sqlalchemy", "asyncpg", "strawberry", "graphql", "casbin"} & set(done.stdout.split())


def test_serve_help_lists_every_setting_with_its_default(bare: Shell) -> None:
    out = " ".join(bare.done("serve", "--help").split())
    for setting in fields(Settings):
        assert f"HUB_{setting.name.upper()} {setting.metadata['help']}" in out
        default = str(int(setting.default) if isinstance(setting.default, bool) else setting.default)
        assert not default or f"[default: {default}]" in out


def test_the_version_is_that_of_the_package(bare: Shell) -> None:
    assert bare.done("--version").strip() == hub.__version__


def test_an_unknown_setting_is_one_clean_message(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PROT", "8080")
    ran = bare("check")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error There is no setting HUB_PROT.")


def test_a_refusal_speaks_both_languages_and_says_what_to_do(bare: Shell) -> None:
    lines = bare("explain", "nobody", "a.b.c", "X").err.splitlines()
    assert [line.split()[0] for line in lines] == ["错误", "error", "hint"]


def test_a_fault_of_the_hub_is_masked_unless_the_traceback_is_asked_for(
    bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_settings: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("hub.cli.schema.load_rules", broken)
    ran = bare("schema", "print")
    assert ran.code == 70
    assert "secret detail" not in ran.out + ran.err
    result = CliRunner().invoke(build_app(), ["--traceback", "schema", "print"])
    assert isinstance(result.exception, RuntimeError)
