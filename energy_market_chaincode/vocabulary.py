"""The market's words: what commands, records, events and views have in common."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

GRID_OPERATOR = "grid-operator"
"""The account that buys and sells at the tariffs. The market's counterpart and guarantor: alone may be in debt."""
NETWORK_OPERATOR = "network-operator"
"""The account that receives the transmission fees."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
LedgerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$")]
"""A transaction's id, and from a ledger's first new epoch on a dot and the epoch's number."""


def is_same_ledger(one: str | None, other: str | None) -> bool:
    """Tell whether two ids are one ledger's, whatever the epochs."""
    return one is not None and other is not None and one.partition(".")[0] == other.partition(".")[0]


class Topic(StrEnum):
    """What a command asks for; the names are the original system's."""

    REGISTER_PROSUMER = "registerProsumer"
    SET_TOPOLOGY = "setTopology"
    TOP_UP_ACCOUNT = "topUpAccount"
    SET_TARIFFS = "setTariffs"
    PUBLISH_GAME = "publishGame"
    PUBLISH_OFFER = "publishOffer"
    PUBLISH_DEMAND = "publishDemand"
    PUBLISH_ORDERS = "publishOrders"
    STOP_GAME_REGISTRATION = "stopGameRegistration"
    PUBLISH_BUY_BID = "publishBuyBid"
    SKIP_TURN = "skipTurn"
    PUBLISH_CLEARING = "publishClearing"
    PROVE_CLEARING = "proveClearing"
    STOP_GAME = "stopGame"
    FALL_BACK = "fallBack"
    PUBLISH_METER_READING = "publishMeterReading"
    REGISTER_METER = "registerMeter"
    PUBLISH_READINGS = "publishReadings"
    CLOSE_MARKET = "closeMarket"
    ARCHIVE_SLOTS = "archiveSlots"
    ARCHIVE_LINES = "archiveLines"
    RESET_MARKET = "resetMarket"
    SET_LEDGER_TIME = "setLedgerTime"
    SIMULATE_TIME = "simulateTime"


class Role(StrEnum):
    """What a registered identity may do: trade, operate the market, or read a connection's meter."""

    PROSUMER = "prosumer"
    OPERATOR = "operator"
    METER = "meter"


class Metering(StrEnum):
    """Who says what a participant took and fed in: itself, or its connection's meter."""

    SELF = "self"
    METERS = "meters"


class Phase(StrEnum):
    """Where a game stands: registration, playing, delivery, metering, closed, final.

    ``metering`` and ``final`` begin by time alone, without a command: whoever reads a game tells them by its times.
    ``cancelled`` is of older games, which nobody could play.
    """

    REGISTRATION = "registration"
    PLAYING = "playing"
    DELIVERY = "delivery"
    METERING = "metering"
    CLOSED = "closed"
    FINAL = "final"
    CANCELLED = "cancelled"


class StopReason(StrEnum):
    """Why a game stopped.

    ``equilibrium``: all passed and nobody could save more than the tolerance by changing its bid alone, or a
    certificate proved as much.
    ``all-passed``: all passed (or were skipped), though somebody could.
    ``deadline``: the delivery began; the bids that stood count.
    ``no-trade``: there were no sellers or no buyers.
    ``cancelled``: the same in older games, which then had no delivery.
    """

    EQUILIBRIUM = "equilibrium"
    ALL_PASSED = "all-passed"
    ROUND_LIMIT = "round-limit"
    DEADLINE = "deadline"
    NO_TRADE = "no-trade"
    CANCELLED = "cancelled"


class ProofStage(StrEnum):
    """What of a clearing's proof is being done, for one buyer after the other, where it is done in parts.

    ``fill``: how much of each seller is left once all have filled up.
    ``sum``: what the potential comes to, and its lower bound: the gap.
    ``regret``: whether anybody could save too much.
    """

    FILL = "fill"
    SUM = "sum"
    REGRET = "regret"


class StopStage(StrEnum):
    """What of a game's stop is being done, for one buyer after the other, where it is done in parts.

    ``weigh``: what everybody could still save.
    ``hand-back``: what costs more than from the grid is left to it.
    ``contract``: purchases count from now on, and what was frozen beyond them is released; the sellers' come last.
    """

    WEIGH = "weigh"
    HAND_BACK = "hand-back"
    CONTRACT = "contract"


class SettlementStage(StrEnum):
    """What of a slot's settlement is being done, for one participant after the other, where it is done in parts.

    ``match``: what sellers fed in is given to the buyers.
    ``buyers``: buyers settle, and what their contracts come to is added up for the sellers.
    ``others``: sellers settle, and who traded nothing.
    """

    MATCH = "match"
    BUYERS = "buyers"
    OTHERS = "others"


SEQUENTIAL_BEST_RESPONSE = "sequential-best-response"
"""The mechanism of the paper: buyers answer the others' bids best, one after the other."""
CERTIFIED = "certified"
"""The mechanism by which anybody may solve the game, and the contract accepts what it has proved."""


class Fallback(StrEnum):
    """What a game came to whose certified clearing did not come in time.

    ``turns``: it was played by sequential best response.
    ``grid``: its slot began, and everybody buys from the grid.
    """

    TURNS = "turns"
    GRID = "grid"


class EntryKind(StrEnum):
    """For what money moved in an account, if not for a slot.

    ``top-up``: an operator brought it in.
    ``cancelled-game``: a reset removed a game that was paid in part.
    ``forfeited-bond``: a clearing that it posted turned out wrong.
    """

    TOP_UP = "top-up"
    CANCELLED_GAME = "cancelled-game"
    FORFEITED_BOND = "forfeited-bond"


class Status(StrEnum):
    """How far a command came: the first two are the queue's words, the other two the contract's."""

    QUEUED = "queued"
    SUBMITTED = "submitted"
    COMMITTED = "committed"
    REJECTED = "rejected"


DECIDED = (Status.COMMITTED, Status.REJECTED)
"""The contract's words."""
