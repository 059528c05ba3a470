"""What stands on the ledger of a proof, a stop and a settlement that are done in parts, while they go on."""

from pydantic import Field

from energy_market_chaincode.records import Delivery, Record, Settlement, Value
from energy_market_chaincode.units import Energy, Money, Price
from energy_market_chaincode.vocabulary import ProofStage, SettlementStage, StopReason, StopStage


class Walk(Value):
    """How far buyers have filled up, one after the other; see :class:`~energy_market_chaincode.certificate.FillingUp`.

    Attributes
    ----------
    room, carry
        What each seller has left, and what it lost by rounding.
    rests
        What is still to be sold of what all buyers together leave of scarce sellers.
    """

    room: list[int]
    carry: list[int]
    rests: dict[int, int] = Field(default_factory=dict)


class Totals(Value):
    """What purchases come to so far; see :class:`~energy_market_chaincode.certificate.Sums`."""

    loads: list[int]
    squares: list[int]
    linear: int = 0


class ProofState(Value):
    """How far the proof of a clearing is.

    Attributes
    ----------
    done
        How many buyers of the stage.
    rests
        What all buyers together leave of scarce sellers.
    sums, plain
        With and, where there are any, without corrections.
    upper, lower
        Once all is summed up U; D so far.
    """

    stage: ProofStage
    done: int
    walk: Walk
    rests: dict[int, int] = Field(default_factory=dict)
    sums: Totals
    plain: Totals | None = None
    upper: int = 0
    lower: int = 0

    def left(self, buyers: int) -> int:
        """Return how many steps are left."""
        stages = {ProofStage.FILL: 3, ProofStage.SUM: 2, ProofStage.REGRET: 1}[self.stage]
        return stages * buyers - self.done


class Proposal(Record, prefix="proposal", reset=True):
    """A clearing that is being proved: ``proposal/{game}/{poster}``.

    Attributes
    ----------
    prices, corrections
        As in a :class:`~energy_market_chaincode.records.Certificate`.
    bond
        What is frozen of its poster's money, apart from the game's escrows.
    """

    digest: str
    posted_at_ms: int
    prices: list[Price]
    corrections: dict[int, dict[int, Energy]]
    bond: Money
    proof: ProofState


class Proposals(Record, prefix="proposals", reset=True):
    """Whose clearings of a game are being proved, in the order in which they came."""

    posters: list[str] = Field(default_factory=list)


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
    walk
        Of a clearing that was proved in parts: how far the buyers whose purchases count have filled up.
    """

    stage: StopStage
    reason: StopReason | None
    done: int = 0
    regrets: list[Money] = Field(default_factory=list)
    is_regretful: bool = False
    handed_back: Energy = Energy(0)
    costs: list[Money] = Field(default_factory=list)
    claimed: list[Energy] = Field(default_factory=list)
    walk: Walk | None = None

    def left(self, buyers: int, sellers: int) -> int:
        """Return how many steps are left at most; only weighing tells whether anything is handed back."""
        if self.stage is StopStage.CONTRACT:
            return buyers + sellers - self.done
        stages = {StopStage.WEIGH: 2 if self.reason else 4, StopStage.HAND_BACK: 3}[self.stage]
        return stages * buyers + sellers - self.done


class Settling(Record, prefix="settling", reset=True):
    """How far the settlement of a slot is, or its correction.

    Attributes
    ----------
    done
        How many participants of the stage.
    left
        How many steps are left in all stages.
    so_far
        The sums of those that are settled; a correction has its number there.
    corrected
        The readings that a correction lets count.
    walk
        Of a clearing that was proved in parts: how far the buyers of the stage have filled up.
    fed_in
        What sellers fed in and the stage's buyers so far leave of it; nothing before the first one.
    rest
        What all buyers leave of it, less what was declined so far.
    sold
        What buyers' contracts came to for the sellers: lists by the names of a line's fields.
    paid_early
        What sellers were paid of that during the delivery.
    """

    stage: SettlementStage = SettlementStage.MATCH
    done: int = 0
    left: int
    so_far: Settlement
    corrected: dict[str, Delivery]
    walk: Walk | None
    fed_in: list[Energy] = Field(default_factory=list)
    rest: list[Energy] = Field(default_factory=list)
    sold: dict[str, list[int]] = Field(default_factory=dict)
    paid_early: list[Money] = Field(default_factory=list)


class KeptReading(Delivery, prefix="kept", reset=True):
    """What a meter counted for a slot and said while it was settling."""


class KeptReadings(Record, prefix="kept-number", reset=True):
    """How many readings wait for the end of a slot's settlement."""

    number: int = 0
