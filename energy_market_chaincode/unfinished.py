"""What stands on the ledger of a stop that is done in parts, while it goes on."""

from pydantic import Field

from energy_market_chaincode.records import Record
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.vocabulary import StopReason, StopStage


class Stopping(Record, prefix="stopping", reset=True):
    """How far the stop of a game is.

    Attributes
    ----------
    reason
        Why it stops; None until all buyers are weighed.
    done
        How many steps of the stage.
    regrets, is_regretful
        Of the buyers that were weighed, and whether any of them is more than nothing.
    costs, claimed
        Of the buyers whose purchases count, and how much of each seller these take.
    """

    stage: StopStage
    reason: StopReason | None
    done: int = 0
    regrets: list[Money] = Field(default_factory=list)
    is_regretful: bool = False
    handed_back: Energy = Energy(0)
    costs: list[Money] = Field(default_factory=list)
    claimed: list[Energy] = Field(default_factory=list)

    def left(self, buyers: int, sellers: int) -> int:
        """Return how many steps are left at most; only weighing tells whether anything is handed back."""
        if self.stage is StopStage.CONTRACT:
            return buyers + sellers - self.done
        stages = {StopStage.WEIGH: 2 if self.reason else 4, StopStage.HAND_BACK: 3}[self.stage]
        return stages * buyers + sellers - self.done
