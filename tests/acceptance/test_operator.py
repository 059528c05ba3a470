"""An operator's day: a market that is up, people on it, a reset, a new chain, and evidence."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.embedded import EmbeddedLedger
from prosumer_client import ClockClient, Identity, MarketClient, load_key, store_key

pytestmark = pytest.mark.acceptance

JSON = {"content-type": "application/json"}
COMMAND = [sys.executable, "-m", "operator_cli.main"]

TWO_NEIGHBOURS = """
name: two
sellers: {S1: {capacity: 5, price: 0.1}}
buyers: {B1: {demand: 3, total_production: 1, total_consumption: 2}}
graph: [[S1, B1]]
"""


ANY_PORTS = ["--queue-port", "0", "--optimizer-port", "0", "--clock-port", "0", "--dashboard-port", "0"]


class OpenMarket:
    """``energy-market up`` in a process of its own, and commands against it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._environment = {**os.environ, "ENERGY_MARKET_HOME": str(self.home)}
        self.process: subprocess.Popen[str] | None = None

    def up(self, *words: str) -> None:
        os.umask(0o022)
        self.process = subprocess.Popen(
            [*COMMAND, "up", *ANY_PORTS, *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "queue http://" in line:
                self._environment["ENERGY_MARKET_QUEUE_URL"] = line.split("queue ")[1].split(",")[0]
                return
        raise AssertionError("the market did not come up")

    def down(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=60)
            self.process = None

    def told_to_end(self) -> None:
        """Have it stopped as a service manager does it."""
        assert self.process is not None
        self.process.terminate()
        self.process.communicate(timeout=60)
        self.process = None

    def run(self, *arguments: str, typed: str = "") -> Any:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def queue_url(self) -> str:
        return self._environment["ENERGY_MARKET_QUEUE_URL"]

    def recorded_commands(self) -> list[Any]:
        """All commands in the blocks, which whoever reaches the queue can read."""
        height = self.read("ledger", "blocks")["height"]
        blocks = [httpx.get(f"{self.queue_url}/blocks/{number}").json() for number in range(height)]
        return [command for block in blocks for part in block["transactions"] for command in part["commands"]]

    def whole_state(self) -> dict[str, Any]:
        """What the ledger shows of money, people and games."""
        reads = {"market": ("ledger", "market"), "prosumers": ("prosumers", "list"), "games": ("games", "list")}
        return {name: self.read(*words) for name, words in reads.items()}

    def read(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[OpenMarket]:
    market = OpenMarket(tmp_path)
    market.up()
    yield market
    market.down()


def test_no_service_outlives_the_command_that_started_it(market: OpenMarket) -> None:
    announcements = [json.loads(file.read_text()) for file in (market.home / "announcements").iterdir()]
    assert len(announcements) == 4
    market.told_to_end()
    for service in announcements:
        with pytest.raises(ProcessLookupError):
            os.kill(service["pid"], 0)


def test_a_market_of_simulated_time_is_begun_once_and_its_games_are_of_that_time(tmp_path: Path) -> None:
    market, day = OpenMarket(tmp_path), ("--simulated-from", "2026-06-23T00:00:00Z")
    market.up(*day)
    try:
        mapping = market.read("ledger", "market")["simulatedTime"]
        assert (mapping["start"], mapping["factor"]) == ("2026-06-23T00:00:00.000Z", 600)
        assert market.run("sign", "setTopology", "--data", '{"edges": [["S", "B"]]}', "--send").returncode == 0
        assert market.run("games", "publish").returncode == 0
        (game,) = market.read("games", "list")
        assert game["publishedAt"].startswith("2026-06-2")
    finally:
        market.down()
    refused = market.run("up", *ANY_PORTS, *day, "--factor", "60")
    assert (refused.returncode, "TIME_SIMULATED" in refused.stderr) == (1, True)


def test_people_are_entered_paid_and_given_new_keys(market: OpenMarket) -> None:
    assert market.run("prosumers", "add", "S001", "--balance", "12.5", "--production", "36").returncode == 0
    assert "S001 has 20" in market.run("prosumers", "top-up", "S001", "7.5").stdout
    before = market.read("prosumers", "show", "S001")
    assert (before["accountBalance"], before["totalProduction"]) == (20, 36)
    key = market.home / "keys" / "S001.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert market.run("prosumers", "replace-key", "S001").returncode == 0
    after = market.read("prosumers", "show", "S001")
    assert after["publicKey"] != before["publicKey"]
    assert {view["prosumer"] for view in market.read("prosumers", "list")} == {"operator", "S001"}


def test_no_key_is_lost_left_behind_or_given_to_another(market: OpenMarket) -> None:
    keys = market.home / "keys"
    for name in ("P001", "P001.next"):
        assert market.run("prosumers", "add", name).returncode == 0
    assert market.run("prosumers", "replace-key", "P001").returncode == 0
    assert len({view["publicKey"] for view in market.read("prosumers", "list")}) == 3
    present = {path.name for path in keys.iterdir()}
    assert {"P001.pem", "P001.next.pem", "P001.pem.old"} <= present
    assert market.run("prosumers", "replace-key", "nobody").returncode == 1
    assert market.run("prosumers", "add", "a b").returncode == 1
    assert {path.name for path in keys.iterdir()} == present
    assert market.run("prosumers", "add", "P001").returncode == 1
    assert {path.name for path in keys.iterdir()} == present


def test_a_command_is_signed_for_whoever_speaks_http_alone(market: OpenMarket) -> None:
    market.run("prosumers", "add", "S001")
    signed = market.run("sign", "topUpAccount", "--data", '{"prosumer": "S001", "amount": 7.250000}')
    assert signed.returncode == 0, signed.stderr
    receipt = httpx.post(f"{market.queue_url}/queue", content=signed.stdout, headers=JSON)
    assert receipt.status_code == 202
    told = httpx.get(f"{market.queue_url}{receipt.json()['href']}", params={"wait": 20}, timeout=60)
    assert told.json()["status"] == "committed"
    assert market.read("prosumers", "show", "S001")["accountBalance"] == 7.25


def test_a_signed_command_is_sent_and_its_result_awaited(market: OpenMarket) -> None:
    market.run("prosumers", "add", "S001")
    words = ("sign", "topUpAccount", "--send", "--id", "6f1e8a4c-8f3e-4a37-8a0e-6d0f3c6a2b11", "--data", "@-")
    for _ in range(2):
        done = market.run(*words, typed='{"prosumer": "S001", "amount": "7.25"}')
        assert json.loads(done.stdout)["accountBalance"] == 7.25, done.stderr
    refused = market.run(
        "sign", "topUpAccount", "--as", "S001", "--send", "--data", '{"prosumer": "S001", "amount": 1}'
    )
    assert refused.returncode == 1
    assert "OPERATORS_ONLY" in refused.stderr


def test_a_replacement_that_was_killed_between_ledger_and_folder_is_completed(market: OpenMarket) -> None:
    market.run("prosumers", "add", "S001")
    keys = market.home / "keys"
    draft = keys / ".S001.pem.next"
    store_key(Ed25519PrivateKey.generate(), draft)
    new = Identity("S001", load_key(draft)).public_key
    assert market.run("prosumers", "replace-key", "S001", "--public-key", new).returncode == 0
    done = market.run("prosumers", "replace-key", "S001")
    assert "interrupted" in done.stdout
    assert Identity.load("S001", keys).public_key == new == market.read("prosumers", "show", "S001")["publicKey"]
    assert not draft.exists()


def test_of_two_replacements_at_once_none_loses_the_key(market: OpenMarket) -> None:
    market.run("prosumers", "add", "S001")
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: market.run("prosumers", "replace-key", "S001"), range(3)))
    assert [done.returncode for done in ended] == [0, 0, 0], [done.stderr for done in ended]
    key = Identity.load("S001", market.home / "keys").public_key
    assert key == market.read("prosumers", "show", "S001")["publicKey"]
    assert not list((market.home / "keys").glob(".*.next"))


def test_the_same_registration_again_completes_it_and_its_balance_counts_once(market: OpenMarket) -> None:
    assert market.run("prosumers", "add", "S001").returncode == 0  # as one that was killed before its balance
    for _ in range(2):
        again = market.run("prosumers", "add", "S001", "--balance", "5", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["accountBalance"] == 5
    assert market.run("prosumers", "top-up", "S001", "2").returncode == 0
    again = market.run("prosumers", "add", "S001", "--balance", "5")
    assert "S001 has 7" in again.stdout
    other = market.run("prosumers", "add", "S001", "--balance", "6")
    assert (other.returncode, "top-up` adds to it" in other.stderr) == (1, True)
    assert market.read("prosumers", "show", "S001")["accountBalance"] == 7


def test_whoever_is_registered_otherwise_is_no_registration_to_complete(market: OpenMarket) -> None:
    market.run("prosumers", "add", "S001")
    for otherwise in (("--role", "operator"), ("--production", "7")):
        refused = market.run("prosumers", "add", "S001", *otherwise, "--balance", "5")
        assert (refused.returncode, "is registered otherwise" in refused.stderr) == (1, True)
    (market.home / "keys" / "S001.pem").rename(market.home / "keys" / "S002.pem")
    another_key = market.run("prosumers", "add", "S001", "--balance", "5")
    assert (another_key.returncode, "PROSUMER_EXISTS" in another_key.stderr) == (1, True)
    assert not (market.home / "keys" / "S001.pem").exists()
    assert market.read("prosumers", "show", "S001")["accountBalance"] == 0


NO_TEXT = [
    ("prosumers", "add", "Q1", "--production", "\udcff"),
    ("prosumers", "add", "Q1", "--public-key", "\udcff"),
    ("prosumers", "add", "\udcff"),
    ("prosumers", "show", "\udcff"),
    ("prosumers", "top-up", "\udcff", "1"),
    ("meters", "add", "m2", "nobody", "--power=\udcff"),
    ("meters", "add", "m2", "nobody", "--power=1", "--replaces", "\udcff"),
    ("games", "show", "\udcff"),
    ("statement", "\udcff"),
    ("sign", "topUpAccount", "--data", '{"amount": "\\ud800"}'),
    ("tariffs", "set", "--retail", "\udcff", "--feed-in", "0.1"),
]
"""Words that hold a byte which is no UTF-8, as Python reads it, or JSON's way to write half a character."""


def test_words_that_are_no_text_are_refused_in_a_sentence_and_leave_no_key(market: OpenMarket) -> None:
    with ThreadPoolExecutor(2) as pool:
        for words, ended in zip(NO_TEXT, pool.map(lambda words: market.run(*words), NO_TEXT), strict=True):
            assert (ended.returncode in (1, 2), "Traceback" in ended.stderr) == (True, False), (words, ended.stderr)
    assert [file.name for file in (market.home / "keys").glob("*.pem")] == ["operator.pem"]


def test_a_registration_that_failed_leaves_no_key(market: OpenMarket) -> None:
    market.down()
    assert market.run("prosumers", "add", "S001").returncode == 3
    assert not (market.home / "keys" / "S001.pem").exists()


def test_nobody_else_can_read_a_market_s_home_and_stores(market: OpenMarket) -> None:
    assert market.home.stat().st_mode & 0o777 == 0o700
    stores = {path.name: path.stat().st_mode & 0o777 for path in market.home.glob("*.sqlite*")}
    assert stores
    assert {mode & 0o077 for mode in stores.values()} == {0}


def test_the_clock_takes_up_the_operator_s_new_key(market: OpenMarket, tmp_path: Path) -> None:
    scenario = tmp_path / "two.yaml"
    scenario.write_text(TWO_NEIGHBOURS)
    assert market.run("games", "publish", "--scenario", str(scenario)).returncode == 0
    clock = json.loads((market.home / "announcements" / "market_clock").read_text())["url"]
    assert market.run("prosumers", "replace-key", "operator").returncode == 0

    async def publish_by_the_clock() -> None:
        operator = Identity.load("operator", market.home / "keys")
        async with MarketClient(market.queue_url, operator) as client:
            ledger = await client.ledger_id()
        async with ClockClient(clock, operator, ledger) as client:  # which is patient while it loads its new key
            await client.publish({})

    asyncio.run(publish_by_the_clock())


def test_a_reset_asks_first_and_leaves_the_chain_as_evidence(market: OpenMarket, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(TWO_NEIGHBOURS)
    published = market.run("games", "publish", "--scenario", str(tmp_path / "two.yaml"))
    assert published.returncode == 0, published.stderr
    assert len(market.read("games", "list")) == 1
    refused = market.run("reset", typed="n\n")
    assert refused.returncode == 1
    assert len(market.read("games", "list")) == 1
    assert market.run("reset", "--yes").returncode == 0
    assert market.read("games", "list") == []
    topics = [
        command["topic"]
        for number in range(market.read("ledger", "blocks")["height"])
        for transaction in json.loads(market.run("ledger", "block", str(number)).stdout)["transactions"]
        for command in transaction["commands"]
    ]
    assert topics[-2:] == ["publishGame", "resetMarket"]
    verified = market.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout
    assert "everything fits" in verified.stdout


def test_a_wipe_is_refused_while_the_market_is_up_and_begins_a_new_chain_after(market: OpenMarket) -> None:
    assert market.run("prosumers", "add", "S001").returncode == 0
    refused = market.run("reset", "--wipe", "--yes")
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    assert len(market.read("prosumers", "list")) == 2
    market.down()
    assert market.run("reset", "--wipe", "--yes").returncode == 0
    (old,) = market.home.glob("ledger.sqlite.*.old")
    assert "everything fits" in market.run("ledger", "verify", str(old)).stdout
    market.up()
    assert [view["prosumer"] for view in market.read("prosumers", "list")] == ["operator"]


def test_nothing_that_was_said_on_a_wiped_chain_counts_on_the_next_one(market: OpenMarket, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(TWO_NEIGHBOURS)
    market.down()
    played = market.run("demo", "--home", str(market.home), "--scenario", str(tmp_path / "two.yaml"))
    assert played.returncode == 0, played.stdout + played.stderr
    market.up()
    old, recorded = market.read("ledger", "market")["ledger"], market.recorded_commands()
    assert {command["payload"]["ledger"] for command in recorded} == {old}
    said = {command["topic"] for command in recorded}
    assert {"topUpAccount", "publishGame", "publishOffer", "publishDemand", "publishBuyBid", "closeMarket"} <= said
    market.down()
    assert market.run("reset", "--wipe", "--yes").returncode == 0
    market.up()
    for name in ("S1", "B1"):  # with the keys that they had
        assert market.run("prosumers", "add", name, "--balance", "10").returncode == 0
    before = market.whole_state()
    assert before["market"]["ledger"] != old
    answer = httpx.post(f"{market.queue_url}/queue", json=recorded, timeout=60)
    assert [element.get("code") for element in answer.json()] == ["LEDGER_DIFFERS"] * len(recorded)
    assert market.whole_state() == before
    market.down()
    results = asyncio.run(submitted_without_the_queue(market.home, recorded))
    assert [result["code"] for result in results] == ["LEDGER_DIFFERS"] * len(recorded)
    market.up()
    assert market.whole_state()["market"] == before["market"]
    verified = market.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout


async def submitted_without_the_queue(home: Path, commands: Sequence[Any]) -> list[Any]:
    """Hand commands to the ledger itself, as a queue would that wants them to count."""
    ledger = await EmbeddedLedger.open(home / "ledger.sqlite", "operator", None)
    try:
        return (await ledger.submit([json.dumps(command) for command in commands])).results
    finally:
        await ledger.close()


def test_verify_names_the_block_that_was_tampered_with(market: OpenMarket) -> None:
    for number in range(3):
        assert market.run("prosumers", "add", f"S{number:03}").returncode == 0
    market.down()
    ledger = market.home / "ledger.sqlite"
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("UPDATE transactions SET content = replace(content, 'S001', 'S009')")
    found = market.run("ledger", "verify")
    assert found.returncode == 1
    assert "does not fit block" in found.stdout


def test_without_a_market_a_command_says_so_and_what_to_do(tmp_path: Path) -> None:
    market = OpenMarket(tmp_path)
    market._environment["ENERGY_MARKET_QUEUE_URL"] = "http://127.0.0.1:1"
    done = market.run("games", "--json")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "http://127.0.0.1:1" in done.stderr
    assert "energy-market up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reset_without_the_operator_s_key_says_where_it_was_looked_for(tmp_path: Path) -> None:
    market = OpenMarket(tmp_path)
    done = market.run("reset", "--yes")
    assert done.returncode == 1
    assert "KEY_FILE_MISSING" in done.stderr
    assert "operator.pem" in done.stderr
