"""The catalogue as shipped, and every rule a catalogue file can break."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.catalog.lint import lint_catalog
from hub.catalog.loader import header_key, load_catalog, read_dataset
from hub.catalog.types import FieldType, Nature, Role, SealedFor, SubjectKind
from hub.errors import CatalogError
from hub.folders import locate

SCHEMA = locate("schema")
FILE = "government/tax_payment.toml"
GOOD = (SCHEMA / "catalog" / FILE).read_text(encoding="utf-8")
PENALTY = (SCHEMA / "catalog/government/penalty.toml").read_text(encoding="utf-8")

LICENCE_CODES = [
    "XK_XDR_MC",
    "XK_XDR_LB",
    "XK_XDR_SHXYM",
    "XK_XDR_GSZC",
    "XK_XDR_ZZJG",
    "XK_XDR_SWDJ",
    "XK_XDR_SYDW",
    "XK_XDR_SHZZ",
    "XK_FRDB",
    "XK_FR_ZJLX",
    "XK_FR_SFZH",
    "XK_FR_ZJHM",
    "XK_XDR_ZJLX",
    "XK_XDR_ZJHM",
    "XK_XKWS",
    "XK_WSH",
    "XK_XKLB",
    "XK_XKZS",
    "XK_XKBH",
    "XK_NR",
    "XK_JDRQ",
    "XK_YXQZ",
    "XK_YXQZI",
    "XK_XKJG",
    "XK_XKJGDM",
    "XK_ZT",
    "XK_LYDW",
    "SJLY",
    "XK_LYDWDM",
    "SJLYDM",
    "BZ",
]
PENALTY_CODES = [
    "CF_XDR_MC",
    "CF_XDR_LB",
    "CF_XDR_SHXYM",
    "CF_XDR_GSZC",
    "CF_XDR_ZZJG",
    "CF_XDR_SWDJ",
    "CF_XDR_SYDW",
    "CF_XDR_SHZZ",
    "CF_FRDB",
    "CF_FR_ZJLX",
    "CF_FR_ZJHM",
    "CF_XDR_ZJLX",
    "CF_XDR_ZJHM",
    "CF_WSH",
    "CF_WFXW",
    "CF_SY",
    "CF_YJ",
    "CF_CFLB",
    "CF_NR",
    "CF_NR_FK",
    "CF_NR_WFFF",
    "CF_NR_ZKDX",
    "CF_JDRQ",
    "CF_YXQ",
    "CF_GSJZQ",
    "CF_CFJG",
    "CF_CFJGDM",
    "CF_SJLY",
    "CF_SJLYDM",
    "BZ",
    "DISCREDIT_LEVEL",
    "USAGE_RANGE",
    "权力编码",
    "归集部门",
    "SOURCE_ID",
    "SOURCE_RECORD_ID",
    "入库时间",
]


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(SCHEMA)


def test_the_shipped_catalogue_has_datasets_in_all_four_domains(catalog):
    assert len(catalog.datasets) == 50
    assert {d.domain for d in catalog} == {"government", "judicial", "market", "financial"}
    assert [catalog.profile(kind).id for kind in SubjectKind] == [
        "government.registration",
        "government.person_profile",
    ]
    assert [d.id for d in catalog] == sorted(catalog.datasets)


@pytest.mark.parametrize(
    ("dataset", "codes"), [("government.licence", LICENCE_CODES), ("government.penalty", PENALTY_CODES)]
)
def test_dual_publication_datasets_know_every_official_column(catalog, dataset, codes):
    assert [c for c in codes if header_key(c) not in catalog.datasets[dataset].by_column] == []


def test_a_column_is_found_by_chinese_header_code_or_field_name_whatever_its_width(catalog):
    columns = catalog.datasets["government.penalty"].by_column
    for header in (
        "罚款金额(万元)",
        "*罚款金额（万元）",
        " cf_nr_fk ",
        "fineAmount",
        "罚款 金额\n（万元）",
        "\ufeffＣＦ_ＮＲ_ＦＫ",
    ):
        assert columns[header_key(header)].name == "fineAmount"


def test_every_dataset_can_find_its_subject_and_says_where_it_comes_from(catalog):
    for dataset in catalog:
        assert dataset.role(Role.SUBJECT_NAME), dataset.id
        assert dataset.source, dataset.id
        for kind in dataset.subjects:
            role = Role.SUBJECT_USCC if kind is SubjectKind.ORG else Role.SUBJECT_CERT_NO
            assert len(dataset.role(role)) == 1, dataset.id


def test_amounts_and_counts_that_need_consent_are_sealed_at_level_three(catalog):
    for dataset in catalog:
        if dataset.id.startswith("financial.") or dataset.id in (
            "government.tax_payment",
            "government.social_insurance",
            "government.housing_fund",
            "market.utility_payment",
        ):
            for field in dataset.fields:
                if field.type in (FieldType.MONEY, FieldType.INTEGER):
                    assert field.sealed is SealedFor.ALWAYS, field.id
                    assert field.level >= 3, field.id


def test_certificate_numbers_telephones_and_accounts_are_sealed_at_level_four(catalog):
    for field in catalog.fields():
        if (
            field.type is FieldType.RESIDENT_ID
            or field.mask in ("id", "phone")
            or field.name.endswith("ertNo")
        ):
            assert (field.sealed, field.level) == (SealedFor.ALWAYS, 4), field.id
    assert catalog.datasets["financial.loan"].by_name["contractNo"].level == 4


def test_names_of_natural_persons_are_sealed_in_every_dataset(catalog):
    for dataset in catalog:
        if SubjectKind.PERSON in dataset.subjects:
            field = dataset.role(Role.SUBJECT_NAME)[0]
            assert field.is_sealed(SubjectKind.PERSON), field.id
            assert field.level_for(SubjectKind.PERSON) >= 3, field.id


def test_negative_datasets_and_no_others_carry_a_severity_and_a_publication_end(catalog):
    for dataset in catalog:
        negative = dataset.nature is Nature.NEGATIVE
        assert bool(dataset.role(Role.SEVERITY)) is negative, dataset.id
        assert bool(dataset.role(Role.PUBLICATION_END)) is negative, dataset.id


def test_the_revision_follows_every_byte_and_every_name(tmp_path, catalog):
    folder = tmp_path / "catalog"
    for path in sorted((SCHEMA / "catalog").rglob("*.toml")):
        copy = folder / path.relative_to(SCHEMA / "catalog")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "refused.toml").write_bytes((SCHEMA / "refused.toml").read_bytes())
    (tmp_path / "source_units.toml").write_bytes((SCHEMA / "source_units.toml").read_bytes())
    assert load_catalog(tmp_path).revision == catalog.revision
    changed = folder / FILE
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert load_catalog(tmp_path).revision != catalog.revision
    changed.write_bytes(changed.read_bytes()[:-1])
    units = tmp_path / "source_units.toml"
    units.write_bytes(units.read_bytes() + b"\n")
    assert load_catalog(tmp_path).revision != catalog.revision


def test_an_empty_folder_is_no_catalogue(tmp_path):
    with pytest.raises(CatalogError):
        load_catalog(tmp_path)


FIRST_FIELD = 'name = "period"\n'
BROKEN = {
    "the file is not TOML": ("id =", "= id", "whole file"),
    "an unknown key at the top": ('edition = "2024-1"', 'edition = "2024-1"\neditor = "x"', "key editor"),
    "an unknown key in a field": (FIRST_FIELD, FIRST_FIELD + "secret = true\n", "].secret"),
    "a missing key": ('retention = "P5Y"\n', "", "key retention"),
    "a value of the wrong type": ("deadline_days = 0", 'deadline_days = "0"', "key deadline_days"),
    "a boolean for a number": ("deadline_days = 0", "deadline_days = true", "key deadline_days"),
    "an unknown domain": ('id = "government.', 'id = "province.', "key id"),
    "an id that is not the file's path": ('id = "government.tax_payment"', 'id = "government.tax"', "key id"),
    "an unknown category": ('"COMPLIANCE"', '"TAXES"', "key category"),
    "an unknown nature": ('nature = "OTHER"', 'nature = "GOOD"', "key nature"),
    "an unknown sharing class": ('"AUTHORISED_QUERY"', '"EVERYONE"', "key sharing"),
    "an unknown subject kind": ('subjects = ["ORG"]', 'subjects = ["ANIMAL"]', "key subjects"),
    "no subject kind": ('subjects = ["ORG"]', "subjects = []", "key subjects"),
    "an unknown update frequency": ('"MONTHLY"', '"SOMETIMES"', "key update"),
    "a retention that is no duration": ('retention = "P5Y"', 'retention = "long"', "key retention"),
    "a label in one language": ('zh = "税种", en = "kind of tax"', 'zh = "税种"', "label.en"),
    "an empty label": ('en = "kind of tax"', 'en = " "', "label.en"),
    "an unknown field type": ('type = "month"', 'type = "moon"', "].type"),
    "an unknown required flag": ('required = "Y"', 'required = "yes"', "].required"),
    "a level above five": ("level = 3", "level = 6", "].level"),
    "a level below one": ("level = 3", "level = 0", "].level"),
    "an unknown mask": ('mask = "amount"', 'mask = "blur"', "].mask"),
    "an unknown generaliser": ('generalise = "band"', 'generalise = "blur"', "].generalise"),
    "a generaliser for another type": (
        'generalise = "band"',
        'generalise = "township"',
        "fields.amount.generalise",
    ),
    "a mask for another type": ('mask = "amount"', 'mask = "name"', "fields.amount.mask"),
    "no mask on a level that needs one": (
        'sealed = "always"\nmask = "amount"',
        'sealed = "always"',
        "fields.amount.mask",
    ),
    "a sealed field of a low level": ("level = 3\nsealed", "level = 2\nsealed", "fields.amount.level"),
    "a search index over clear values": (
        FIRST_FIELD,
        FIRST_FIELD + "searchable = true\n",
        "fields.period.searchable",
    ),
    "an amount without unit": ('unit = "元"\n', "", "fields.amount.unit"),
    "an unknown unit": ('unit = "元"', 'unit = "USD"', "].unit"),
    "a text without length": ("max_length = 200\n", "", "fields.subjectName.max_length"),
    "a reserved field name": ('name = "taxAuthority"', 'name = "id"', "fields.id"),
    "the name of a domain as field name": ('name = "taxAuthority"', 'name = "market"', "fields.market"),
    "a field name that GraphQL cannot have": (
        'name = "taxAuthority"',
        'name = "__typename"',
        "fields.__typename",
    ),
    "a field declared twice": ('name = "taxAuthority"', 'name = "amount"', "fields.amount"),
    "a path that another field has": (
        'name = "taxAuthority"',
        'name = "taxAuthority"\npath = "amount"',
        "path",
    ),
    "a path below another field": (
        'name = "taxAuthority"',
        'name = "taxAuthority"\npath = "amount.by"',
        "path",
    ),
    "a header that two fields share": (
        '"主管税务机关", "征收机关"',
        '"主管税务机关", "税种"',
        "fields.taxAuthority.columns",
    ),
    "a header written twice": (
        '"主管税务机关", "征收机关"',
        '"征收机关", "征收 机关"',
        "fields.taxAuthority.columns",
    ),
    "no header": ('["主管税务机关", "征收机关"]', "[]", "fields.taxAuthority.columns"),
    "an enumeration value in lower case": ('code = "VAT"', 'code = "vat"', "fields.taxType.values"),
    "an enumeration value twice": ('code = "VAT"', 'code = "OTHER"', "fields.taxType.values"),
    "one spelling for two values": ('aliases = ["所得税"]', 'aliases = ["增值税"]', "fields.taxType.values"),
    "an enumeration without values": ('type = "month"', 'type = "enumList"', "fields.period"),
    "a time field that does not exist": ('event_date = "period"', 'event_date = "when"', "key event_date"),
    "a time field that is no date": ('event_date = "period"', 'event_date = "taxType"', "key event_date"),
    "a time field that is sealed": ('event_date = "period"', 'event_date = "paidOn"', "key event_date"),
    "no time field": ('event_date = "period"\n', "", "key event_date"),
    "no natural key": ('natural_key = ["period", "taxType"]', "natural_key = []", "key natural_key"),
    "a natural key that does not exist": (
        'natural_key = ["period"',
        'natural_key = ["when"',
        "key natural_key",
    ),
    "a natural key that may be missing": (
        'natural_key = ["period"',
        'natural_key = ["paidOn"',
        "key natural_key",
    ),
    "an unknown role": ('role = "subject_uscc"', 'role = "owner"', "].role"),
    "a role for another type": ('role = "subject_name"', 'role = "severity"', "fields.subjectName.role"),
    "a subject that cannot be found": ('role = "subject_uscc"\n', "", "role subject_uscc"),
    "two columns for one role": ('role = "source_unit_uscc"', 'role = "subject_uscc"', "role subject_uscc"),
    "a severity missing on a negative dataset": ('nature = "OTHER"', 'nature = "NEGATIVE"', "role severity"),
    "a profile with a natural key": (
        "verified = false",
        "verified = false\nprofile = true",
        "key natural_key",
    ),
    "a GraphQL type in lower case": ('type = "TaxPayment"', 'type = "taxPayment"', "key type"),
    "a code with spaces": ('code = "CMP-002"', 'code = "CMP 002"', "key code"),
}


def test_the_file_that_the_next_test_breaks_is_good():
    assert read_dataset(FILE, GOOD.encode()).id == "government.tax_payment"


@pytest.mark.parametrize(("old", "new", "where"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_breaks_a_rule_is_refused_with_file_key_and_remedy(old, new, where):
    assert old in GOOD
    with pytest.raises(CatalogError) as caught:
        read_dataset(FILE, GOOD.replace(old, new, 1).encode())
    assert FILE in caught.value.message
    assert where in caught.value.message
    assert caught.value.hint


def test_a_sealed_field_of_persons_needs_a_level_for_persons():
    broken = PENALTY.replace("level_person = 3", "level_person = 2", 1)
    with pytest.raises(CatalogError, match=r"fields.counterpartyName.level"):
        read_dataset("government/penalty.toml", broken.encode())


def test_a_legacy_code_is_named_after_its_kind():
    broken = PENALTY.replace('"legacyOrganizationCode"', '"legacyCode"', 1)
    with pytest.raises(CatalogError, match=r"fields.legacyCode.role"):
        read_dataset("government/penalty.toml", broken.encode())


def test_a_file_in_another_encoding_is_refused():
    with pytest.raises(CatalogError, match="UTF-8"):
        read_dataset(FILE, GOOD.encode("gbk"))


@pytest.mark.parametrize("key", ["id", "code", "type", "field", "profile"])
def test_what_must_be_unique_over_all_files_is(key, catalog):
    one = read_dataset(FILE, GOOD.encode())
    other = GOOD
    for name, old, new in (
        ("id", "government.tax_payment", "government.other_payment"),
        ("code", "CMP-002", "CMP-999"),
        ("type", '"TaxPayment"', '"OtherPayment"'),
        ("field", "taxPayments", "otherPayments"),
    ):
        if name != key:
            other = other.replace(old, new)
    pair = [one, read_dataset(FILE if key == "id" else "government/other_payment.toml", other.encode())]
    if key == "profile":
        lint_catalog(pair)
        source = (SCHEMA / "catalog/government/registration.toml").read_text(encoding="utf-8")
        for old, new in (("government.registration", "government.other"), ("REG-001", "REG-9")):
            source = source.replace(old, new)
        source = source.replace('"Organization"', '"Other"').replace('"organization"', '"other"')
        pair = [
            catalog.datasets["government.registration"],
            read_dataset("government/other.toml", source.encode()),
        ]
    with pytest.raises(CatalogError, match=f"key {key}"):
        lint_catalog(pair)


def test_messages_never_show_a_machines_paths(tmp_path):
    folder = tmp_path / "catalog" / "government"
    folder.mkdir(parents=True)
    (folder / "tax_payment.toml").write_bytes(b"\xff")
    with pytest.raises(CatalogError) as caught:
        load_catalog(Path(tmp_path))
    assert str(tmp_path) not in str(caught.value)
