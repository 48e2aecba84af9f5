"""Who acts at the command line."""

from __future__ import annotations

import os
import pwd

import pytest

from hub.cli.desk import actor


def test_who_acts_is_the_account_of_the_process_and_not_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert actor() == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
