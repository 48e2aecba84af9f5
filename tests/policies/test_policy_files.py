"""The folder is read whole or not at all, and its revision changes with any of its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.files import FILES, build_policy, check_model, load_policies
from hub.policies.model import PolicySet


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "policies")


def test_the_shipped_folder_loads_and_holds_no_other_file(
    folder: Path, catalog: Catalog, policy: PolicySet
) -> None:
    assert load_policies(folder, catalog) == policy
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert policy.revision.startswith("sha256:")
    assert len(policy.revision) == 71


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(name: str, copy: Path, catalog: Catalog) -> None:
    (copy / name).unlink()
    with pytest.raises(PolicyError, match=name):
        load_policies(copy, catalog)


@pytest.mark.parametrize("name", ["rules.csv", "purposes.toml"])
def test_a_byte_order_mark_is_refused(name: str, copy: Path, catalog: Catalog) -> None:
    (copy / name).write_bytes(b"\xef\xbb\xbf" + (copy / name).read_bytes())
    with pytest.raises(PolicyError, match=f"{name} row 1 starts with a byte order mark"):
        load_policies(copy, catalog)


def test_a_file_in_another_encoding_is_refused_with_its_row(copy: Path, catalog: Catalog) -> None:
    text = (copy / "rules.csv").read_text(encoding="utf-8")
    (copy / "rules.csv").write_bytes(b"# ascii\n" + text.encode("gbk", errors="replace"))
    with pytest.raises(PolicyError, match=r"rules\.csv row 2 is not UTF-8"):
        load_policies(copy, catalog)


def test_a_comment_changes_the_revision(texts: dict[str, str], catalog: Catalog, policy: PolicySet) -> None:
    texts["cases.toml"] += "\n# seen by compliance\n"
    assert build_policy(texts, catalog).revision != policy.revision


CHANGED_MODELS = {
    "allow wins": (" && !some(where (p.eft == deny))", ""),
    "the purpose is not asked": ('r.purpose != "" && ', ""),
    "the level is not asked": (" && level_reaches(p.eft, p.level, r.level)", ""),
    "or in place of and": ("&& g(r.role, p.role)", "|| g(r.role, p.role)"),
    "a second matcher": ("[matchers]", "[matchers]\nm2 = true"),
    "a section is missing": ("[role_definition]\ng = _, _\n", ""),
    "the matcher twice": ("[matchers]", "[matchers]\nm = true"),
    "no model": ("[request_definition]", "request_definition"),
}


@pytest.mark.parametrize("name", CHANGED_MODELS)
def test_a_changed_model_is_refused(name: str, texts: dict[str, str]) -> None:
    old, new = CHANGED_MODELS[name]
    assert old in texts["model.conf"]
    with pytest.raises(PolicyError, match=r"model\.conf"):
        check_model(texts["model.conf"].replace(old, new, 1))
