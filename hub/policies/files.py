"""Reads the folder `policies/`, alone in doing so, and gives a whole policy or none.

- Every file is there, is UTF-8 without byte order mark, and is read to its last key.
- `model.conf` says what `hub.policies.compile` implements and nothing else.
- The revision is a hash over name and content of every file, so that any change shows in receipts.
"""

from __future__ import annotations

import configparser
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.clocks import FILE as CLOCKS
from hub.policies.clocks import read_clocks
from hub.policies.detections import FILE as DETECTIONS
from hub.policies.detections import read_detections
from hub.policies.fair_use import FILE as FAIR_USE
from hub.policies.fair_use import read_fair_use
from hub.policies.lint import check, check_links
from hub.policies.model import PolicySet
from hub.policies.notices import FILE as NOTICES
from hub.policies.notices import read_notices
from hub.policies.predicates import FILE as PREDICATES
from hub.policies.predicates import read_predicates
from hub.policies.registries import (
    read_closed,
    read_consents,
    read_matters,
    read_purposes,
    read_reasons,
    read_roles,
)
from hub.policies.retention import FILE as RETENTION
from hub.policies.retention import read_retention
from hub.policies.review import FILE as REVIEW
from hub.policies.review import read_review
from hub.policies.rows import FILE, Vocabulary, read_rows
from hub.policies.withholding import FILE as WITHHOLDING
from hub.policies.withholding import read_grounds

FILES = (
    "model.conf",
    FILE,
    "roles.toml",
    "purposes.toml",
    "matters.toml",
    "reasons.toml",
    "consents.toml",
    "closed.toml",
    "cases.toml",
    PREDICATES,
    FAIR_USE,
    CLOCKS,
    NOTICES,
    WITHHOLDING,
    RETENTION,
    DETECTIONS,
    REVIEW,
)
"""Files of a policy folder; all of them count for the revision."""

_KEPT = 4
"""Policies of folders kept in a process, by the content of their files."""

MODEL: Mapping[tuple[str, str], str] = {
    ("request_definition", "r"): "role, purpose, object, level, kind, outcome",
    ("policy_definition", "p"): "id, role, purpose, object, level, kind, outcome, eft",
    ("role_definition", "g"): "_, _",
    ("policy_effect", "e"): "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    ("matchers", "m"): (
        'r.purpose != "" && (p.purpose == r.purpose || p.purpose == "*")'
        ' && (p.kind == r.kind || p.kind == "*")'
        " && object_match(r.object, p.object) && level_reaches(p.eft, p.level, r.level)"
        " && outcome_covers(p.eft, p.outcome, r.outcome) && g(r.role, p.role)"
    ),
}
"""The only model the compiler implements."""


def load_policies(folder: Path, catalog: Catalog) -> PolicySet:
    """The policy of a folder, linted against a catalogue.

    Raises:
        PolicyError: when a file is missing or breaks a rule; it names the file, the row or entry, the column
            or key, and what to do.
    """
    return _policy(tuple((name, _read(folder / name)) for name in FILES), catalog)


@lru_cache(maxsize=_KEPT)
def _policy(texts: tuple[tuple[str, str], ...], catalog: Catalog) -> PolicySet:
    """The policy of these texts; the same texts under the same catalogue give the same object.

    What breaks a rule is not kept: it is refused each time.
    """
    return build_policy(dict(texts), catalog)


def build_policy(texts: Mapping[str, str], catalog: Catalog) -> PolicySet:
    """The policy of the texts of a folder's files by name.

    Raises:
        PolicyError: as `load_policies`.
    """
    check_model(texts["model.conf"])
    roles = read_roles(texts["roles.toml"])
    purposes = read_purposes(texts["purposes.toml"], roles)
    rules, links = read_rows(texts[FILE], Vocabulary(roles, purposes))
    check_links(links)
    fair_use = read_fair_use(texts[FAIR_USE], purposes, catalog)
    policy = PolicySet(
        revision=revision(texts),
        rules=rules,
        parents={link.role: tuple(x.parent for x in links if x.role == link.role) for link in links},
        roles=roles,
        purposes=purposes,
        matters=read_matters(texts["matters.toml"], purposes),
        consents=read_consents(texts["consents.toml"], purposes, fair_use, catalog),
        messages=read_reasons(texts["reasons.toml"]),
        closed=read_closed(texts["closed.toml"], {field.id: field for field in catalog.fields()}),
        model_text=texts["model.conf"],
        rules_text=texts[FILE],
        files=dict(texts),
        questionnaire=read_predicates(texts[PREDICATES], catalog),
        fair_use=fair_use,
        clocks=read_clocks(texts[CLOCKS], catalog),
        notices=read_notices(texts[NOTICES]),
        grounds=read_grounds(texts[WITHHOLDING]),
        retention=read_retention(texts[RETENTION]),
        detections=read_detections(texts[DETECTIONS], purposes),
        review=read_review(texts[REVIEW]),
    )
    check(policy, catalog)
    return policy


def revision(texts: Mapping[str, str]) -> str:
    """`sha256:` and the hash over each file's name, length and content, in name order."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        content = texts[name].encode()
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def check_model(text: str) -> None:
    """Hold `model.conf` to the model that is implemented.

    Raises:
        PolicyError: when a definition is missing, changed or added.
    """
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",), delimiters=("=",))
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise PolicyError("model.conf is not a Casbin model.", hint="Restore the file.") from error
    found = {(section, key): value for section in parser.sections() for key, value in parser[section].items()}
    for place in sorted({*MODEL, *found}):
        if found.get(place, "").split() != MODEL.get(place, "").split():
            message = (
                f"model.conf, section {place[0]}, key {place[1]}: this is not the model the hub implements"
            )
            raise PolicyError(f"{message}.", hint="Restore the file; a new model needs a new compiler.")


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"The policy file {path.name} cannot be read.", hint="Restore it.") from error
    if content.startswith(b"\xef\xbb\xbf"):
        hint = "Save the file as UTF-8 without BOM."
        raise PolicyError(f"{path.name} row 1 starts with a byte order mark.", hint=hint)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(f"{path.name} row {row} is not UTF-8.", hint="Save the file as UTF-8.") from error
