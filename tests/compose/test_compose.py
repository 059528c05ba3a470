"""The market in containers, for real: played, reset, stopped and continued, crashed in parts, backed up, upgraded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.compose.market import NETWORK_STATUS, is_traded, wait_until

OPERATIONS = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "back-up.md").read_text()

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]


def height(market: Any) -> int:
    number: int = market.get("/blocks?limit=1")["height"]
    return number


def top_up(market: Any) -> None:
    """Have the operator's command line commit a transaction."""
    market.cli("prosumers", "top-up", "operator", "1")


def documented(heading: str, service: str) -> tuple[str, str]:
    """Return the lines of the operations page that back something up, and those that restore it."""
    section = OPERATIONS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    (block,) = [b for b in blocks if f"docker compose stop {service}\n" in b]
    before, after = block.split("# restore\n")
    return before, after


def test_a_day_is_played_and_neighbours_trade(market: Any) -> None:
    game = market.wait_for_trade()
    assert game["stop"]["reason"] in ("equilibrium", "all-passed", "deadline")  # a busy machine may be late
    assert {seller["seller"] for seller in game["sellers"]} <= {"I-1", "I-2"}
    assert game["parameters"]["slotDurationMs"] == 900_000
    assert market.get("/market")["simulatedTime"]["factor"] == 480


def test_every_command_of_the_operator_works_in_a_container(market: Any) -> None:
    (game, *_) = [game for game in json.loads(market.cli("games", "list", "--json")) if is_traded(game)]
    shown = json.loads(market.cli("games", "show", game["game"], "--json"))
    assert shown["sellers"]
    assert shown["bids"]
    market.cli("prosumers", "add", "P100", "--balance", "5")
    before = json.loads(market.cli("prosumers", "show", "P100", "--json"))
    market.cli("prosumers", "replace-key", "P100")
    after = json.loads(market.cli("prosumers", "show", "P100", "--json"))
    assert (before["publicKey"] != after["publicKey"], after["accountBalance"]) == (True, 5)
    assert json.loads(market.cli("ledger", "blocks", "--json"))["blocks"]
    assert json.loads(market.cli("ledger", "market", "--json"))["operators"] == ["operator"]
    assert all(node["state"] == "healthy" for node in json.loads(market.compose(*NETWORK_STATUS))["nodes"])
    assert "conserved to the last unit" in market.cli("demo")


def test_what_only_compose_can_do_is_said_with_the_command_to_type(market: Any) -> None:
    done = market.try_to("docker", "compose", "run", "--rm", "-T", "cli", "network", "restart", "orderer1")
    assert done.returncode == 1
    assert "docker compose restart orderer1" in done.stderr


def test_the_operator_s_key_is_replaced_and_the_clock_goes_on(market: Any) -> None:
    market.cli("prosumers", "replace-key", "operator")
    published = market.cli("games", "publish").split()[-1]
    wait_until(lambda: market.get(f"/games/{published}")["phase"] == "closed", "the clock drove the game to its end")


def test_reset_clears_the_market_and_keeps_the_chain(market: Any) -> None:
    before = height(market)
    market.cli("reset", "--yes")
    assert height(market) > before


def test_the_ledger_is_kept_while_the_market_is_down(market: Any) -> None:
    first = market.get("/blocks/1")["hash"]
    before = height(market)
    market.compose("down")
    market.up()
    assert market.get("/blocks/1")["hash"] == first
    assert height(market) >= before


@pytest.mark.parametrize(
    "service",
    [
        *("orderer1", "utility-peer1", "cooperative-chaincode"),
        *("tx_queue", "optimization_api", "market_clock", "prosumers"),
    ],
)
def test_what_crashes_is_started_again_and_the_market_goes_on(market: Any, service: str) -> None:
    before = height(market)
    market.crash(service)
    market.wait_until_restarted(service)
    top_up(market)
    assert height(market) > before


def test_a_container_that_was_killed_by_hand_comes_back_with_up(market: Any) -> None:
    market.compose("kill", "utility-peer1")
    market.up("--no-deps", "utility-peer1")
    top_up(market)


def test_a_peer_comes_back_from_its_backup_and_gets_what_it_lacks(market: Any, tmp_path: Path) -> None:
    back_up, restore = documented("Backup and restore", "utility-peer1")
    market.type(back_up, tmp_path)
    top_up(market)
    market.type(restore, tmp_path)
    market.wait_until_peers_agree()
    top_up(market)


def test_the_queue_and_the_keys_come_back_from_their_backup(market: Any, tmp_path: Path) -> None:
    back_up, restore = documented("Backup and restore", "tx_queue")
    market.type(back_up, tmp_path)
    before = height(market)
    market.type(restore, tmp_path)
    market.up("--no-deps", "tx_queue")
    top_up(market)
    assert height(market) > before


def test_without_one_of_three_orderers_transactions_are_committed(market: Any) -> None:
    market.compose("kill", "orderer3")
    before = height(market)
    top_up(market)
    assert height(market) > before
    market.up("--no-deps", "orderer3")


def test_the_contract_is_upgraded_on_a_running_market(market: Any) -> None:
    accounts = {view["prosumer"] for view in market.get("/prosumers")["prosumers"]}
    market.up(ENERGY_MARKET_CONTRACT_VERSION="1.1")
    assert {view["prosumer"] for view in market.get("/prosumers")["prosumers"]} == accounts
    top_up(market)
    market.up(ENERGY_MARKET_CONTRACT_VERSION="1.2")
    top_up(market)


def test_a_wipe_begins_a_new_chain_with_the_same_operator(market: Any) -> None:
    first = market.get("/blocks/1")["hash"]
    refused = market.try_to("docker", "compose", "run", "--rm", "-T", "cli", "reset", "--wipe", "--yes")
    assert (refused.returncode, "in use" in refused.stderr) == (1, True)
    market.compose("stop")
    market.cli("reset", "--wipe", "--yes")
    market.up()
    assert market.get("/blocks/1")["hash"] != first
    top_up(market)
