"""Links and names of files in the documentation lead somewhere."""

import re

import pytest

from tests.docs.markdown import PAGES, ROOT, anchors, links, page_name, prose, tracked

PATH = re.compile(r"`((?:localpg|moderation|reviewqueue|templates|static|tests|benchmarks|docs|demo|\.ci)/[\w./*-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=page_name)
def test_every_path_that_a_page_names_exists(page):
    named = {path for line in prose(page) for path in PATH.findall(line)}
    assert not {path for path in named if not list(ROOT.glob(path.rstrip("/")))}


def test_every_page_that_the_code_names_exists():
    names = tracked("*.py", "*.html", "*.toml", "*.in", "Makefile")
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).exists()}
    broken = {
        (name, page)
        for name, text in texts.items()
        for page in re.findall(r"\bdocs/[\w-]+\.md\b", text)
        if not (ROOT / page).exists()
    }
    assert not broken


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in links(index) if ":" not in target}
    assert set(PAGES) - {index} - linked == set()
