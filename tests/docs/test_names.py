"""Files that the documentation names, and links between pages, lead somewhere."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, all_blocks, name_of, prose, spans

LINKS = sorted(
    {(name_of(page), link) for page in PAGES for link in re.findall(r"\]\(([^)\s:]+)\)", prose(page.read_text()))}
)
FILES = sorted(
    {
        (name_of(page), span)
        for page in PAGES
        if page.name != "CHANGELOG.md" and page.parent.name != "decisions"  # they tell what was
        for span in spans(page.read_text())
        if re.fullmatch(r"\.?[a-z][\w.-]*/[\w./-]*", span)
    }
)
MODULES = sorted(
    {
        (name_of(page), name)
        for page in PAGES
        if page.name != "CHANGELOG.md"  # it tells what was
        for name in re.findall(r"\b\w[\w./-]*\.(?:py|md)\b", prose(page.read_text()))
    }
)
KNOWN = {path.name for path in ROOT.rglob("*.[pm][yd]") if ".venv" not in path.parts}
WRITTEN_BY_THE_READER = {block.title for block in all_blocks("python")}
MADE_LATER = (".energy-market/", ".fabric/", ".venv/", "build/", "keys/")
"""What a reader has only after some commands."""
FILLED = sorted(
    (name_of(page), module) for page in PAGES for module in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
)
"""Modules whose docstrings fill a page of the site."""
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as the site makes them."""
    headings = HEADING.findall(prose(text))
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-") for heading in headings}


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_to_a_page_and_a_heading_of_it(page: str, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (ROOT / page).parent / name if name else ROOT / page
    assert target.exists()
    assert not anchor or anchor in anchors(target.read_text())


@pytest.mark.parametrize(("page", "name"), FILES)
def test_a_file_that_is_named_exists(page: str, name: str) -> None:
    assert (ROOT / name).exists() or name.startswith(MADE_LATER), page


@pytest.mark.parametrize(("page", "name"), MODULES)
def test_a_module_or_page_that_is_named_exists_somewhere(page: str, name: str) -> None:
    assert name.rpartition("/")[2] in KNOWN | WRITTEN_BY_THE_READER, page


def test_every_page_is_in_the_sites_navigation() -> None:
    nav = ROOT / "docs" / "nav.md"
    listed = {(nav.parent / link).resolve() for link in re.findall(r"\]\(([^)]+)\)", nav.read_text())}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "decisions" and page != nav}
    assert pages - listed == set()


@pytest.mark.parametrize(("page", "module"), FILLED)
def test_a_page_that_the_site_fills_says_where_else_to_read(page: str, module: str) -> None:
    path = module.replace(".", "/")
    said = spans((ROOT / page).read_text().partition("\n::: ")[0])
    assert {f"{path}.py", f"{path}/", f"{path.rpartition('/')[0]}/"} & set(said)


@pytest.mark.parametrize("page", ["README.md", "docs/explanation/architecture.md"])
def test_every_room_is_on_the_maps(page: str) -> None:
    rooms = {f"{door.parent.name}/" for door in ROOT.glob("*/__init__.py")} - {"tests/", "benchmarks/"}
    told = set(
        re.findall(r"`(\w+/)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", (ROOT / page).read_text(), re.MULTILINE)))
    )
    assert rooms <= told
