"""Generated worlds: small catalogues and rules, dense enough that rules meet, inherit and shut each other."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hub.catalog.types import Catalog, Dataset, Domain, Field, FieldType, Label, Nature, Sharing, SubjectKind
from hub.model.outcome import Outcome
from hub.policies.files import MODEL
from hub.policies.model import LawfulBasis, PolicySet, Purpose, RoleEntry
from hub.policies.rows import Vocabulary, read_rows

ROLES = ("bank", "clerk", "officer", "tenant")
PURPOSES = ("LEND", "WATCH", "UNHELD")
LEVELS = (1, 2, 3, 4, 5)
_NAMES = ("amount", "name", "phone")
_DATASETS = ("government.tax", "government.penalty", "financial.loan")
_PATTERNS = (
    "*",
    "government.*",
    "financial.*",
    "financial.loan.*",
    "government.tax.*",
    "*.tax.*",
    "*.*.amount",
    "government.*.name",
    "*.loan.phone",
    "financial.loan.amount",
    "government.penalty.name",
    "*.*",
    "*.*.*",
)
_OPEN = [o.name for o in Outcome if o is not Outcome.WITHHELD]
_LABEL = Label("标", "label")


@dataclass(frozen=True)
class World:
    """A catalogue with a policy over it."""

    catalog: Catalog
    policy: PolicySet


def model_text() -> str:
    """`model.conf` as the compiler implements it."""
    return "\n".join(f"[{section}]\n{key} = {value}" for (section, key), value in MODEL.items())


def make_policy(rules_text: str, holders: dict[str, tuple[str, ...]] | None = None) -> PolicySet:
    """A policy set of these rows, unlinted: the meaning must hold for rules the linter would refuse."""
    holders = holders or {"LEND": ROLES, "WATCH": ROLES, "UNHELD": ()}
    purposes = {
        code: Purpose(code, _LABEL, LawfulBasis.PUBLIC, False, False, held, "source", False)
        for code, held in holders.items()
    }
    roles = {role: RoleEntry(role, _LABEL, True, True) for role in ROLES}
    rules, links = read_rows(rules_text, Vocabulary(roles, purposes))
    parents = {link.role: tuple(x.parent for x in links if x.role == link.role) for link in links}
    return PolicySet("sha256:test", rules, parents, roles, purposes, {}, {}, {}, {}, model_text(), rules_text)


def make_catalog(fields: dict[str, list[Field]]) -> Catalog:
    """A catalogue of these fields by dataset, for both kinds."""
    datasets = {}
    for dataset, members in fields.items():
        datasets[dataset] = Dataset(
            id=dataset,
            code="X",
            edition="2026",
            tier="BASE",
            category="REGISTRATION",
            domain=Domain(dataset.split(".")[0]),
            type_name="X",
            field_name="x",
            title=_LABEL,
            source_unit=_LABEL,
            legal_basis="",
            subjects=tuple(SubjectKind),
            nature=Nature.BASIC,
            sharing=Sharing.PUBLIC,
            update_frequency="DAILY",
            upload_deadline_days=0,
            retention="",
            natural_key=(),
            event_date="",
            profile=False,
            fields=tuple(members),
        )
    return Catalog(datasets, "sha256:test")


def make_field(
    dataset: str, name: str, level: int, level_person: int = 0, mask: str = "", generalise: str = ""
) -> Field:
    """A text field."""
    return Field(
        dataset,
        name,
        _LABEL,
        FieldType.TEXT,
        (name,),
        level=level,
        level_person=level_person,
        mask=mask,
        generalise=generalise,
    )


def make_world(rng: random.Random) -> World:
    """A world from this source of chance."""
    catalog = make_catalog(
        {
            dataset: [
                make_field(
                    dataset,
                    name,
                    rng.choice(LEVELS),
                    rng.choice((0, *LEVELS)),
                    rng.choice(("", "name")),
                    rng.choice(("", "township", "township")),
                )
                for name in _NAMES
            ]
            for dataset in _DATASETS
        }
    )
    rows = [_rule(rng, number) for number in range(rng.randint(1, 9))]
    links = rng.sample(
        ["g, clerk, bank", "g, tenant, clerk", "g, officer, bank", "g, tenant, officer"], rng.randint(0, 4)
    )
    holders = {p: tuple(r for r in ROLES if rng.random() < 0.9) for p in PURPOSES[:2]} | {"UNHELD": ()}
    return World(catalog, make_policy("\n".join([*rows, *links]), holders))


def _rule(rng: random.Random, number: int) -> str:
    effect = "deny" if rng.random() < 0.3 else "allow"
    level = rng.choice((1, 3, 4, 5) if effect == "deny" else (2, 3, 4, 5, 5))
    cells = (
        "p",
        f"T-{number:02d}",
        rng.choice(ROLES),
        rng.choice((*PURPOSES, "*", "*", "LEND")),
        rng.choice(_PATTERNS),
        str(level),
        rng.choice(("ORG", "PERSON", "*", "*")),
        rng.choice(_OPEN),
        effect,
    )
    return ", ".join(cells)
