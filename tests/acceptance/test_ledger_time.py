"""A machine whose time is 400 days ahead for one start of the market, and the operator who sets the ledger's right."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from prosumer_client import Identity
from tests.acceptance.test_operator import JSON, TWO_NEIGHBOURS, OpenMarket

pytestmark = pytest.mark.acceptance

OVER = {"closed", "final"}
WALL_CLOCK_AHEAD = """
from datetime import UTC, datetime, timedelta

import market_time

right, *others = market_time.SteadyTime.__init__.__defaults__
market_time.SteadyTime.__init__.__defaults__ = (lambda: datetime.now(UTC) + timedelta(days=400), *others)
"""
"""Python reads it before all else where its folder is on the path."""


@pytest.fixture
def frozen(tmp_path: Path) -> Any:
    """A market that was up with a wrong time, and has a game from then; now the machine's time is right again."""
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "sitecustomize.py").write_text(WALL_CLOCK_AHEAD)
    market = OpenMarket(tmp_path)
    market._environment["PYTHONPATH"] = str(tmp_path / "wrong")
    market.up()
    del market._environment["PYTHONPATH"]
    operator, ledger = Identity.load("operator", market.home / "keys"), market.read("ledger", "market")["ledger"]
    game = {"game": "early", "registrationDurationMs": 20000, "deliveryDurationMs": 1000}
    for topic, data in (("setTopology", {"edges": [["S1", "B1"]]}), ("publishGame", game)):
        command = operator.command(topic, data, ledger=ledger)  # one that ends would have ended long ago
        answer = httpx.post(f"{market.queue_url}/queue", params={"wait": 20}, content=command.body, headers=JSON)
        assert answer.json()["status"] == "committed", answer.text
    market.down()
    market.up()
    yield market
    market.down()


def readiness(market: OpenMarket) -> dict[str, str]:
    """What queue and clock say on /ready."""
    said = {}
    for name in ("tx_queue", "market_clock"):
        url = json.loads((market.home / "announcements" / name).read_text())["url"]
        said[name] = httpx.get(f"{url}/ready").text
    return said


def phases(market: OpenMarket) -> set[str]:
    """In which phases the games stand."""
    return {game["phase"] for game in market.read("games", "list")}


def until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    gives_up_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > gives_up_at:
            return False
        time.sleep(0.1)
    return True


def test_ready_says_what_to_do_and_after_it_the_market_goes_on(frozen: OpenMarket, tmp_path: Path) -> None:
    assert until(lambda: all("energy-market ledger set-time" in said for said in readiness(frozen).values()))
    old = frozen.read("ledger", "market")["ledger"]
    operator = Identity.load("operator", frozen.home / "keys")
    late = operator.command("topUpAccount", {"prosumer": "operator", "amount": "1"}, ledger=old)
    asked = frozen.run("ledger", "set-time", typed="n\n")
    assert asked.returncode != 0
    assert "a new epoch begins" in asked.stderr
    begun = frozen.read("ledger", "set-time", "--yes")
    assert (begun["number"], begun["ledger"]) == (1, f"{old}.1")
    assert until(lambda: all("ready" in said and "set-time" not in said for said in readiness(frozen).values()))
    refused = httpx.post(f"{frozen.queue_url}/queue", content=late.body, headers=JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "LEDGER_DIFFERS")
    assert until(lambda: phases(frozen) <= OVER), "its registration had seconds left, not 400 days"
    assert frozen.run("ledger", "set-time", "--yes").returncode == 1
    frozen.down()
    (tmp_path / "two.yaml").write_text(TWO_NEIGHBOURS)
    played = frozen.run("demo", "--home", str(frozen.home), "--scenario", str(tmp_path / "two.yaml"))
    assert played.returncode == 0, played.stdout + played.stderr
    verified = frozen.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout
    frozen.up()
    assert phases(frozen) <= OVER
