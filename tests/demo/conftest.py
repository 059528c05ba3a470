"""What the tests of the demo's scenarios share."""

from pathlib import Path

import pytest

import demo.scenario_file


@pytest.fixture
def scenarios() -> Path:
    """Return the folder of the scenarios that come with the demo."""
    return demo.scenario_file.SCENARIOS
