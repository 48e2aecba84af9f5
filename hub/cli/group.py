"""The one place where errors of commands become messages and exit codes.

Exit codes: 0 done; 1 something was checked and does not hold; 2 refused (bad input or set-up); 3 done in part;
70 a fault of the hub itself (`EX_SOFTWARE`), whose details show with `hub --traceback`.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, Exit, TyperException

from hub.cli.console import say, show_error
from hub.errors import HubError

NOT_VERIFIED = 1
REFUSED = 2
IN_PART = 3
FAULT = 70


class HubGroup(TyperGroup):
    """The root command."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what it raises becomes a message on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except (Abort, BrokenPipeError, Exit, TyperException):
            raise
        except Exception as error:
            if ctx.params.get("traceback"):
                raise
            raise typer.Exit(_explain(error)) from None


def _explain(error: Exception) -> int:
    if isinstance(error, HubError):
        show_error(error)
        return REFUSED
    say("错误  程序内部错误。", stderr=True)
    say(f"error The hub has a fault ({type(error).__name__}).", stderr=True)
    say("hint  Run the command again as `hub --traceback …` and report what it prints.", stderr=True)
    return FAULT
