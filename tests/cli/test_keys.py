from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.app import open_hub
from hub.clock import SystemClock
from hub.config import Settings

from .conftest import Shell


def test_a_ring_is_made_listed_and_published_without_private_material(bare: Shell) -> None:
    folder = bare.folder / "ring"
    made = bare.done("keys", "init", str(folder))
    listed = bare.done("keys", "list", str(folder))
    public = json.loads(bare.done("keys", "public", str(folder)))
    assert "HUB_KEYS_DIR=" in made
    assert listed.count("active") == 9
    assert public["log_verifiers"]
    for path in folder.glob("*_*.json"):
        secret = json.loads(path.read_bytes()).get("secret", "")
        assert secret
        assert secret not in made + listed + json.dumps(public)


def test_a_folder_that_holds_something_is_left_alone(bare: Shell) -> None:
    (bare.folder / "ring").mkdir()
    (bare.folder / "ring" / "mine").write_text("mine", encoding="utf-8")
    ran = bare("keys", "init", str(bare.folder / "ring"))
    assert ran.code == 2
    assert os.listdir(bare.folder / "ring") == ["mine"]


@pytest.mark.parametrize("purpose", ["kek", "token", "log", "consent"])
def test_a_rotated_key_only_verifies(bare: Shell, purpose: str) -> None:
    folder = str(bare.folder / "ring")
    bare.done("keys", "init", folder)
    assert "is active" in bare.done("keys", "rotate", purpose, folder)
    lines = [line.split() for line in bare.done("keys", "list", folder).splitlines()]
    assert sorted(line[2] for line in lines if line[1:2] == [purpose]) == ["active", "verify-only"]


def test_the_log_goes_on_and_verifies_after_its_key_was_rotated(shell: Shell) -> None:
    shell.done("audit", "list")
    shell.done("keys", "rotate", "log")
    shell.done("audit", "list")
    assert "3 entries" in shell.done("audit", "verify")  # the rotation is one of them


def test_a_ring_of_the_other_suite_says_so(bare: Shell) -> None:
    folder = str(bare.folder / "ring")
    bare.done("keys", "init", folder, "--suite", "sm4-gcm")
    assert "SM4_GCM" in bare.done("keys", "list", folder)


def test_no_folder_and_no_setting_is_refused(bare: Shell) -> None:
    assert bare("keys", "list").code == 2


def test_the_hub_opens_its_log_after_the_log_key_was_rotated(shell: Shell) -> None:
    shell.done("audit", "list")
    shell.done("keys", "rotate", "log")

    async def opened() -> int:
        ring = str(shell.places.ring)
        settings = Settings(database_url=shell.database_url, keys_dir=ring, demo=True)
        async with open_hub(settings, SystemClock()) as hub:
            return hub.log.size

    assert asyncio.run(opened()) == 1
    (entry,) = _acts(shell, "keys.changed")
    assert (entry["caller"], entry["detail"]["removed"]) == ("hub", {})


def _acts(shell: Shell, operation: str) -> list[dict[str, Any]]:
    lines = shell.done("audit", "list", "--json", "--kind", "ADMIN").splitlines()
    return [entry for line in lines if (entry := json.loads(line)["entry"])["operation"] == operation]


def test_a_rotation_of_keys_is_entered_into_the_log_once_by_who_works_with_them_first(shell: Shell) -> None:
    shell.done("audit", "list")
    assert _acts(shell, "keys.changed") == []
    shell.done("keys", "rotate", "consent")
    (entry, *more) = _acts(shell, "keys.changed")
    assert more == []
    detail = entry["detail"]
    assert list(detail["added"].values()) == ["consent active"]
    assert list(detail["changed"].values()) == [["consent active", "consent verify-only"]]
    assert len(_acts(shell, "keys.changed")) == 1


def test_another_catalogue_is_entered_into_the_log_with_both_revisions(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.done("audit", "list")
    folder = shell.folder / "schema"
    shutil.copytree(Path(__file__).parents[2] / "schema", folder)
    file = next((folder / "catalog").rglob("penalty.toml"))
    file.write_text(file.read_text(encoding="utf-8") + "\n# another edition\n", encoding="utf-8")
    monkeypatch.setenv("HUB_SCHEMA_DIR", str(folder))
    (entry,) = _acts(shell, "catalogue.changed")
    (before, after) = entry["detail"]["changed"]["revision"]
    assert before != after == entry["catalogue"]


def test_data_keys_are_wrapped_anew_and_an_old_key_is_not_destroyed_before_its_time(shell: Shell) -> None:
    shell.done("keys", "rotate", "kek")
    assert "nothing" in shell.done("keys", "rewrap")
    listed = [line.split() for line in shell.done("keys", "list").splitlines()]
    old = next(line[0] for line in listed if line[1:3] == ["kek", "verify-only"])
    for key in (old, "kek_0", next(line[0] for line in listed if line[1:3] == ["kek", "active"])):
        assert shell("keys", "destroy", key, "--yes").code == 2
    assert (shell.places.ring / f"{old}.json").exists()
    assert _acts(shell, "keys.destroy") == []


def test_an_old_key_goes_once_its_successor_has_settled_and_the_log_says_who_did_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.done("keys", "rotate", "kek")
    listed = [line.split() for line in shell.done("keys", "list").splitlines()]
    old = next(line[0] for line in listed if line[1:3] == ["kek", "verify-only"])
    monkeypatch.setattr("hub.keys.rotation.SETTLED", timedelta(0))
    ran = shell("keys", "destroy", old)
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert "Destroyed" in shell.done("keys", "destroy", old, "--yes")
    assert old not in shell.done("keys", "list")
    (entry,) = _acts(shell, "keys.destroy")
    assert (entry["detail"], entry["caller"][:4]) == ({"kek": old}, "cli:")
