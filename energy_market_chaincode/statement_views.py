"""What a settled slot came to for a participant, and a prosumer's statement: its lines in order of time, and sums."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

from pydantic import Field

from energy_market_chaincode.amounts import Currency, CurrencyPerKwh, Kwh
from energy_market_chaincode.times import Time, iso
from energy_market_chaincode.views import View
from energy_market_chaincode.vocabulary import EntryKind


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


class OldLinesArchived(View):
    """Of archiveLines: whose lines are archived now, and whose are left for another command."""

    archived: list[str]
    left: list[str]


class SlotsArchived(View):
    """Of archiveSlots: which games are archived now, and which are left for another command."""

    archived: list[str]
    left: list[str]
