"""One configuration of the logs for every program."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from market_log import configure_logs

PROGRAM = """
import logging, structlog
from market_log import configure_logs
configure_logs("small", {settings})
structlog.get_logger().bind(prosumer="P1").info("offered", energy=3)
structlog.stdlib.get_logger("x").debug("hardly worth a line")
logging.getLogger("httpx").info("asked")
logging.getLogger("elsewhere").warning("it is %d o'clock", 5, extra={{"color_message": "red"}})
try:
    secret = "not to be shown"
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("failed")
"""


def logged(settings: str = "") -> str:
    program = [sys.executable, "-c", PROGRAM.format(settings=settings)]
    return subprocess.run(program, capture_output=True, text=True, check=True, timeout=60).stderr


def test_lines_are_json_where_nobody_looks_and_other_libraries_go_the_same_way() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in logged().splitlines()]
    assert [line["event"] for line in lines] == ["offered", "it is 5 o'clock", "failed"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert {line["service"] for line in lines} == {"small"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["prosumer"], lines[0]["energy"]) == ("P1", 3)
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_as_text_a_traceback_shows_no_values() -> None:
    text = logged('log_format="text", log_level="debug"')
    assert "hardly worth a line" in text
    assert "ZeroDivisionError" in text
    assert "not to be shown'" not in text


@pytest.mark.parametrize(("setting", "value"), [("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml")])
def test_a_setting_that_cannot_be_ends_the_program_in_a_sentence(
    setting: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"ENERGY_MARKET_{setting}", value)
    before = logging.getLogger().handlers[:]
    with pytest.raises(SystemExit) as ended:
        configure_logs("small")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"small: error: ENERGY_MARKET_{setting}: {value} is none of")
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize("service", ["tx_queue", "market_clock", "optimization_api", "dashboard"])
def test_no_service_starts_with_what_libraries_bring_along_for_others(service: str) -> None:
    code = f"""import sys, {service}.__main__
print([name for name in ('rich', 'pygments', 'pydantic.v1') if name in sys.modules])"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
