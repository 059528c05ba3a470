"""What the market answers about itself: its time, prosumers and their statements, meters, the network, and tariffs."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from energy_market_chaincode.times import SimulatedTime, Time, iso, milliseconds, moment
from energy_market_chaincode.units import Currency, CurrencyPerKwh, Fraction, Kw, Kwh
from energy_market_chaincode.views import View
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, EntryKind, Metering, Role


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


class SlotAmounts(View):
    """Energy in kWh and money of one slot, or the sums of many.

    Attributes
    ----------
    in_energy, out_energy
        What was taken from the network and fed into it.
    bought, sold
        What of that contracts gave; the rest is the grid's.
    bought_for, sold_for
        Money for what contracts gave.
    from_grid_for, to_grid_for
        What the grid was paid and paid; below zero where its tariff is.
    compensation
        Got for contracts that others did not keep; below zero it was owed.
    fees, penalties
        To the network operator; to the grid operator, for imbalances and silence.
    net
        What was gained in all.
    """

    in_energy: Kwh
    out_energy: Kwh
    bought: Kwh
    sold: Kwh
    from_grid: Kwh
    to_grid: Kwh
    bought_for: Currency
    sold_for: Currency
    from_grid_for: Currency
    to_grid_for: Currency
    compensation: Currency
    fees: Currency
    penalties: Currency
    net: Currency


class CorrectedLine(View):
    """When a line was corrected, and by how much its net changed."""

    at: Time
    net: Currency


class SlotLine(SlotAmounts):
    """What a slot came to for one participant, as it counts now.

    Attributes
    ----------
    begins
        When its delivery began.
    bought_at, sold_at
        The contracts' mean price, to the unit of money; null where there are none.
    paid, received
        For energy and compensation, in all.
    is_presumed
        Whether its meter was silent.
    corrections
        How it came to be, if not all at once: the settlements anew that changed it.
    """

    game: str
    begins: Time
    prosumer: str
    bought_at: CurrencyPerKwh | None
    sold_at: CurrencyPerKwh | None
    retail_tariff: CurrencyPerKwh
    feed_in_tariff: CurrencyPerKwh
    paid: Currency
    received: Currency
    is_presumed: bool
    corrections: list[CorrectedLine]


class SlotLines(View):
    """The lines of a settled slot, by name; none before it is settled."""

    lines: list[SlotLine]


class AccountEntry(View):
    """Money that moved in an account for another reason than a slot."""

    at: Time
    kind: EntryKind
    amount: Currency


class StatementSums(SlotAmounts):
    """The sums of a statement: what its slots gained, what else came in, and both, by which the account moved."""

    slots: int
    entries: Currency
    movement: Currency

    @classmethod
    def of(cls, lines: Sequence[SlotLine], entries: Iterable[AccountEntry]) -> Self:
        """Add lines and entries up."""
        sums = {name: sum(getattr(line, name) for line in lines) for name in SlotAmounts.model_fields}
        came_in = sum(entry.amount for entry in entries)
        return cls(**sums, slots=len(lines), entries=came_in, movement=sums["net"] + came_in)


class Statement(View):
    """What happened in a prosumer's account in a time, slot by slot.

    Attributes
    ----------
    from_, to
        Of slots that began, and of other entries, from then up to, not including, then.
    next
        From when on to ask for the rest, where there is more than one answer takes; else null.
    """

    prosumer: str
    from_: Annotated[Time, Field(alias="from")]
    to: Time
    lines: list[SlotLine]
    entries: list[AccountEntry]
    sums: StatementSums
    next: Time | None

    def followed_by(self, rest: "Statement") -> "Statement":
        """Return this part and the next one as one statement."""
        lines, entries = [*self.lines, *rest.lines], [*self.entries, *rest.entries]
        sums = StatementSums.of(lines, entries)
        return self.model_copy(update={"lines": lines, "entries": entries, "sums": sums, "next": rest.next})

    def as_csv(self, *, has_titles: bool = True) -> str:
        """Return it as a table, a row for each slot and entry; the column ``net`` adds up to the account's movement."""
        text = io.StringIO()
        table = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
        if has_titles:
            table.writeheader()
        rows = [*map(_line_row, self.lines), *map(_entry_row, self.entries)]
        table.writerows(sorted(rows, key=lambda row: row["begins"]))
        return text.getvalue()


CSV_COLUMNS = (
    *(
        "begins",
        "kind",
        "game",
        "inEnergy",
        "outEnergy",
        "bought",
        "boughtAt",
        "boughtFor",
        "sold",
        "soldAt",
        "soldFor",
    ),
    *("fromGrid", "retailTariff", "fromGridFor", "toGrid", "feedInTariff", "toGridFor"),
    *("compensation", "fees", "penalties", "net", "isPresumed", "corrections", "correctedAt", "correctedBy"),
)


def _line_row(line: SlotLine) -> dict[str, Any]:
    row = {name: format(value, "f") if hasattr(value, "as_tuple") else value for name, value in line.as_json().items()}
    corrections = line.corrections
    return {name: row[name] for name in CSV_COLUMNS if name in row} | {
        "begins": iso(line.begins),
        "kind": "slot",
        "isPresumed": "yes" if line.is_presumed else "no",
        "corrections": len(corrections),
        "correctedAt": iso(corrections[-1].at) if corrections else "",
        "correctedBy": format(sum(each.net for each in corrections), "f") if corrections else "",
    }


def _entry_row(entry: AccountEntry) -> dict[str, Any]:
    return {"begins": iso(entry.at), "kind": entry.kind, "net": format(entry.amount, "f")}


# -- what the rules of the administration, of metering and of the archive return


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


class OldLinesArchived(View):
    """Of archiveLines: whose lines are archived now, and whose are left for another command."""

    archived: list[str]
    left: list[str]


class SlotsArchived(View):
    """Of archiveSlots: which games are archived now, and which are left for another command."""

    archived: list[str]
    left: list[str]
