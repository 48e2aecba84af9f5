"""The READMEs: commands, options, links and targets that they name are there, and both say the same."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import documents
from hub.cli.main import build_app

ROOT = Path(__file__).parents[2]
READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")}
LINES = [
    line for line in documents.block(READMES["README.md"], "commands").splitlines() if line.startswith("hub ")
]


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_readme_is_there_with_its_options(line: str) -> None:
    words = line.split("#")[0].split()[1:]
    path = [word for word in words[:2] if re.fullmatch("[a-z][a-z-]*", word)]
    shown = CliRunner().invoke(build_app(), [*path, "--help"])
    if shown.exit_code:
        shown = CliRunner().invoke(build_app(), [path[0], "--help"])
    assert shown.exit_code == 0, line
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output, f"{option} in: {line}"


def test_every_command_of_the_hub_is_in_the_readme() -> None:
    named = {line.split()[1] for line in LINES}
    meant_for_operators = {"migrate", "client"}
    commands = {
        c.name or c.callback.__name__ for c in build_app().registered_commands if c.name or c.callback
    }
    groups = {group.name for group in build_app().registered_groups}
    assert commands | groups == named | meant_for_operators
    for name in meant_for_operators:
        assert f"`hub {name}" in READMES["README.md"]


@pytest.mark.parametrize("name", READMES)
def test_every_link_leads_to_a_file(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", READMES[name]):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", READMES)
def test_every_target_of_make_is_there(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", READMES[name]):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_both_readmes_have_the_same_parts_blocks_and_links() -> None:
    english, chinese = READMES.values()
    for pattern in (r"^#+ ", r"<!-- (?:BEGIN|END) \w+ -->", r"^- ", r"^\d\. ", r"^\|"):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), pattern
    links = [set(re.findall(r"\]\(([^)#]+)\)", text)) - set(READMES) for text in (english, chinese)]
    assert links[0] == links[1]
    for name in ("story", "commands", "settings", "errors"):
        assert documents.block(english, name) == documents.block(chinese, name) != ""


def test_the_first_screen_is_one_sentence_two_commands_and_the_output() -> None:
    title, sentence, commands = READMES["README.md"].split("\n\n")[:3]
    assert title.startswith("# ")
    assert sentence.count(". ") == 1, "one sentence, and the link to the other language"
    assert re.findall(r"^make (\w+)", commands, re.M) == ["demo", "test"]
