"""The documentation's site can be built without a warning, and loads nothing from anywhere else."""

import importlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
PAGES = sorted(page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md"))
LOADED_BY_LINK = {
    "dns-prefetch",
    "icon",
    "manifest",
    "modulepreload",
    "preconnect",
    "prefetch",
    "preload",
    "stylesheet",
}
ELSEWHERE = re.compile(r"^(https?:)?//")

pytestmark = pytest.mark.site


class Loaded(HTMLParser):
    """What a page loads by itself, and what its elements are called; links that a reader may follow are no loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.styles: list[str] = []
        self.classes: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.classes.update(said.get("class", "").split())
        self.styles.append(said.get("style", ""))
        follows = tag == "a" or (tag == "link" and not LOADED_BY_LINK & set(said.get("rel", "").split()))
        if not follows:
            named = [said.get(name, "") for name in ("src", "href", "data", "poster", "xlink:href")]
            self.addresses += [*named, *said.get("srcset", "").split()]


@pytest.fixture(scope="module")
def site() -> Path:
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    built = subprocess.run(
        build, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    said = built.stdout + built.stderr
    assert "No issues found" in said
    assert "griffe:" not in said, said  # what is wrong with a docstring
    return SITE


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_page_is_there_and_loads_nothing_from_elsewhere(site: Path, page: Path) -> None:
    loaded = Loaded(site / page.with_suffix(".html"))
    assert [address for address in loaded.addresses if ELSEWHERE.match(address)] == []
    assert [style for style in loaded.styles if "url(" in style] == []


def test_styles_load_nothing_from_elsewhere(site: Path) -> None:
    for sheet in site.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", sheet.read_text()):
            assert not ELSEWHERE.match(address), f"{sheet}: {address}"


def test_every_page_tells_the_browser_to_load_nothing_from_elsewhere_whatever_the_theme_can_do(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', page.read_text())
        rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
        assert rules["default-src"] == "'self'", page
        allowed = {source for rule in rules.values() for source in rule.split()}
        assert allowed <= {"'self'", "'unsafe-inline'", "data:", "blob:"}, page


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    text = (site / "explanation" / "equilibrium.html").read_text()
    assert "<math" in text
    assert "$" not in re.sub(r"<(pre|code)\b.*?</\1>", "", text.partition("<article")[2], flags=re.DOTALL)


@pytest.mark.parametrize(
    ("page", "package"),
    [
        ("prosumer-client", "prosumer_client"),
        ("market-solver", "market_solver"),
        ("fabric", "ledger.fabric.gateway"),
        ("fabric", "ledger.fabric.chaincode_server"),
    ],
)
def test_the_api_reference_has_every_name_of_a_front_door(site: Path, page: str, package: str) -> None:
    text = (site / "reference" / "api" / f"{page}.html").read_text()
    described = set(re.findall(rf'id="{re.escape(package)}\.(\w+)"', text))
    missing = set(importlib.import_module(package).__all__) - described
    assert missing == set(), "each needs a docstring"
    assert not re.search(r":(class|func|meth|mod|attr|data|exc):", text)
