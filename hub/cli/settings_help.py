"""The list of settings, generated from `hub.config.Settings` for `hub serve --help` and the README."""

from __future__ import annotations

import textwrap
from dataclasses import Field, fields

from hub.config import Settings

_WIDTH = 78


def settings_help() -> str:
    """Every setting with help and default, in lines of at most 78 columns, for `--help`."""
    lines = ["\b", "Settings (environment variables):"]
    for setting in fields(Settings):
        lines.append(f"  {variable(setting)}")
        text = f"{setting.metadata['help']} {_default(setting)}".rstrip()
        lines += textwrap.wrap(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def settings_table() -> str:
    """Every setting as a Markdown table."""
    rows = [f"| `{variable(s)}` | {s.metadata['help']} | {_cell(s)} |" for s in fields(Settings)]
    return "\n".join(["| variable | meaning | default |", "| --- | --- | --- |", *rows]) + "\n"


def variable(setting: Field[object]) -> str:
    """The name of the environment variable."""
    return f"HUB_{setting.name.upper()}"


def _default(setting: Field[object]) -> str:
    return f"[default: {_text(setting)}]" if _text(setting) else ""


def _cell(setting: Field[object]) -> str:
    return f"`{_text(setting)}`" if _text(setting) else ""


def _text(setting: Field[object]) -> str:
    value = setting.default
    return str(int(value)) if isinstance(value, bool) else str(value)
