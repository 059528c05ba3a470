"""What the market answers about games and commands, each answer as one type: the contract makes it, HTTP describes it.

Clients read the same types. Amounts are exact Decimals, in JSON numbers with exactly the ledger's digits. Every field
is there in every answer; what does not apply is null.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from energy_market_chaincode.times import Time
from energy_market_chaincode.units import Currency, CurrencyPerKwh, ExactCurrency, ExactShare, Fraction, Kwh
from energy_market_chaincode.vocabulary import Fallback, Metering, Phase, Status, StopReason


class View(BaseModel):
    """Something that is shown; in JSON its fields are in camel case."""

    # A client is not broken by a field that a newer market adds; and what a process never shows it never builds.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
        json_schema_serialization_defaults_required=True,
    )

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for :func:`~energy_market_chaincode.canonical.exact_json`."""
        return self.model_dump(by_alias=True)


# -- games


class GameParameters(View):
    """The parameters of a game, see :class:`~energy_market_chaincode.commands.PublishGame`.

    Attributes
    ----------
    slot_duration_ms, clearing_duration_ms
        Null where the slot has no time.
    delivery_duration_ms
        Of a slot with a time the slot's.
    metering
        Who says what was taken and fed in; what prosumers say of themselves (``self``) nobody can check.
    """

    slot_duration_ms: int | None
    registration_duration_ms: int
    clearing_duration_ms: int | None
    expected_participants: int | None
    turn_deadline_ms: int
    round_limit: int
    tolerance: Fraction
    delivery_duration_ms: int
    metering_window_ms: int
    correction_window_ms: int
    metering: Metering
    retail_tariff: CurrencyPerKwh
    feed_in_tariff: CurrencyPerKwh
    fee_per_hop: CurrencyPerKwh
    imbalance_penalty: CurrencyPerKwh
    price_floor: CurrencyPerKwh | None
    price_cap: CurrencyPerKwh | None


class PhaseTimes(View):
    """When the phases of a game begin and end.

    All is known when the game of a slot with a time is published; else what follows the clearing is null until the game
    stops.

    Attributes
    ----------
    registration_ends_at
        Gate closure. Also tells this game from one that had the same id before the market was reset.
    clearing_ends_at
        At the latest.
    metering_ends_at
        From then on silence counts; the market closes then, or earlier when all have reported.
    final_at
        Until then the settlement may be corrected.
    """

    registration_ends_at: Time
    clearing_ends_at: Time | None
    delivery_starts_at: Time | None
    delivery_ends_at: Time | None
    metering_ends_at: Time | None
    final_at: Time | None


class Terms(GameParameters, PhaseTimes):
    """On which terms a game is played."""

    game: str
    delivery_slot: str
    mechanism: str


class GameSummary(PhaseTimes):
    """A game in the list; during registration the numbers of sellers and buyers count what is in.

    Attributes
    ----------
    phase
        As the last command left it. That a delivery is over, so that only readings are waited for (``metering``), and
        that a settlement cannot be corrected any more (``final``), follows from the times: see :meth:`phase_at`.
    left
        How many steps of its stop, its settlement or a correction are left at most, while that is done in parts.
    """

    game: str
    phase: Phase
    delivery_slot: str
    mechanism: str
    nr_sellers: int
    nr_buyers: int
    round: int
    buyer_in_turn: str | None
    published_at: Time
    left: int | None

    def phase_at(self, now: datetime) -> Phase:
        """Return the phase at a moment; time alone leads to metering and to final."""
        if self.phase is Phase.DELIVERY and self.delivery_ends_at is not None and now >= self.delivery_ends_at:
            return Phase.METERING
        if self.phase is Phase.CLOSED and self.final_at is not None and now >= self.final_at:
            return Phase.FINAL
        return self.phase

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen in it any more."""
        return self.phase in (Phase.CLOSED, Phase.FINAL, Phase.CANCELLED) and self.left is None


class Games(View):
    """All games, oldest first."""

    games: list[GameSummary]


class OfferView(View):
    """What a seller offers."""

    seller: str
    capacity: Kwh
    price: CurrencyPerKwh


class SellerInGame(OfferView):
    """What a seller offers, what it has sold so far, and what is frozen of its money for the game: its bond."""

    load: Kwh
    frozen: Currency


class BuyerInGame(View):
    """What a buyer asks for, on what its place in the turn order depends, and what is frozen of its money."""

    buyer: str
    demand: Kwh
    contribution_metric: Fraction | None
    frozen: Currency


class StopTotals(View):
    """Why a game stopped, what all buyers pay (the grid's energy included), and the largest regret.

    Attributes
    ----------
    max_regret_share
        As a share of what that buyer pays.
    handed_back
        What had been bid for, cost more than from the grid, and is left to it therefore.
    """

    reason: StopReason
    max_regret: Currency
    max_regret_share: Fraction
    max_regret_buyer: str | None
    total_cost: Currency
    handed_back: Kwh


class StopView(StopTotals):
    """How a game stopped, with every buyer's regret: what it could still save by changing its bid alone."""

    rounds: int
    regrets: dict[str, Currency]


class SettlementTotals(View):
    """What closing a game settled: energy in kWh, money by purpose.

    Attributes
    ----------
    guaranteed
        What the grid operator paid in place of accounts that could not.
    presumed
        Whose meters never reported, so that the costliest counts of them (its own demand, of who meters itself).
    corrections
        How often it was settled anew.
    """

    closed_at: Time
    energy_delivered: Kwh
    energy_from_grid: Kwh
    energy_to_grid: Kwh
    paid_to_sellers: Currency
    transmission_fees: Currency
    paid_to_grid: Currency
    paid_by_grid: Currency
    compensations: Currency
    penalties: Currency
    guaranteed: Currency
    presumed: list[str]
    corrections: int


class PostedClearing(View):
    """A clearing by who posted it and its hash."""

    poster: str
    certificate: str


class CertificateTotals(PostedClearing):
    """A clearing that was accepted, and how good it proved to be.

    Attributes
    ----------
    poster
        Who posted it.
    certificate
        Its hash.
    gap
        By how much the potential may be above its minimum, and no buyer could save more: currency, exact.
    gap_share
        The gap as a share of the potential.
    allowance
        How much of the gap the grid of 0.1 Wh may take, currency.
    """

    gap: ExactCurrency
    gap_share: ExactShare
    allowance: ExactCurrency


class CertificateView(CertificateTotals):
    """A certificate whole: everybody's purchases follow from it.

    Attributes
    ----------
    prices
        {seller: what its energy is worth, without the fee for the hops}
    corrections
        {buyer: {seller: kWh}}: what it takes instead of what follows from the prices.
    """

    prices: dict[str, CurrencyPerKwh]
    corrections: dict[str, dict[str, Kwh]]


class ProposalView(PostedClearing):
    """A clearing that is being proved part by part.

    Attributes
    ----------
    bond
        What it costs its poster should it turn out wrong.
    left
        How many steps of its proof are left.
    """

    posted_at: Time
    bond: Currency
    left: int


class ClearingView(View):
    """Of a certified game: what is to be cleared, and what came of it.

    Attributes
    ----------
    arena
        The hash that a clearing has to state.
    ends_at
        Until then clearings are taken.
    proofs_end_at
        Until then one that was posted in time may go on proving itself.
    proposals
        Those that are being proved.
    fallback
        What the game came to instead if none was accepted in time.
    """

    arena: str
    ends_at: Time
    proofs_end_at: Time
    proposals: list[ProposalView]
    fallback: Fallback | None
    certificate: CertificateView | None


class GameView(GameSummary):
    """A game with all that stands on the ledger but its bids and transfers.

    Attributes
    ----------
    sellers
        In order of arrival.
    buyers
        In turn order.
    hops
        {buyer: {seller: n}}, empty until the registration is over, in brief, and where they follow from a layout.
    layout
        The digest of the graph that the hops of a large game follow from; the graph is its topology.
    deadline
        Of the buyer in turn.
    readings_awaited
        From how many participants no reading came yet, or in a cleared game whose slot has no time not all of it; null
        unless the delivery is under way.
    """

    parameters: GameParameters
    sellers: list[SellerInGame]
    buyers: list[BuyerInGame]
    hops: dict[str, dict[str, int]]
    layout: str | None = None
    deadline: Time | None
    readings_awaited: int | None
    clearing: ClearingView | None = None
    stop: StopView | None
    settlement: SettlementTotals | None

    @property
    def terms(self) -> Terms:
        """On which terms it is played."""
        return Terms(
            game=self.game,
            delivery_slot=self.delivery_slot,
            mechanism=self.mechanism,
            **{name: getattr(self, name) for name in PhaseTimes.model_fields},
            **dict(self.parameters),
        )

    def demand_of(self, prosumer: str) -> Decimal | None:
        """Return what a buyer asks for, kWh; None if it is no buyer of this game."""
        return next((entry.demand for entry in self.buyers if entry.buyer == prosumer), None)

    def has_seller(self, prosumer: str) -> bool:
        """Tell whether somebody offers in this game."""
        return any(entry.seller == prosumer for entry in self.sellers)


class BidView(View):
    """A buyer's standing bid, what it and the rest from the grid cost at present, and after the stop its regret.

    Attributes
    ----------
    amounts
        Of every seller, in brief of those it buys from. After the stop what is bought: what cost more than from the
        grid is handed back.
    """

    buyer: str
    demand: Kwh
    amounts: dict[str, Kwh] | None
    round: int | None
    cost: Currency
    regret: Currency | None


class Bids(View):
    """The bids of a game, in turn order."""

    bids: list[BidView]


class ContractedTransfer(View):
    """Energy that a seller owes a buyer, and the money for it."""

    seller: str
    buyer: str
    energy: Kwh
    energy_cost: Currency
    transmission_fee: Currency


class TransferView(ContractedTransfer):
    """A transfer, and what was delivered of it so far."""

    delivered: Kwh
    is_fulfilled: bool


class Transfers(View):
    """The transfers of a game."""

    transfers: list[TransferView]


# -- commands and what becomes of them


class FieldProblem(View):
    """What is wrong with one field: its path with dots (``payload.data.amount``) and a sentence."""

    field: str
    message: str


class CommittedCommand(View):
    """What the contract answers to a command that took effect.

    Attributes
    ----------
    result
        What its topic's rule returned, see below.
    duplicate
        Whether the command had been delivered before.
    """

    id: str
    prosumer: str
    status: Literal[Status.COMMITTED] = Status.COMMITTED
    result: dict[str, Any]
    duplicate: bool = False


class RejectedCommand(View):
    """What the contract answers to a command that did not take effect.

    Attributes
    ----------
    id, prosumer
        Null where the command is too malformed to say.
    errors
        Field by field, if it is not well formed.
    """

    id: str | None
    prosumer: str | None
    status: Literal[Status.REJECTED] = Status.REJECTED
    code: str
    message: str
    errors: list[FieldProblem] = Field(default_factory=list)
    duplicate: bool = False


CommandResult = CommittedCommand | RejectedCommand


class Receipt(View):
    """The queue has stored a command durably; how it goes on stands at ``href``."""

    id: str
    status: Literal[Status.QUEUED] = Status.QUEUED
    href: str


class CommandError(View):
    """Why a command was rejected."""

    code: str
    message: str


class CommandStatus(View):
    """How far a command came; topic, transaction and block are null where only the ledger remembers it."""

    id: str
    topic: str | None
    prosumer: str
    status: Status
    transaction: str | None
    block: int | None
    result: dict[str, Any] | None
    error: CommandError | None


class QueueState(View):
    """How much waits and what stands in the way; the ledger's height is null where it cannot be asked."""

    depth: int
    capacity: int
    oldest_age_ms: int
    ledger_height: int | None
    trouble: str | None


class ProblemDocument(View):
    """Why a request was refused (RFC 9457); also in place of the receipt of a command that was not taken.

    Attributes
    ----------
    errors
        Field by field; left out where no field is to blame.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = Field(default_factory=list)


# -- what the rules of games return


class GameResult(View):
    """Of commands about a game: which one."""

    game: str


class GameSettled(GameResult):
    """Of closeMarket: how many steps of the settlement are left; the game is closed when none is."""

    left: int


class PlacedOrder(View):
    """What the prosumer is in a game by its order; null: nothing."""

    game: str
    role: Literal["seller", "buyer"] | None


class OrdersPlaced(View):
    """Of publishOrders: what the prosumer is now in each of the games."""

    prosumer: str
    orders: list[PlacedOrder]


class BidResult(GameResult):
    """Of publishBuyBid: whether it was a pass, or counts as one since it saves nothing worth the name."""

    passed: bool


class RegistrationStopped(GameResult):
    """Of stopGameRegistration: the game is played, or delivered at once where there is nothing to play."""

    phase: Phase


class ClearingAccepted(CertificateTotals):
    """Of publishClearing: what was proved."""

    game: str


class ClearingProof(PostedClearing, GameResult):
    """Of proveClearing, and of publishClearing in a large game: how far the proof is.

    Attributes
    ----------
    left
        How many steps are left; none: the clearing is accepted, or refused.
    code, message
        Why it is refused; else null.
    """

    left: int
    code: str | None
    message: str | None


class FellBack(GameResult):
    """Of fallBack: to what."""

    fallback: Fallback


class GameStopped(GameResult):
    """Of stopGame: how many steps of the stop are left at most; the delivery begins when none is."""

    left: int
