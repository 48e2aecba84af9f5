"""Reads the fair-use templates: how much a purpose may be used, and what follows when more is asked for.

- A purpose may have several templates. The first is its default and its widest: a caller chooses among them, so
  the others only narrow. A purpose without one never reads a subject.
- A consent lasts at most so many days, under every template of a purpose that rests on consent, and only there.
- Reads are counted in calendar units. Each longer unit allows more than the shorter ones, and all subjects
  together more than one subject, as otherwise a cap could never be reached.
- Caps of one dataset are narrower than those of the template.

Sources: minimum necessity and period (personal information protection law art. 6 and 19), use as agreed and no
further (regulation on the credit reporting industry art. 18 and 20).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.entries import Entry, listed
from hub.policies.model import Beyond, DatasetCaps, FairUse, Purpose, Rate, Unit

FILE = "fair_use.toml"
MOST_SUBJECTS = 1000
"""Most subjects that any template may allow in one request."""
MOST_READS = 2_000_000_000
"""Largest cap; counts are stored in four bytes."""

_ID = re.compile(r"[A-Z0-9-]{3,32}")
_UNITS = {unit.value: unit for unit in Unit}
_ORDER = tuple(Unit)
_BEYOND = {beyond.value: beyond for beyond in Beyond}


def read_fair_use(text: str, purposes: Mapping[str, Purpose], catalog: Catalog) -> dict[str, FairUse]:
    """Fair-use templates by id, in file order.

    Raises:
        PolicyError: when one breaks a rule above, or a purpose that rests on consent has none.
    """
    templates: dict[str, FairUse] = {}
    defaults: dict[str, FairUse] = {}
    for entry in listed(FILE, text, "template"):
        template = _template(entry, purposes, catalog)
        if template.id in templates:
            raise entry.error("id", "the id stands twice", "Give each template an id of its own.")
        default = defaults.setdefault(template.purpose, template)
        for key in wider(template, default):
            hint = f"Narrow it, or put the template before {default.id}: the first one is the widest."
            raise entry.error(key, f"it is wider than {default.id}, the default of the purpose", hint)
        templates[template.id] = template
        entry.close()
    for purpose in purposes.values():
        if purpose.consent_required and purpose.code not in defaults:
            raise PolicyError(
                f"{FILE} has no template for {purpose.code}.", hint="Add one; the purpose rests on consent."
            )
    return templates


def wider(template: FairUse, other: FairUse) -> Iterator[str]:
    """Keys of the caps in which one template allows more than another."""
    if template.max_consent_days > other.max_consent_days:
        yield "max_consent_days"
    if template.subjects_per_request > other.subjects_per_request:
        yield "subjects_per_request"
    datasets = ("", *sorted({*template.datasets, *other.datasets}))
    if any(_more(template.range_months_of(d), other.range_months_of(d)) for d in datasets):
        yield "range_months"
    if any(_more(template.data_life_days_of(d), other.data_life_days_of(d)) for d in datasets):
        yield "data_life_days"
    if any(_oftener(_rates(template, d), _rates(other, d)) for d in datasets):
        yield "reads_of_subject"
    if _oftener(_by_unit(template.reads_in_all), _by_unit(other.reads_in_all)):
        yield "reads_in_all"


def _more(one: int, other: int) -> bool:
    """Whether a cap is wider, where 0 is none."""
    return bool(other) and (not one or one > other)


def _oftener(one: Mapping[Unit, int], other: Mapping[Unit, int]) -> bool:
    """Whether one lets read oftener than another in some unit; what holds for a longer unit holds in a shorter."""
    return any(
        _more(min((n for u, n in one.items() if _ORDER.index(u) >= _ORDER.index(unit)), default=0), most)
        for unit, most in other.items()
    )


def _by_unit(rates: Iterable[Rate]) -> dict[Unit, int]:
    return {rate.unit: rate.most for rate in rates}


def _rates(template: FairUse, dataset: str) -> dict[Unit, int]:
    """How often one subject's dataset may be read at most; dataset "": the subject at all."""
    found = _by_unit(template.reads_of_subject)
    own = template.datasets.get(dataset)
    return found | _by_unit(own.reads_of_subject) if own else found


def _template(entry: Entry, purposes: Mapping[str, Purpose], catalog: Catalog) -> FairUse:
    entry.name = _identifier(entry)
    purpose = entry.known("purpose", purposes, "purposes.toml")
    template = FairUse(
        id=entry.name,
        purpose=purpose.code,
        title=entry.label("title"),
        max_consent_days=entry.whole("max_consent_days"),
        range_months=entry.whole("range_months"),
        data_life_days=entry.whole("data_life_days"),
        subjects_per_request=entry.whole("subjects_per_request"),
        reads_of_subject=_read_rates(entry, "reads_of_subject"),
        reads_in_all=_read_rates(entry, "reads_in_all"),
        over_consent_days=entry.known("over_consent_days", _BEYOND, "the ways"),
        over_range=entry.known("over_range", _BEYOND, "the ways"),
        over_subjects=entry.known("over_subjects", _BEYOND, "the ways"),
        datasets={caps.dataset: caps for caps in _read_datasets(entry, catalog)},
        source=entry.text("source"),
        verified=entry.flag("verified"),
    )
    _check_template(entry, template, purpose)
    for caps in template.datasets.values():
        _check_narrower(entry, caps, template)
    return template


def _identifier(entry: Entry) -> str:
    found = entry.text("id")
    if not _ID.fullmatch(found):
        hint = "Write 3 to 32 capitals, digits and hyphens, such as FU-LOAN-1."
        raise entry.error("id", "it is not an id", hint)
    return found


def _read_rates(entry: Entry, key: str) -> tuple[Rate, ...]:
    found: dict[Unit, int] = {}
    for table in entry.tables(key):
        unit, most = table.known("unit", _UNITS, "the calendar units"), table.whole("most")
        table.close()
        if unit in found or not most:
            raise entry.error(key, f"{unit} stands twice or allows nothing", "Write each unit once, from 1.")
        if most > MOST_READS:
            raise entry.error(key, f"a count never reaches {most}", f"Write {MOST_READS} at most.")
        found[unit] = most
    rates = tuple(Rate(unit, found[unit]) for unit in _ORDER if unit in found)
    for shorter, longer in pairwise(rates):
        if longer.most <= shorter.most:
            message = f"the cap of a {shorter.unit} can never be reached within that of a {longer.unit}"
            raise entry.error(key, message, "Allow more in the longer unit.")
    return rates


def _read_datasets(entry: Entry, catalog: Catalog) -> Iterator[DatasetCaps]:
    seen: set[str] = set()
    for table in entry.tables("dataset") if entry.has("dataset") else ():
        caps = DatasetCaps(
            dataset=table.word("dataset", catalog.datasets, "the catalogue"),
            range_months=table.whole("range_months") if table.has("range_months") else 0,
            data_life_days=table.whole("data_life_days") if table.has("data_life_days") else 0,
            reads_of_subject=(
                _read_rates(table, "reads_of_subject") if table.has("reads_of_subject") else ()
            ),
        )
        table.close()
        if caps.dataset in seen:
            raise table.error("dataset", "it stands twice in the template", "Name each dataset once.")
        if not (caps.range_months or caps.data_life_days or caps.reads_of_subject):
            raise table.error("dataset", "it has no cap of its own", "Write one, or delete the entry.")
        seen.add(caps.dataset)
        yield caps


def _check_template(entry: Entry, template: FairUse, purpose: Purpose) -> None:
    if bool(template.max_consent_days) != purpose.consent_required:
        message = "a consent would never end, or none is used"
        raise entry.error("max_consent_days", message, "Write 0 exactly when the purpose needs no consent.")
    if not 1 <= template.subjects_per_request <= MOST_SUBJECTS:
        raise entry.error("subjects_per_request", "it is out of range", f"Write 1 to {MOST_SUBJECTS}.")
    of_one = _by_unit(template.reads_of_subject)
    for rate in template.reads_in_all:
        if rate.most < max(template.subjects_per_request, of_one.get(rate.unit, 0)):
            message = f"a {rate.unit} allows less than one request or one subject may have"
            raise entry.error("reads_in_all", message, "Allow as much, or lower the other cap.")


def _narrower(own: int, template: int) -> bool:
    """Whether the cap of a dataset is below that of its template; 0 is none of its own, or none at all."""
    return not own or _more(template, own)


def _check_narrower(entry: Entry, caps: DatasetCaps, template: FairUse) -> None:
    of_one = _by_unit(template.reads_of_subject)
    for key, narrower in (
        ("range_months", _narrower(caps.range_months, template.range_months)),
        ("data_life_days", _narrower(caps.data_life_days, template.data_life_days)),
        ("reads_of_subject", all(r.most < of_one.get(r.unit, r.most + 1) for r in caps.reads_of_subject)),
    ):
        if not narrower:
            message = f"that of {caps.dataset} is not narrower than the template's"
            raise entry.error(f"dataset.{key}", message, "Lower it, or delete it.")
