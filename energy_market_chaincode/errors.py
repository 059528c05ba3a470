"""The catalogue of rejections: why a command had no effect, as a stable code and a sentence.

A rejection's docstring is its message; the code is the class name in capitals. Codes are part of the protocol: they
are never renamed, and a new reason gets a new class.
"""

import inspect
import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from energy_market_chaincode.events import Event


class Rejection(Exception):
    """The command was rejected."""

    code: ClassVar[str] = "REJECTION"
    announcement: "Event | None" = None
    """An event that tells the world why, although the command changed nothing."""

    def __init_subclass__(cls) -> None:
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper()

    def __init__(self, **details: Any) -> None:
        self.details = details
        sentence = inspect.getdoc(type(self)) or ""
        super().__init__(" ".join(sentence.split()).format(**details))

    def at(self, field: str) -> Self:
        """Say where in the command the reason lies, and return it."""
        self.args = (f"{field}: {self}",)
        return self

    @property
    def message(self) -> str:
        """The sentence a person reads."""
        return str(self)


# -- the command itself: nothing of it is remembered, for nobody is known to have said it


class MalformedCommand(Rejection):
    """The command is not well formed: {problems}."""


class LedgerDiffers(Rejection):
    """The command is for the ledger {named}; this is the ledger {ledger}."""


class CommandExpired(Rejection):
    """The command was valid until {until}, and the ledger's time is {now}; sign a new one."""


class ValidTooLong(Rejection):
    """The command is valid until {until}, more than 48 h ahead of the ledger's time {now}; sign a new one."""


class UnknownSigner(Rejection):
    """There is no prosumer or operator {prosumer} on this ledger; an operator registers it with registerProsumer."""


class BadSignature(Rejection):
    """The signature does not fit the command and the public key that {prosumer} is registered with."""


class CommandIdReused(Rejection):
    """{prosumer} already used the id {id} for another command; a new command needs a new id."""


# -- who may do what


class OperatorsOnly(Rejection):
    """{topic} is for operators; {prosumer} is not one."""


class MetersOnly(Rejection):
    """Readings are signed by meters here, and {prosumer} is not one."""


class ProsumersOnly(Rejection):
    """{topic} is for prosumers; {prosumer} is a meter, which signs readings and nothing else."""


# -- prosumers, accounts, topology


class ProsumerExists(Rejection):
    """{id} is registered already; to give it a new public key, set replaceKey."""


class UnknownProsumer(Rejection):
    """There is no prosumer {id} on this ledger."""


class ReservedName(Rejection):
    """{id} is the market's own account and cannot be registered."""


class InsufficientFunds(Rejection):
    """{prosumer} has {available} free and needs {required}; top up the account by {shortfall}."""


class DebtUnpaid(Rejection):
    """{prosumer} owes the grid operator {debt}, which paid in its place; a top-up of the account pays that first."""


class AccountTooLarge(Rejection):
    """The account of {id} would exceed what the ledger can hold."""


class TopologyMissing(Rejection):
    """There is no topology on this ledger; an operator sets it with setTopology."""


class InvalidTopology(Rejection):
    """The topology cannot be used: {problems}."""


class NotInTopology(Rejection):
    """{prosumer} does not stand in the topology as a {role}, so its hop distances are unknown."""


class TopologyInUse(Rejection):
    """The topology lacks {prosumers}, who ordered in game {game}; keep them in it until its gate closes at {closes}."""


class TimeNotPresent(Rejection):
    """The ledger's time is to be set to {new}, but it is {now}; sign anew, where the time is right."""


class TimeSimulated(Rejection):
    """The market's time is simulated since {began}, from {start} on and {factor} times as fast, and stays so."""


class SimulationTooLate(Rejection):
    """The market has {what} in real time already; simulate time in a new market, before its first game and meter."""


# -- games and their phases


class GameExists(Rejection):
    """The id {game} is taken by another game."""


class SlotTaken(Rejection):
    """The delivery slot {slot} already has the game {game}."""


class SlotOverlaps(Rejection):
    """From {starts} to {ends} there are games already; say another time, or a shorter slot."""


class DurationUnfit(Rejection):
    """{field} is for games whose delivery slot is {slots}; say {instead}."""


class TariffsCrossed(Rejection):
    """The retail tariff {retail} is below the feed-in tariff {feed_in}, so energy would be bought to be fed in."""


class SlotNotFinal(Rejection):
    """The game {game} is not settled for good; it can be archived from {final} on."""


class GameArchived(Rejection):
    """The game {game} is archived: its lines are there, all else stands in the blocks, and in the hash {digest}."""


class SlotNotArchived(Rejection):
    """The game {game} is not archived, and until it is its lines stay; give archiveSlots first."""


class ArchiveOfFuture(Rejection):
    """Lines are archived of what has been: {before} is after the ledger's time {now}."""


class LinesArchived(Rejection):
    """Of {prosumer} {lines} lines of slots before {before} are archived; they came to {net}, and stand in the blocks.

    Their hash is {digest}. Ask for what began from {before} on.
    """


class UnknownGame(Rejection):
    """There is no game {game} on this ledger."""


class PartDone(Rejection):
    """That part is done in the game {game}; {left} steps are left."""


class MarketEmptying(Rejection):
    """The market is being reset and its old games are not all removed; an operator gives resetMarket until it is."""


class SlotSettling(Rejection):
    """The slot of {game} is just being settled, and many readings wait for its end; say it again in some seconds."""


class WrongPhase(Rejection):
    """{topic} needs the game {game} in its {needed} phase; it is in {phase}."""


class RegistrationOver(Rejection):
    """The registration of game {game} ended at {ended}."""


class RegistrationOpen(Rejection):
    """The registration of game {game} is open until {ends}; {present} of {expected} expected participants are in."""


class AlreadyRegistered(Rejection):
    """{prosumer} already takes part in game {game}; publishOrders changes an order."""


class OrderRepeated(Rejection):
    """The game {game} has two orders in one command; say what is wanted once."""


class PriceOutOfBounds(Rejection):
    """An offer in game {game} asks at least {floor} and at most {cap} per kWh; this one asks {price}."""


class NotRegistered(Rejection):
    """{prosumer} does not take part in game {game} as a {role}."""


# -- playing


class NotYourTurn(Rejection):
    """It is the turn of {turn} in round {round} of game {game}, not of {prosumer}."""


class OtherMechanism(Rejection):
    """{topic} is no move in the game {game}, whose mechanism is {mechanism}."""


class GameStopping(Rejection):
    """The game {game} is being stopped, so nobody can play any more; {left} steps are left at most."""


class StillPlayed(Rejection):
    """The game {game} is still being played; there is no stop of it to go on with."""


class UnknownSeller(Rejection):
    """{sellers} do not offer in game {game}."""


class DemandExceeded(Rejection):
    """The bid adds up to {total} kWh; {prosumer} asked for {demand} kWh, and may not bid for more."""


class CapacityExceeded(Rejection):
    """The bid takes {amount} kWh from {seller}, which has {room} kWh left."""


class DeadlineNotPassed(Rejection):
    """{buyer} has until {deadline} to play; it cannot be skipped before."""


class TurnOver(Rejection):
    """The turn of {buyer} in round {round} of game {game} is not the present one; nothing was bid or skipped."""


class DeliveryBegun(Rejection):
    """The delivery of game {game} began at {began}: the turns are over, and the bids that stood then count."""


# -- a clearing that has to prove itself


class ClearingLate(Rejection):
    """Clearings of game {game} were taken until {deadline}."""


class ClearingAwaited(Rejection):
    """Clearings of game {game} are taken until {deadline}; it cannot fall back before."""


class ArenaDiffers(Rejection):
    """The clearing is for the arena {named}; that of game {game} is {arena}."""


class ClearingIncomplete(Rejection):
    """A clearing of game {game} states a price for each seller and no other; it lacks {missing} and has {unknown}."""


class PriceBelowBase(Rejection):
    """The clearing's price for {seller} is {price} per kWh, below its base price of {base}."""


class CorrectionsUnfit(Rejection):
    """The clearing's corrections do not fit: {problems}."""


class CorrectionsHarmful(Rejection):
    """The corrections enlarge the duality gap from {without} to {gap}; they may only make it smaller."""


class GapTooLarge(Rejection):
    """The duality gap is {gap}; at a potential of {potential} it may be {limit}, of which the grid of 0.1 Wh {grid}."""


class RegretTooLarge(Rejection):
    """{buyer} could still save more than {limit} by changing its purchases alone; the duality gap is {gap}."""


class ProposalOpen(Rejection):
    """A clearing of game {game} that {poster} posted is still being proved; {left} steps are left."""


class ProposalsFull(Rejection):
    """{open} clearings of game {game} are being proved; post this one when one of them is decided."""


class NoProposal(Rejection):
    """No clearing of game {game} that {poster} posted is being proved."""


class ProofAwaited(Rejection):
    """A clearing of game {game} came in time and may prove itself until {deadline}; it cannot fall back before."""


# -- delivery and settlement


class DeliveryNotBegun(Rejection):
    """The delivery of game {game} begins at {begins}; what a meter counted before is not of its slot."""


class ReadingRepeated(Rejection):
    """Reading {sequence} of the meter of {prosumer} was accepted before."""


class UnknownMeter(Rejection):
    """There is no meter {meter} at the connection of {prosumer}."""


class MeterExists(Rejection):
    """{prosumer} has the meter {meter}; whatever takes its place names it in `replaces`."""


class MeterReplaced(Rejection):
    """{meter} was replaced by {by}, whose readings count."""


class NoMeter(Rejection):
    """{prosumer} has no meter, without which nobody trades in game {game}; an operator enters it (registerMeter)."""


class OrderBeyondConnection(Rejection):
    """The connection of {prosumer} carries at most {limit} kWh in the slot of game {game}, not {amount} kWh."""


class SelfMetered(Rejection):
    """In game {game} prosumers meter themselves (publishMeterReading); no meter's readings count there."""


class SlotNotOver(Rejection):
    """The slot of game {game} ends at {ends}; there is no reading of it before."""


class ReadingOfFuture(Rejection):
    """{field} is {at}, and on the ledger it is {now}; look after the meter's clock."""


class SlotFinal(Rejection):
    """The settlement of game {game} has been final since {final} and is corrected no more."""


class ImplausibleReading(Rejection):
    """{problems}: no connection carries more than its power for the time. Nothing of the command counts."""


class DeliveryNotOver(Rejection):
    """The market of game {game} may close at {ends}, and {pending} deliveries are pending."""


# -- the transaction, not a command in it: raised by the contract's functions


class UnknownFunction(Rejection):
    """The contract has no function {function}."""


class MalformedArguments(Rejection):
    """The arguments of {function} are not well formed: {problems}."""


class AlreadyInitialised(Rejection):
    """The ledger already has its first operator, {operator}."""


class FoundersOnly(Rejection):
    """The first operator is entered by an administrator of {founders}, not by {sender} of {organisation}."""


class NotInitialised(Rejection):
    """The ledger has no operator yet; call init with an operator's id and public key."""
