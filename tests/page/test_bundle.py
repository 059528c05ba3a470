"""The built page is what its sources make, byte for byte, and not too much."""

import gzip
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.page

DASHBOARD = Path(__file__).parents[2] / "dashboard"
WEB = DASHBOARD / "web"
MOST_BYTES = 300_000


def run(*words: str) -> None:
    done = subprocess.run(words, cwd=WEB, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_that_is_kept_is_the_one_that_its_sources_make(installed: None, tmp_path: Path) -> None:
    run("node", "build.mjs", str(tmp_path))
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in (DASHBOARD / "static").iterdir()}


def test_types_and_style_hold(installed: None) -> None:
    run("npm", "run", "--silent", "check")


def test_the_types_are_made_from_the_services_documents(installed: None, open_market: Any, tmp_path: Path) -> None:
    urls = [open_market.announced(name)["url"] for name in ("tx_queue", "market_clock", "optimization_api")]
    run("node", "types.mjs", *urls, str(tmp_path))
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text() for file in (WEB / "src" / "openapi").iterdir()}


def test_it_is_small() -> None:
    files = [DASHBOARD / "static" / name for name in ("page.js", "page.css")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= MOST_BYTES


def test_it_names_no_host() -> None:
    text = (DASHBOARD / "static" / "index.html").read_text() + (DASHBOARD / "static" / "page.css").read_text()
    assert "http" not in text.replace("http-equiv", "")
