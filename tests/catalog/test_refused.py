"""What may not be collected stays out of the catalogue, each refusal by the name of its rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.catalog.loader import load_catalog, read_dataset
from hub.catalog.refused import NO_OPEN_SEARCH, Refusal, read_refusals, refuse
from hub.errors import CatalogError
from hub.folders import locate

SCHEMA = locate("schema")
FILE = "government/tax_violation.toml"
GOOD = (SCHEMA / "catalog" / FILE).read_text(encoding="utf-8")
PERSONS = (SCHEMA / "catalog/government/professional_licence.toml").read_text(encoding="utf-8")
COMPANIES = "government/tax_arrears.toml"
REFUSED = (SCHEMA / "refused.toml").read_text(encoding="utf-8")

TITLE = 'title = { zh = "重大税收违法案件", en = "major tax violations" }'
FACTS = 'label = { zh = "主要违法事实", en = "main facts" }'
COLUMNS = 'columns = ["主要违法事实", "违法事实"]'
NAME = 'name = "facts"'
AGENT = 'zh = "税务代理人违法"'

ROWS = {
    "a person's religion": ("SENSITIVE_PERSONAL_DATA", (), NAME, 'name = "religion"'),
    "a person's blood type": ("SENSITIVE_PERSONAL_DATA", (), NAME, 'name = "bloodType"'),
    "a person's illness": ("SENSITIVE_PERSONAL_DATA", (), COLUMNS, 'columns = ["疾病名称"]'),
    "a person's deposits": ("PERSONAL_WEALTH", (), COLUMNS, 'columns = ["银行存款余额"]'),
    "R-565, the file of bribery crimes": (
        "BRIBERY_CRIME_FILE",
        ("R-565", "C-21"),
        "重大税收违法案件",
        "行贿犯罪档案",
    ),
    "R-564, who enters and leaves the island": (
        "MOVEMENT_TRACKING",
        ("R-564", "C-12"),
        "重大税收违法案件",
        "出入岛人员信息",
    ),
    "R-577, the whereabouts of people": ("MOVEMENT_TRACKING", ("R-577",), NAME, 'name = "lastWhereabouts"'),
    "R-567, the police's lists": (
        "POLICE_AND_SUSPICION_LISTS",
        ("R-567", "C-23"),
        AGENT,
        'zh = "公安黑名单"',
    ),
    "R-567, suspicious accounts": (
        "POLICE_AND_SUSPICION_LISTS",
        ("R-567",),
        NAME,
        'name = "suspiciousAccount"',
    ),
    "C-02, a black list of a trade": (
        "UNCATALOGUED_BLACKLIST",
        ("C-02",),
        "重大税收违法案件",
        "农资行业黑名单",
    ),
    "R-572, debtors listed without the court": (
        "DERIVED_DEBTOR_LIST",
        ("R-572", "C-04"),
        "重大税收违法案件",
        "疑似失信被执行人名单",
    ),
    "R-566, offenders under correction": (
        "COMMUNITY_CORRECTION",
        ("R-566", "C-22"),
        "重大税收违法案件",
        "社区矫正对象信用矫正",
    ),
    "R-563, door codes": ("DOOR_CODE_AND_FAMILY", ("R-563", "C-10"), "重大税收违法案件", "信用智慧门牌码"),
    "R-563, party families": ("DOOR_CODE_AND_FAMILY", ("R-563",), COLUMNS, 'columns = ["是否党员家庭"]'),
    "R-569, what a person learned": (
        "OPEN_PERSONAL_FILE",
        ("R-569", "C-05"),
        COLUMNS,
        'columns = ["最高学历"]',
    ),
    "R-571, a measure against bus passengers": (
        "MEASURES_OUTSIDE_THE_LIST",
        ("R-571", "C-03"),
        AGENT,
        'zh = "限制乘坐公共客车"',
    ),
    "R-570, a measure outside the list": (
        "MEASURES_OUTSIDE_THE_LIST",
        ("R-570",),
        AGENT,
        'zh = "冻结银行账户"',
    ),
    "R-568, limits on what leaves the island": (
        "ISLAND_FUNDS_AND_GOODS_LIMITS",
        ("R-568", "C-13"),
        AGENT,
        'zh = "资金出岛限制"',
    ),
    "R-575, officials' faults": (
        "OFFICIALS_PERSONAL_FILES",
        ("R-575", "C-20"),
        "重大税收违法案件",
        "公务员政务失信记录",
    ),
    "R-576, a comment board": (
        "UNOFFICIAL_SIGNALS",
        ("R-576", "C-16"),
        TITLE,
        TITLE.replace("major", "comment board of"),
    ),
    "C-16, the mood on the net": (
        "UNOFFICIAL_SIGNALS",
        ("C-16",),
        FACTS,
        FACTS.replace("主要违法事实", "网络舆情"),
    ),
    "C-17, who reported the conduct": ("INFORMANT_IDENTITY", ("C-17",), COLUMNS, 'columns = ["举报人姓名"]'),
    "R-573, insurance as a term of an evaluation": (
        "UNOFFICIAL_EVALUATION_TERMS",
        ("R-573", "C-24"),
        COLUMNS,
        'columns = ["是否投保环境污染责任保险"]',
    ),
}


@pytest.fixture(scope="module")
def refusals() -> tuple[Refusal, ...]:
    return read_refusals((SCHEMA / "refused.toml").read_bytes())


@pytest.mark.parametrize(("rule", "refs", "old", "new"), ROWS.values(), ids=ROWS)
def test_the_catalogue_takes_in_nothing_that_the_requirements_refuse(
    rule: str, refs: tuple[str, ...], old: str, new: str, refusals: tuple[Refusal, ...]
) -> None:
    assert old in GOOD
    dataset = read_dataset(FILE, GOOD.replace(old, new, 1).encode())
    with pytest.raises(CatalogError, match=rule) as caught:
        refuse(dataset, FILE, refusals)
    assert FILE in caught.value.message
    named = next(r for r in refusals if r.rule == rule)
    assert set(refs) <= set(named.refs)
    assert named.source in str(caught.value.hint)


def test_every_refusal_is_tried_by_a_test(refusals: tuple[Refusal, ...]) -> None:
    assert {row[0] for row in ROWS.values()} == {refusal.rule for refusal in refusals}


def test_a_dataset_that_is_refused_stops_the_whole_catalogue(tmp_path: Path) -> None:
    file = tmp_path / "catalog" / FILE
    file.parent.mkdir(parents=True)
    file.write_text(GOOD, encoding="utf-8")
    (tmp_path / "refused.toml").write_text(REFUSED, encoding="utf-8")
    assert len(load_catalog(tmp_path).datasets) == 1
    file.write_text(GOOD.replace("重大税收违法案件", "行贿犯罪档案"), encoding="utf-8")
    with pytest.raises(CatalogError, match="BRIBERY_CRIME_FILE"):
        load_catalog(tmp_path)


def test_without_the_list_of_refusals_no_catalogue_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "catalog" / FILE
    file.parent.mkdir(parents=True)
    file.write_text(GOOD, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"refused\.toml"):
        load_catalog(tmp_path)


def test_persons_alone_are_never_published(refusals: tuple[Refusal, ...]) -> None:
    file = "government/professional_licence.toml"
    public = PERSONS.replace('sharing = "GOV_SHARING"', 'sharing = "PUBLIC"')
    refuse(read_dataset(file, PERSONS.encode()), file, refusals)
    with pytest.raises(CatalogError, match=NO_OPEN_SEARCH):
        refuse(read_dataset(file, public.encode()), file, refusals)


def test_what_is_refused_about_persons_may_be_held_about_companies(refusals: tuple[Refusal, ...]) -> None:
    text = (SCHEMA / "catalog" / COMPANIES).read_text(encoding="utf-8")
    text = text.replace('"欠税余额(元)", "欠税余额"', '"存款余额(元)"')
    refuse(read_dataset(COMPANIES, text.encode()), COMPANIES, refusals)


def test_an_english_term_is_found_as_a_word_and_not_inside_another(refusals: tuple[Refusal, ...]) -> None:
    sensitive = next(r for r in refusals if r.rule == "SENSITIVE_PERSONAL_DATA")
    for text in ("gene", "geneTest", "GENE test", "Blood-Type", "ＦＩＮＧＥＲＰＲＩＮＴ", "血 型"):
        assert sensitive.found_in(text), text
    for text in ("general", "generalTerms", "genesis", "bloodless types", "血液制品"):
        assert not sensitive.found_in(text), text


BROKEN = {
    "not TOML": (REFUSED, "= refused", "whole file"),
    "empty": (REFUSED, "", "key refused"),
    "a rule twice": ('rule = "PERSONAL_WEALTH"', 'rule = "MOVEMENT_TRACKING"', "key rule"),
    "a rule in small letters": ('rule = "PERSONAL_WEALTH"', 'rule = "wealth"', "key refused\\[2\\].rule"),
    "a row that is none": ('"R-565"', '"R565"', "key refused\\[3\\].refs"),
    "no term": (
        'terms = ["环境污染责任保险", "环责险", "environment insurance", "environmental liability insurance"]',
        "terms = []",
        "terms",
    ),
    "a term without a word": ('"环责险"', '"--"', "terms"),
    "an unknown scope": ('scope = "FIELD"', 'scope = "COLUMN"', "scope"),
    "no reason": ("reason = {", "because = {", "reason"),
    "a mistyped key": ("persons = true", "person = true", "person"),
}


@pytest.mark.parametrize(("old", "new", "where"), BROKEN.values(), ids=BROKEN)
def test_a_broken_list_of_refusals_is_refused(old: str, new: str, where: str) -> None:
    assert old in REFUSED
    with pytest.raises(CatalogError, match=where):
        read_refusals(REFUSED.replace(old, new, 1).encode())
