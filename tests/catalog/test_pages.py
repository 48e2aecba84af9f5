"""The data dictionary says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from hub.catalog.loader import load_catalog
from hub.catalog.pages import pages, stale_pages, write_pages
from hub.folders import locate

CATALOG = load_catalog(locate("schema"))
DOCS = Path(__file__).parents[2] / "docs" / "catalogue"


def test_the_pages_in_the_project_agree_with_the_catalogue():
    assert stale_pages(CATALOG, DOCS) == []


def test_there_is_a_page_per_dataset_and_it_names_every_field_in_both_languages():
    written = pages(CATALOG)
    for dataset in CATALOG:
        page = written[f"{dataset.id}.md"]
        assert f"]({dataset.id}.md)" in written["index.md"]
        for field in dataset.fields:
            assert field.label.zh in page
            assert field.label.en in page
            assert all(column in page for column in field.columns)


def test_a_changed_a_missing_and_a_left_over_page_are_found(tmp_path):
    write_pages(CATALOG, tmp_path)
    assert stale_pages(CATALOG, tmp_path) == []
    (tmp_path / "index.md").write_text("x", encoding="utf-8")
    (tmp_path / "government.penalty.md").unlink()
    (tmp_path / "old.md").write_text("x", encoding="utf-8")
    assert stale_pages(CATALOG, tmp_path) == ["government.penalty.md", "index.md", "old.md"]
    write_pages(CATALOG, tmp_path)
    assert stale_pages(CATALOG, tmp_path) == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    for name, page in pages(CATALOG).items():
        width = 0
        for line in page.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = line.replace("\\|", "").count("|")
            assert cells == (width or cells), (name, line)
            width = cells
