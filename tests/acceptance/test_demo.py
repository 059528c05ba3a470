"""`make demo`'s command, as a new user runs it."""

import os
import re
import signal
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.acceptance


def test_the_original_game_ends_in_its_best_response_equilibrium(start_demo: Any, pids_with: Any) -> None:
    demo = start_demo()
    output, _ = demo.process.communicate(timeout=120)
    assert demo.process.returncode == 0, output
    result = demo.result()
    assert result["stop_reason"] == "equilibrium"
    assert result["total_cost"] == pytest.approx(36.747, rel=1e-3)
    assert result["max_regret_share"] < 1e-3
    sellers, buyers = result["scenario"]["sellers"], result["scenario"]["buyers"]
    for buyer, amounts in result["bids"].items():
        assert sum(round(10_000 * kwh) for kwh in amounts.values()) == 10_000 * buyers[buyer]["demand"]
    for seller, load in result["loads"].items():
        assert load <= sellers[seller]["capacity"]
    assert result["loads"]["S003"] == 49
    assert result["loads"]["S002"] == 29
    assert result["money_conserved"] is True
    assert all(purse["frozen"] == 0 for purse in result["accounts"]["after"].values())
    assert all(transfer["isFulfilled"] for transfer in result["transfers"])
    assert pids_with(str(demo.home)) == [], "the demo left processes behind"


def test_the_log_tells_the_story_in_the_original_s_words(start_demo: Any) -> None:
    demo = start_demo()
    output, _ = demo.process.communicate(timeout=120)
    for words in (
        "Created seller",
        "Created buyer",
        "Received GameInitEvent",
        "Buyer playing",
        "Received GameStopEvent",
    ):
        assert words in output
    for title in ("Bids at the stop", "Sellers", "Settlement", "Accounts", "conserved to the last unit"):
        assert title in output


def test_a_hundred_prosumers_play_to_the_end(start_demo: Any) -> None:
    demo = start_demo("--prosumers", "100", "--seed", "7")
    output, _ = demo.process.communicate(timeout=170)
    assert demo.process.returncode == 0, output
    result = demo.result()
    assert result["stop_reason"] == "equilibrium"
    assert result["money_conserved"] is True
    assert len(result["accounts"]["after"]) == 100 + 3  # the operator, the grid's and the network's


def test_an_imbalance_is_settled_and_money_conserved(start_demo: Any) -> None:
    demo = start_demo("--scenario", "imbalance")
    output, _ = demo.process.communicate(timeout=120)
    assert demo.process.returncode == 0, output
    result = demo.result()
    assert result["settlement"]["compensations"] > 0
    assert result["money_conserved"] is True


def test_ctrl_c_stops_everything_that_was_started(start_demo: Any, pids_with: Any) -> None:
    demo = start_demo("--keep-running")
    for line in demo.process.stdout:
        if "the market stays open" in line:
            break
    url = demo.announced("tx_queue")["url"]
    assert httpx.get(f"{url}/health").status_code == 200
    demo.process.send_signal(signal.SIGINT)
    demo.process.communicate(timeout=60)
    assert demo.process.returncode == 130
    assert pids_with(str(demo.home)) == []


def test_a_scenario_with_mistakes_gets_all_of_them_listed_with_their_lines(run_command: Any, tmp_path: Any) -> None:
    (tmp_path / "wrong.yaml").write_text("name: wrong\nsellers:\n  S1: {capacity: -1, price: 0.1}\nbuyers: {}\n")
    done = run_command("demo", "--scenario", "wrong.yaml")
    assert done.returncode == 1
    assert "line 3" in done.stderr
    assert "line 4" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_needs_no_set_up_and_leaves_nothing_in_the_folder(run_command: Any, tmp_path: Any) -> None:
    done = run_command("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.listdir(tmp_path) == []


POOR_GAME = """
name: poor
starting_balance: 0
sellers: {S1: {capacity: 30, price: 0.1}}
buyers: {B1: {demand: 10, total_production: 1, total_consumption: 2}}
graph: [[S1, B1]]
"""
POOR_DAY = """
name: poor
starting_balance: 0
profiles: houses.csv
slots: {start: 2026-06-23T12:00:00Z, step: 15m, count: 4}
tariffs: {retail: 0.3, feed_in: 0.1}
graph: [[H1, H2]]
"""
HOUSES = "start,prosumer,load_kwh,pv_kwh\n" + "".join(
    f"2026-06-23T12:{minute}:00Z,H1,1,0\n2026-06-23T12:{minute}:00Z,H2,0,1\n" for minute in ("00", "15", "30", "45")
)


REASON = r"\n    INSUFFICIENT_FUNDS: {0} has 0 free and needs \S+; top up the account by \S+ \({0}\)"


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (POOR_GAME, f"(all sellers.*{REASON.format('S1')}|all buyers.*{REASON.format('B1')})"),
        (POOR_DAY, f"all households, so there is no game:{REASON.format('H1')}{REASON.format('H2')}"),
    ],
    ids=["a game", "a day of households"],
)
def test_what_nobody_is_taken_into_ends_at_once_with_the_reasons(
    run_command: Any, tmp_path: Any, scenario: str, words: str
) -> None:
    """By what the processes really log: a day that was played would end with other problems."""
    (tmp_path / "poor.yaml").write_text(scenario)
    (tmp_path / "houses.csv").write_text(HOUSES)
    done = run_command("demo", "--scenario", "poor.yaml")
    assert done.returncode == 1
    assert "warning: The starting_balance of poor may not cover" in done.stderr
    assert re.search(f"error NOBODY_TAKEN_IN: the market refused {words}", done.stderr), done.stderr
