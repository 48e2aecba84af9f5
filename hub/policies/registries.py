"""Reads the registries: roles, purposes, matters, reasons, consent templates, closed fields.

Each reader takes the text of its file and the registries it refers to, and gives frozen records by code.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.catalog.types import Catalog, Dataset, Label, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Reason
from hub.policies.emergency import read_terms
from hub.policies.entries import Entry, listed, named
from hub.policies.model import (
    ConsentItem,
    ConsentTemplate,
    FairUse,
    LawfulBasis,
    Matter,
    Purpose,
    RoleEntry,
)

_BASES = {basis.value: basis for basis in LawfulBasis}
_MOST_DAYS = 11_000
_KINDS = {kind.value: kind for kind in SubjectKind}


def read_roles(text: str) -> dict[str, RoleEntry]:
    """Roles by code, from `roles.toml`."""
    roles: dict[str, RoleEntry] = {}
    for entry in named("roles.toml", text):
        roles[entry.name] = RoleEntry(
            entry.name, entry.label("title"), entry.flag("field_data"), entry.flag("persons"),
            entry.has("abroad") and entry.flag("abroad"),
        )  # fmt: skip
        entry.close()
    return roles


def read_purposes(text: str, roles: Mapping[str, RoleEntry]) -> dict[str, Purpose]:
    """Purposes by code, from `purposes.toml`."""
    purposes: dict[str, Purpose] = {}
    for entry in named("purposes.toml", text):
        purposes[entry.name] = _purpose(entry, roles)
        entry.close()
    return purposes


def _purpose(entry: Entry, roles: Mapping[str, RoleEntry]) -> Purpose:
    purpose = Purpose(
        code=entry.name,
        title=entry.label("title"),
        basis=entry.known("basis", _BASES, "the lawful bases"),
        consent_required=entry.flag("consent_required"),
        matter_required=entry.flag("matter_required"),
        holders=entry.words("holders", roles, "roles.toml"),
        source=entry.text("source"),
        verified=entry.flag("verified"),
        reference_required=entry.flag("reference_required") if entry.has("reference_required") else False,
        closure_days=_days(entry, "closure_days") if entry.has("closure_days") else 0,
        emergency=read_terms(entry.table("grant")) if entry.has("grant") else None,
    )
    if purpose.consent_required != (purpose.basis is LawfulBasis.CONSENT):
        raise entry.error(
            "consent_required", "it does not fit the basis", "Consent is needed for CONSENT, and only then."
        )
    if purpose.grant_required != (purpose.basis is LawfulBasis.EMERGENCY):
        raise entry.error(
            "grant", "it does not fit the basis", "Terms are needed for EMERGENCY, and only then."
        )
    if purpose.grant_required and (purpose.matter_required or not purpose.reference_required):
        message = "an emergency has a file number and no listed matter"
        raise entry.error("reference_required", message, "Write true, and matter_required = false.")
    if purpose.grant_required and not purpose.closure_days:
        raise entry.error("closure_days", "an emergency owes a report of its outcome", "Write the days.")
    return purpose


def read_matters(text: str, purposes: Mapping[str, Purpose]) -> dict[str, Matter]:
    """Matters by code, from `matters.toml`."""
    matters: dict[str, Matter] = {}
    for entry in listed("matters.toml", text, "matter"):
        code, purpose = entry.text("code"), entry.known("purpose", purposes, "purposes.toml")
        if code in matters:
            raise entry.error("code", "the code stands twice", "Give each matter a code of its own.")
        if not purpose.matter_required:
            raise entry.error(
                "purpose", "this purpose needs no matter", "Name a purpose with matter_required."
            )
        delay, delay_basis = _ledger_delay(entry)
        matters[code] = Matter(
            code=code,
            title=entry.label("title"),
            purpose=purpose.code,
            roles=entry.words("roles", dict.fromkeys(purpose.holders), "the holders of the purpose"),
            legal_basis=entry.text("legal_basis"),
            verified=entry.flag("verified"),
            ledger_delay_days=delay,
            ledger_delay_basis=delay_basis,
        )
        entry.close()
    return matters


def _ledger_delay(entry: Entry) -> tuple[int, str]:
    """For how many days the subject's ledger waits, and by which law; neither stands without the other."""
    keys = ("ledger_delay_days", "ledger_delay_basis")
    if not any(entry.has(key) for key in keys):
        return 0, ""
    return _days(entry, keys[0]), entry.text(keys[1])


def _days(entry: Entry, key: str) -> int:
    """A number of days, at least one and not more than thirty years have."""
    days = entry.whole(key)
    if not 1 <= days <= _MOST_DAYS:
        raise entry.error(
            key, "the number is not one of days", f"Write 1 to {_MOST_DAYS}, or delete the key."
        )
    return days


def read_reasons(text: str) -> dict[Reason, Label]:
    """The message of every reason code, from `reasons.toml`."""
    messages: dict[Reason, Label] = {}
    for entry in named("reasons.toml", text):
        if entry.name not in list(Reason):
            raise entry.error("zh", "this is not a reason code", "Use a code of hub.model.outcome.")
        messages[Reason(entry.name)] = Label(entry.text("zh"), entry.text("en"))
        entry.close()
    missing = [reason.value for reason in Reason if reason not in messages]
    if missing:
        raise PolicyError(
            f"reasons.toml has no text for {', '.join(missing)}.", hint="Write zh and en for each."
        )
    return messages


def read_consents(
    text: str, purposes: Mapping[str, Purpose], fair_use: Mapping[str, FairUse], catalog: Catalog
) -> dict[str, ConsentTemplate]:
    """Consent templates by id, from `consents.toml`, each within the default fair-use template of its purpose."""
    defaults: dict[str, FairUse] = {}
    for caps in fair_use.values():
        defaults.setdefault(caps.purpose, caps)
    templates: dict[str, ConsentTemplate] = {}
    for entry in listed("consents.toml", text, "template"):
        template = _template(entry, purposes, catalog.datasets)
        _check_within(entry, template, defaults[template.purpose])
        if template.id in templates:
            raise entry.error("id", "the id stands twice", "Give each template an id of its own.")
        templates[template.id] = template
        entry.close()
    for purpose in purposes.values():
        if purpose.consent_required and all(t.purpose != purpose.code for t in templates.values()):
            message = f"consents.toml has no template for {purpose.code}"
            raise PolicyError(f"{message}.", hint="Add one; the purpose rests on consent.")
    return templates


def _template(
    entry: Entry, purposes: Mapping[str, Purpose], datasets: Mapping[str, Dataset]
) -> ConsentTemplate:
    purpose = entry.known("purpose", purposes, "purposes.toml")
    template = ConsentTemplate(
        id=entry.text("id"),
        version=entry.whole("version"),
        purpose=purpose.code,
        kind=entry.known("kind", _KINDS, "the kinds"),
        items=_items(entry, datasets),
        range_months=entry.whole("range_months"),
        validity_days=entry.whole("validity_days"),
        max_uses=entry.whole("max_uses"),
        data_life_days=entry.whole("data_life_days"),
        onward_transfer=entry.flag("onward_transfer"),
        notice=entry.label("notice"),
        adverse=entry.label("adverse"),
        withdrawal=entry.label("withdrawal"),
    )
    if not purpose.consent_required:
        raise entry.error("purpose", "this purpose does not rest on consent", "Name one that does.")
    return template


def _check_within(entry: Entry, template: ConsentTemplate, caps: FairUse) -> None:
    """Refuse what the default fair-use template does not allow: the notice would promise what cannot be had."""
    for key, value, cap in (
        ("validity_days", template.validity_days, caps.max_consent_days),
        ("range_months", template.range_months, caps.range_months),
        ("data_life_days", template.data_life_days, caps.data_life_days),
    ):
        if not value or (cap and value > cap):
            raise entry.error(key, f"it is 0 or beyond the cap of {caps.id}", f"Write 1 to {cap or 'any'}.")


def _items(entry: Entry, datasets: Mapping[str, Dataset]) -> tuple[ConsentItem, ...]:
    plain = entry.words("items", datasets, "the catalogue")
    separate = entry.words("separate_items", datasets, "the catalogue")
    both = set(plain) & set(separate)
    if both:
        raise entry.error("separate_items", "a dataset stands in items too", "Name each dataset once.")
    return (*(ConsentItem(d, False) for d in plain), *(ConsentItem(d, True) for d in separate))


def read_closed(text: str, field_ids: Mapping[str, object]) -> dict[str, str]:
    """Fields closed to everyone with the reason, from `closed.toml`."""
    closed: dict[str, str] = {}
    for entry in listed("closed.toml", text, "closed"):
        closed[entry.word("field", field_ids, "the catalogue")] = entry.text("reason")
        entry.close()
    return closed
