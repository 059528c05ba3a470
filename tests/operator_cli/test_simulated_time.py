"""``energy-market up --simulated-from``: which mapping is meant, and what is said where the market has another one."""

from typing import Any

import pytest

from energy_market_chaincode.market_views import SimulatedTimeView
from operator_cli.up_command import SimulatedOtherwise, begin_simulated_time, mapping_of_options
from prosumer_client import CommandRejected
from tests.market_clock.conftest import LedgerMarket, bare_market

__all__ = ["bare_market"]

DAY = "2026-06-23T00:00:00.000Z"


def test_the_options_are_read_as_the_contract_reads_them() -> None:
    assert mapping_of_options(None, None) is None
    assert mapping_of_options("2026-06-23T02:00+02:00", None) == {"start": DAY, "factor": 600}
    assert mapping_of_options("2026-06-23T00:00Z", 720) == {"start": DAY, "factor": 720}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--simulated-from 2026-06-23T00:00", "local time without an offset"),
        ("--simulated-from noon", "--simulated-from is no instant"),
        ("--simulated-from 2026-06-23T00:00Z --factor 0", "--factor"),
        ("--simulated-from 2026-06-23T00:00Z --factor 3601", "--factor"),
        ("--factor 600", "--simulated-from"),
    ],
)
def test_options_that_are_none_are_refused_before_anything_starts(
    energy_market: Any, home: Any, words: str, said: str
) -> None:
    ended = energy_market("up", *words.split())
    assert ended.code == 2
    assert said in ended.said
    assert not home.exists()


async def test_a_market_s_time_is_simulated_once_and_the_same_words_go_on_with_it(bare_market: LedgerMarket) -> None:
    wanted = {"start": DAY, "factor": 600}
    begun = await begin_simulated_time(bare_market, wanted)
    assert begun == (await bare_market.market()).simulated_time
    assert await begin_simulated_time(bare_market, wanted) == begun


@pytest.mark.parametrize("other", [{"factor": 60}, {"start": "2026-06-24T00:00:00.000Z"}], ids=["factor", "start"])
async def test_another_mapping_is_refused_with_what_to_do(bare_market: LedgerMarket, other: dict[str, Any]) -> None:
    wanted = {"start": DAY, "factor": 600}
    await begin_simulated_time(bare_market, wanted)
    with pytest.raises(
        SimulatedOtherwise, match="leave out --simulated-from and --factor to go on with it, or begin ano"
    ):
        await begin_simulated_time(bare_market, wanted | other)


async def test_a_market_that_has_a_game_is_refused_with_what_to_do(bare_market: LedgerMarket) -> None:
    await bare_market.submit("setTopology", {"edges": [["S", "B"]]})
    await bare_market.submit("publishGame", {})
    with pytest.raises(CommandRejected, match="simulate time in a new market") as refused:
        await begin_simulated_time(bare_market, {"start": DAY, "factor": 600})
    assert refused.value.code == "SIMULATION_TOO_LATE"


def test_the_error_s_code_is_the_contract_s() -> None:
    view = SimulatedTimeView.model_validate({"start": DAY, "factor": 600, "began": DAY})
    assert SimulatedOtherwise(view).code == "TIME_SIMULATED"
