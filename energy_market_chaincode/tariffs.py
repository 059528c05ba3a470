"""The grid's tariffs: a table on the ledger, which games take theirs from when they are published."""

from bisect import bisect_right

from energy_market_chaincode.commands import USUAL_FEED_IN_TARIFF, USUAL_RETAIL_TARIFF, PublishGame, SetTariffs
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.errors import TariffsCrossed
from energy_market_chaincode.market_views import TariffsSet
from energy_market_chaincode.records import Tariffs, TariffTable
from energy_market_chaincode.units import Price, currency_per_kwh


@rule
async def set_tariffs(context: Context, data: SetTariffs) -> TariffsSet:
    """Replace the table."""
    entries = sorted(data.tariffs, key=lambda entry: entry.from_ms)
    table = TariffTable(tariffs=[Tariffs.model_validate(entry.model_dump()) for entry in entries])
    context.save(table)
    return TariffsSet(tariffs=len(entries))


def in_force(table: TariffTable | None, at_ms: int) -> tuple[Price, Price]:
    """Return the retail and the feed-in tariff of a moment."""
    entries = table.tariffs if table is not None else []
    place = bisect_right(entries, at_ms, key=lambda entry: entry.from_ms)
    return (
        (entries[place - 1].retail, entries[place - 1].feed_in)
        if place
        else (USUAL_RETAIL_TARIFF, USUAL_FEED_IN_TARIFF)
    )


async def tariffs_of(context: Context, data: PublishGame, at_ms: int) -> dict[str, Price]:
    """Return a game's tariffs, by the names of its parameters: what is stated, else what is in force at a moment.

    Raises
    ------
    TariffsCrossed
    """
    retail, feed_in = in_force(await context.find(TariffTable), at_ms)
    retail = retail if data.retail_tariff is None else data.retail_tariff
    feed_in = feed_in if data.feed_in_tariff is None else data.feed_in_tariff
    if retail < feed_in:
        raise TariffsCrossed(retail=currency_per_kwh(retail), feed_in=currency_per_kwh(feed_in))
    return {"retail_tariff": retail, "feed_in_tariff": feed_in}
