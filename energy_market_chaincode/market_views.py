"""What the market answers about itself: its prosumers and meters, the network, the grid's tariffs and its time."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from energy_market_chaincode.amounts import Currency, CurrencyPerKwh, Fraction, Kw, Kwh
from energy_market_chaincode.times import SimulatedTime, Time, milliseconds, moment
from energy_market_chaincode.views import View
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Metering, Role


class EpochView(View):
    """An epoch that an operator began by setting the ledger's time right.

    Attributes
    ----------
    number
        From 1; the ledger's first epoch, 0, nobody had to begin.
    ledger
        The id of the ledger in it.
    old_time, new_time
        What the ledger's time was, and what it was set to.
    """

    number: int
    ledger: str
    old_time: Time
    new_time: Time


class SimulatedTimeView(View):
    """The mapping by which the market's time follows from the real one: start + (now - began) * factor.

    Attributes
    ----------
    start, began
        The market's time and the real one at the beginning.
    factor
        How many times as fast as the real one it passes.
    """

    start: Time
    factor: int
    began: Time

    @property
    def mapping(self) -> SimulatedTime:
        """The same on whole milliseconds."""
        return SimulatedTime(milliseconds(self.start), self.factor, milliseconds(self.began))

    def market_time(self, real: datetime) -> datetime:
        """Return the market's time at a real one."""
        return moment(self.mapping.market_ms(milliseconds(real)))

    def real_time(self, market: datetime) -> datetime:
        """Return the first real time at which the market's time has come to a moment."""
        return moment(self.mapping.real_ms(milliseconds(market)))


class Institutions(View):
    """The accounts of the two operators, which are no prosumers: free money."""

    grid_operator: Annotated[Currency, Field(alias=GRID_OPERATOR)]
    network_operator: Annotated[Currency, Field(alias=NETWORK_OPERATOR)]


class MarketView(View):
    """The market as a whole.

    Attributes
    ----------
    ledger
        The id of the ledger, which commands name.
    epoch
        Null as long as nobody had to set the ledger's time right.
    simulated_time
        Null where the market's time is the real one.
    money
        All there is.
    topology
        Whether there is one.
    """

    ledger: str
    epoch: EpochView | None
    simulated_time: SimulatedTimeView | None = None
    operators: list[str]
    initialised_at: Time
    money: Currency
    frozen_funds: Currency
    accounts: Institutions
    topology: bool


class TariffsView(View):
    """What the grid takes and gives for a kWh, from a moment on."""

    from_: Annotated[Time, Field(alias="from")]
    retail: CurrencyPerKwh
    feed_in: CurrencyPerKwh


class TariffTableView(View):
    """The grid's tariffs, the earliest first; each holds until the next one.

    Attributes
    ----------
    default_retail, default_feed_in
        Before the first of them.
    """

    tariffs: list[TariffsView]
    default_retail: CurrencyPerKwh
    default_feed_in: CurrencyPerKwh


class ProsumerView(View):
    """A registered identity, its account and what its meter counted.

    Attributes
    ----------
    account_balance
        What is free.
    debt
        What the grid operator paid in its place, and is owed.
    contribution_metric
        Production / consumption to six decimals, null where the consumption is 0; the turn order uses the exact
        quotient.
    """

    prosumer: str
    role: Role
    public_key: str
    registered_at: Time
    account_balance: Currency
    frozen_funds: Currency
    debt: Currency
    total_production: Kwh
    total_consumption: Kwh
    contribution_metric: Fraction | None


class Prosumers(View):
    """All registered identities."""

    prosumers: list[ProsumerView]


class TopologyView(View):
    """The network on which hops are counted.

    Attributes
    ----------
    edges
        Of its graph, one hop each; null where there is no topology, or only a table of hop distances.
    """

    edges: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None


class MeterView(View):
    """A meter in service at a prosumer's connection."""

    meter: str
    prosumer: str
    public_key: str
    power_kw: Kw
    register_modulus_kwh: Kwh
    since: Time
    replaced: list[str]


class Meters(View):
    """The meters in service, by their prosumers."""

    meters: list[MeterView]


class SlotBalance(View):
    """A feeder's balance of a slot, to be held against the meter of the transformer: who tampers makes it differ.

    Attributes
    ----------
    metered_in, metered_out
        What the meters that reported counted.
    presumed_in
        What the silent ones are presumed to have taken, once it is settled.
    contracted
        What was traded.
    net_in
        What the feeder must have drawn from the network beyond, if all meters say the truth; below zero it fed in.
    reported, silent
        How many meters reported, and who did not.
    """

    game: str
    metering: Metering
    metered_in: Kwh
    metered_out: Kwh
    presumed_in: Kwh
    contracted: Kwh
    net_in: Kwh
    reported: int
    silent: list[str]


# -- what the rules of the administration and of metering return


class ProsumerEntered(View):
    """Of registerProsumer."""

    prosumer: str
    key_replaced: bool


class TariffsSet(View):
    """Of setTariffs: how many there are."""

    tariffs: int


class AccountToppedUp(View):
    """Of topUpAccount: what is free, and what is still owed to the grid operator."""

    prosumer: str
    account_balance: Currency
    debt: Currency


class MarketEmptied(View):
    """Of resetMarket: how many games were removed, and which of them had not ended.

    Attributes
    ----------
    left
        Of how many kinds of records there may be more: the command is given again until it is 0.
    """

    games: int
    cancelled_games: list[str]
    left: int


class GraphLaid(View):
    """Of setTopology with edges: how many nodes there are."""

    nodes: int


class TableLaid(View):
    """Of setTopology with hops: how many rows and columns there are."""

    buyers: int
    sellers: int


class MeterEntered(View):
    """Of registerMeter: at whose connection, and in which meter's place."""

    meter: str
    prosumer: str
    replaced: str | None


class CountedSlot(View):
    """What a meter counted in the slot of a game."""

    game: str
    in_energy: Kwh
    out_energy: Kwh


class UncountedTime(View):
    """A time between two registers that is no slot's, or not a whole one's."""

    begins: Time
    ends: Time


class ReadingsCounted(View):
    """Of publishReadings: of which slots they count, which games were settled anew, what times are no slot's."""

    prosumer: str
    counted: list[CountedSlot]
    corrected: list[str]
    uncounted: list[UncountedTime]
