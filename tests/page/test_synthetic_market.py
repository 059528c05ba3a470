"""The market that `make bench` makes up for the page has all that the page reads: a view without it stays empty."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.page import VIEWS
from tests.page.conftest import until

pytestmark = pytest.mark.page


@pytest.fixture(scope="module")
def synthetic_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the made-up market is served."""
    announced: Path = tmp_path_factory.mktemp("synthetic") / "announced.json"
    command = [sys.executable, "-m", "benchmarks.synthetic_market", "--port", "0", "--announce", str(announced)]
    with subprocess.Popen(command) as process:
        try:
            until(announced.exists, 60)
            yield json.loads(announced.read_text())["url"]
        finally:
            process.terminate()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_view_that_is_measured_is_drawn(synthetic_url: str, page: Page, view: str) -> None:
    page.goto(f"{synthetic_url}/#/{view}")
    expect(page.locator("main h1").first).to_be_visible()
