"""The simulated time of a market, which its operator signs when its ledger begins."""

from typing import Any, ClassVar

import typer
from pydantic import ValidationError

from energy_market_chaincode import COMMANDS, Topic, views
from prosumer_client import MarketClient

USUAL_FACTOR = 600
"""A quarter of an hour passes in a second and a half."""


class SimulatedOtherwise(Exception):
    """The market's time is simulated in another way than is wanted."""

    code: ClassVar[str] = "TIME_SIMULATED"

    def __init__(self, known: views.SimulatedTimeView) -> None:
        super().__init__(
            f"this market's time is simulated from {known.start:%Y-%m-%dT%H:%M:%SZ} on, {known.factor} times as fast, "
            "for good; leave out --simulated-from and --factor to go on with it, or begin another market: in another "
            "folder (--home), or here after energy-market reset --wipe"
        )


def mapping_of_options(simulated_from: str | None, factor: int | None) -> dict[str, Any] | None:
    """Return the data of simulateTime, None if nothing is to be simulated; raises typer.BadParameter."""
    if simulated_from is None:
        if factor is not None:
            raise typer.BadParameter("--factor says how fast a time passes that --simulated-from begins")
        return None
    try:
        data = {"start": simulated_from, "factor": USUAL_FACTOR if factor is None else factor}
        return COMMANDS[Topic.SIMULATE_TIME].model_validate(data).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        names = {"start": "--simulated-from", "factor": "--factor"}
        problems = (f"{names[str(one['loc'][0])]} {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
        raise typer.BadParameter("; ".join(problems)) from None


async def begin_simulated_time(market: MarketClient, wanted: dict[str, Any]) -> views.SimulatedTimeView:
    """Have the market's time simulated as is wanted, once, and return the mapping.

    Raises
    ------
    SimulatedOtherwise
        It is simulated in another way.
    prosumer_client.CommandRejected
        ``SIMULATION_TOO_LATE``: the market has games or meters by real time.
    prosumer_client.MarketError
    """
    known = (await market.market()).simulated_time
    if known is None:
        return views.SimulatedTimeView.model_validate(await market.submit(Topic.SIMULATE_TIME, wanted))
    shown = known.as_json()
    if any(shown[name] != value for name, value in wanted.items()):
        raise SimulatedOtherwise(known)
    return known
