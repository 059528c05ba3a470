"""Statements: what slots came to for a prosumer, kept in the order of time, and what else moved in its account."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import LinesArchived, MalformedArguments, UnknownProsumer
from energy_market_chaincode.lines import Line, LineArchive, LineCorrection, Movement
from energy_market_chaincode.market_views import (
    AccountEntry,
    CorrectedLine,
    SlotLine,
    Statement,
    StatementSums,
)
from energy_market_chaincode.records import Game, Prosumer, Record
from energy_market_chaincode.times import iso_time, moment
from energy_market_chaincode.units import (
    ENERGY_DECIMALS,
    Energy,
    Money,
    currency,
    currency_per_kwh,
    divide_half_even,
    kwh,
)
from energy_market_chaincode.vocabulary import EntryKind


def delivery_start(game: Game) -> str:
    """Return when a game's delivery began, as keys have it: ISO 8601 in UTC, which sorts as time does."""
    return iso_time(game.delivery_starts_ms or 0)


async def lines_of(context: Context, game: Game, names: Iterable[str]) -> dict[str, Line]:
    """Return the lines of those that have one in a game, in the order of the names."""
    return await lines_at(context, delivery_start(game), game.id, names)


async def lines_at(context: Context, begins: str, game: str, names: Iterable[str]) -> dict[str, Line]:
    """Return the lines of a game whose delivery began at a moment, archived or not, as :func:`lines_of`."""
    asked = sorted(names)
    values = await context.state.get_many([Line.key(name, begins, game) for name in asked])
    return {name: Line.from_bytes(value) for name, value in zip(asked, values, strict=True) if value is not None}


def save_line(context: Context, game: Game, name: str, line: Line) -> None:
    """Store what a slot came to for a participant."""
    context.save(line, name, delivery_start(game), game.id)


def save_corrections(
    context: Context, game: Game, number: int, now: Mapping[str, Line], before: Mapping[str, Line]
) -> None:
    """Store by how much a game's correction of a number changed each line."""
    for name, line in now.items():
        if name in before and line != before[name]:
            change = LineCorrection(at_ms=context.now_ms, net=Money(line.net - before[name].net))
            context.save(change, name, delivery_start(game), game.id, f"{number:06}")


async def enter_movement(context: Context, owner: str, kind: EntryKind, amount: Money) -> None:
    """Note that money moved in an account for another reason than a slot; more of it at one moment is one entry."""
    names = (owner, iso_time(context.now_ms), kind.value)
    known = await context.find(Movement, *names)
    context.save(Movement(amount=Money(amount + (known.amount if known is not None else 0))), *names)


async def corrections_of(
    context: Context, begins: str, game: str, number: int, names: Iterable[str]
) -> dict[str, list[CorrectedLine]]:
    """Return how a game's corrections, of which there are so many, changed the lines of some participants."""
    asked = [(name, f"{each:06}") for name in names for each in range(1, number + 1)]
    values = await context.state.get_many([LineCorrection.key(name, begins, game, each) for name, each in asked])
    found: dict[str, list[CorrectedLine]] = {}
    for (name, _), value in zip(asked, values, strict=True):
        if value is not None:
            found.setdefault(name, []).append(_corrected(value))
    return found


async def require_lines(context: Context, names: Iterable[str], begins_ms: int) -> None:
    """Refuse to show lines from a moment on where some of them are archived; raises LinesArchived."""
    asked = sorted(names)
    for name, archive in zip(asked, await context.find_each(LineArchive, names=asked), strict=True):
        if archive is not None and begins_ms < archive.before_ms:
            shown = {"lines": archive.lines, "net": currency(archive.net), "digest": archive.digest}
            raise LinesArchived(prosumer=name, before=iso_time(archive.before_ms), **shown)


async def statement(context: Context, prosumer: str, begins: str, ends: str, most: str) -> Statement:
    """Answer what happened in a prosumer's account in a time; its lines are one range of keys.

    Parameters
    ----------
    begins, ends
        Milliseconds since 1970-01-01 UTC.
    most
        Of its lines in one answer; those of one moment are never torn apart.

    Raises
    ------
    MalformedArguments, UnknownProsumer, LinesArchived
    """
    if not all(text.isdecimal() for text in (begins, ends, most)) or not int(most):
        raise MalformedArguments(function="statement", problems="needs two times in ms, and how many lines at most")
    if await context.find(Prosumer, prosumer) is None:
        raise UnknownProsumer(id=prosumer)
    await require_lines(context, [prosumer], int(begins))
    first, last = iso_time(int(begins)), iso_time(int(ends))
    found, following = await lines_between(context, prosumer, first, last, int(most))
    until = following or last
    changes: dict[str, list[CorrectedLine]] = {}
    for (_, at, game, _), value in await records_between(context, LineCorrection, prosumer, first, until):
        changes.setdefault(Line.key(prosumer, at, game), []).append(_corrected(value))
    lines = [
        slot_line(prosumer, game, at, Line.from_bytes(value), changes.get(Line.key(prosumer, at, game), []))
        for (_, at, game), value in found
    ]
    entries = [
        AccountEntry(at=_time(at), kind=EntryKind(kind), amount=currency(Movement.from_bytes(value).amount))
        for (_, at, kind), value in await records_between(context, Movement, prosumer, first, until)
    ]
    return Statement(
        prosumer=prosumer,
        from_=moment(int(begins)),
        to=moment(int(ends)),
        lines=lines,
        entries=entries,
        sums=StatementSums.of(lines, entries),
        next=None if following is None else _time(following),
    )


NamedRecords = list[tuple[list[str], bytes]]
"""Records, each after the names in its key."""


async def lines_between(
    context: Context, prosumer: str, first: str, last: str, most: int
) -> tuple[NamedRecords, str | None]:
    """Return so many lines, and where the rest begins; all of a moment's, if one moment has more than that."""
    found = await records_between(context, Line, prosumer, first, last, most + 1)
    if len(found) <= most:
        return found, None
    following = found[-1][0][1]
    kept = [line for line in found if line[0][1] < following]
    if kept:
        return kept, following
    after = following + _AFTER_SLASH
    rest = await records_between(context, Line, prosumer, after, last, 1)
    return await records_between(context, Line, prosumer, following, after), rest[0][0][1] if rest else None


_AFTER_SLASH = chr(ord("/") + 1)


async def records_between(
    context: Context, kind: type[Record], prosumer: str, first: str, last: str, limit: int | None = None
) -> NamedRecords:
    """Return a prosumer's records of a kind from one time up to, not including, another."""
    found = await context.state.between(kind.key(prosumer, first), kind.key(prosumer, last), limit)
    return [(key.removeprefix(f"{kind.PREFIX}/").split("/"), value) for key, value in found]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _corrected(value: bytes) -> CorrectedLine:
    change = LineCorrection.from_bytes(value)
    return CorrectedLine(at=moment(change.at_ms), net=currency(change.net))


def slot_line(prosumer: str, game: str, begins: str, line: Line, corrections: list[CorrectedLine]) -> SlotLine:
    """Return a line as people read it."""
    return SlotLine(
        game=game,
        begins=_time(begins),
        prosumer=prosumer,
        in_energy=kwh(line.in_energy),
        out_energy=kwh(line.out_energy),
        bought=kwh(line.bought),
        sold=kwh(line.sold),
        from_grid=kwh(line.from_grid),
        to_grid=kwh(line.to_grid),
        bought_for=currency(line.bought_for),
        sold_for=currency(line.sold_for),
        from_grid_for=currency(line.from_grid_for),
        to_grid_for=currency(line.to_grid_for),
        bought_at=_mean_price(line.bought_for, line.bought),
        sold_at=_mean_price(line.sold_for, line.sold),
        retail_tariff=currency_per_kwh(line.retail_tariff),
        feed_in_tariff=currency_per_kwh(line.feed_in_tariff),
        compensation=currency(line.compensation),
        paid=currency(line.paid),
        received=currency(line.received),
        fees=currency(line.fees),
        penalties=currency(line.penalties),
        net=currency(line.net),
        is_presumed=line.is_presumed,
        corrections=corrections,
    )


def _mean_price(money: Money, energy: Energy) -> Decimal | None:
    """Return a price per kWh, to the unit of money."""
    return currency(divide_half_even(money * 10**ENERGY_DECIMALS, energy)) if energy else None
