"""Statements: what slots came to for a prosumer, kept in the order of time, and what else moved in its account.

The archive: of a final slot its lines stay on the ledger, and a hash of all that its game had there. Of lines that are
old enough their sum stays and a hash, too. The blocks keep everything: whoever replays them has the removed records
again, and so their hash.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from energy_market_chaincode.commands import ArchiveLines, ArchiveSlots
from energy_market_chaincode.context import Context, KeptLayout, rule
from energy_market_chaincode.errors import (
    ArchiveOfFuture,
    LinesArchived,
    MalformedArguments,
    SlotNotArchived,
    SlotNotFinal,
    UnknownGame,
    UnknownProsumer,
)
from energy_market_chaincode.lines import Archive, Line, LineArchive, LineCorrection, Movement
from energy_market_chaincode.market_views import (
    AccountEntry,
    CorrectedLine,
    OldLinesArchived,
    SlotLine,
    SlotsArchived,
    Statement,
    StatementSums,
)
from energy_market_chaincode.records import (
    RECORDS,
    AcceptedReading,
    Game,
    Prosumer,
    ReadingOfGame,
    Record,
    Settlement,
    Slot,
)
from energy_market_chaincode.times import instant_ms, iso_time, moment
from energy_market_chaincode.unfinished import Settling
from energy_market_chaincode.units import (
    ENERGY_DECIMALS,
    Energy,
    Money,
    currency,
    currency_per_kwh,
    divide_half_even,
    kwh,
)
from energy_market_chaincode.vocabulary import EntryKind, Phase


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
        AccountEntry(
            at=datetime.fromisoformat(at), kind=EntryKind(kind), amount=currency(Movement.from_bytes(value).amount)
        )
        for (_, at, kind), value in await records_between(context, Movement, prosumer, first, until)
    ]
    return Statement(
        prosumer=prosumer,
        from_=moment(int(begins)),
        to=moment(int(ends)),
        lines=lines,
        entries=entries,
        sums=StatementSums.of(lines, entries),
        next=None if following is None else datetime.fromisoformat(following),
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


def _corrected(value: bytes) -> CorrectedLine:
    change = LineCorrection.from_bytes(value)
    return CorrectedLine(at=moment(change.at_ms), net=currency(change.net))


def slot_line(prosumer: str, game: str, begins: str, line: Line, corrections: list[CorrectedLine]) -> SlotLine:
    """Return a line as people read it."""
    return SlotLine(
        game=game,
        begins=datetime.fromisoformat(begins),
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


MOST_REMOVED = 2_000
"""Records that one command removes: far below a second and a megabyte on any ledger."""
MOST_LINES = 500
"""Lines that one command removes; each may have some corrections."""


@rule
async def archive_slots(context: Context, data: ArchiveSlots) -> SlotsArchived:
    """Remove final slots' games one after the other, as far as one transaction goes."""
    room = MOST_REMOVED
    for place, name in enumerate(data.games):
        archive = await _begun(context, name)
        removed = [] if archive.is_whole else await _next_records(context, name, room)
        for key, value in removed:
            archive = archive.but(records=archive.records + 1, digest=_removed(context, archive.digest, key, value))
        room -= len(removed)
        context.save(archive.but(is_whole=room > 0 or archive.is_whole), name)
        if not room:
            return SlotsArchived(archived=data.games[:place], left=data.games[place:])
    return SlotsArchived(archived=data.games, left=[])


async def _begun(context: Context, name: str) -> Archive:
    """Return how far a game is archived; refuse one whose slot is not final."""
    known = await context.find(Archive, name)
    if known is not None:
        return known
    game = await context.find(Game, name)
    if game is None:
        raise UnknownGame(game=name)
    final_ms = game.final_ms or game.delivery_ends_ms or 0
    if game.phase is not Phase.CANCELLED and (game.phase is not Phase.CLOSED or context.now_ms < final_ms):
        raise SlotNotFinal(game=name, final=iso_time(final_ms) if final_ms else "its close")
    if await context.exists(Settling, name):
        raise SlotNotFinal(game=name, final="the last part of its correction")
    settlement = await context.find(Settlement, name)
    return Archive(
        starts_ms=game.delivery_starts_ms or 0, corrections=settlement.corrections if settlement is not None else 0
    )


async def _next_records(context: Context, name: str, most: int) -> list[tuple[str, bytes]]:
    """Return the next of a game's records, its own and its slot's last."""
    found = await _marks_of_readings(context, name, most)
    for kind in sorted((each for each in RECORDS.values() if _is_of_game(each)), key=lambda each: each.PREFIX):
        found += await _at(context, kind.key(name))
        if len(found) < most:
            found += await context.state.between(kind.key(name, ""), f"{kind.key(name)}0", most - len(found))
    game = await context.find(Game, name)
    if len(found) < most and game is not None:
        slot = await context.find(Slot, game.slot)
        found += await _at(context, Slot.key(game.slot)) if slot is not None and slot.game == name else []
        found += await _at(context, Game.key(name))
    return found[:most]


async def _marks_of_readings(context: Context, name: str, most: int) -> list[tuple[str, bytes]]:
    """Return the marks of readings that were accepted in a game: each is removed before what tells its game."""
    within = ReadingOfGame.key(name)
    found = []
    for key, value in await context.state.between(f"{within}/", f"{within}0", most):
        found += [*await _at(context, AcceptedReading.key(key.removeprefix(f"{within}/"))), (key, value)]
    return found


def _is_of_game(kind: type[Record]) -> bool:
    return kind.RESET and kind not in (Game, Slot, AcceptedReading, ReadingOfGame, KeptLayout)


async def _at(context: Context, key: str) -> list[tuple[str, bytes]]:
    value = await context.state.get(key)
    return [] if value is None else [(key, value)]


@rule
async def archive_lines(context: Context, data: ArchiveLines) -> OldLinesArchived:
    """Remove old lines of one prosumer after the other, as far as one transaction goes."""
    if data.before_ms > context.now_ms:
        raise ArchiveOfFuture(before=iso_time(data.before_ms), now=iso_time(context.now_ms))
    room = MOST_LINES
    for place, name in enumerate(data.prosumers):
        removed, is_whole = await _remove_lines(context, name, data.before_ms, room) if room else (0, False)
        room = max(0, room - removed)
        if not is_whole:
            return OldLinesArchived(archived=data.prosumers[:place], left=data.prosumers[place:])
    return OldLinesArchived(archived=data.prosumers, left=[])


async def _remove_lines(context: Context, name: str, before_ms: int, most: int) -> tuple[int, bool]:
    """Remove some of a prosumer's old lines; return how many, and whether there are no more."""
    if not await context.exists(Prosumer, name):
        raise UnknownProsumer(id=name)
    found, following = await lines_between(context, name, iso_time(0), iso_time(before_ms), most)
    if not found:
        return 0, True
    await _require_archived(context, [game for (_, _, game), _ in found])
    until = following or iso_time(before_ms)
    corrections: dict[str, list[tuple[str, bytes]]] = {}
    for names, value in await records_between(context, LineCorrection, name, iso_time(0), until):
        corrections.setdefault(Line.key(*names[:-1]), []).append((LineCorrection.key(*names), value))
    archive = await context.find(LineArchive, name) or LineArchive()
    digest = archive.digest
    for names, value in found:
        for key, each in [(Line.key(*names), value), *corrections.get(Line.key(*names), [])]:
            digest = _removed(context, digest, key, each)
    archive = archive.but(
        before_ms=max(archive.before_ms, instant_ms(until) or 0),
        lines=archive.lines + len(found),
        net=Money(archive.net + sum(Line.from_bytes(value).net for _, value in found)),
        digest=digest,
    )
    context.save(archive, name)
    return len(found), following is None


async def _require_archived(context: Context, names: Sequence[str]) -> None:
    """Refuse lines that a correction may still change: of a game that is neither archived nor removed by a reset."""
    archives = await context.find_each(Archive, names=names)
    games = await context.find_each(Game, names=names)
    for name, archive, game in zip(names, archives, games, strict=True):
        if game is not None or (archive is not None and not archive.is_whole):
            raise SlotNotArchived(game=name)


def _removed(context: Context, digest: str, key: str, value: bytes) -> str:
    """Remove a record; return the hash of all that were removed so far."""
    context.state.delete(key)
    return hashlib.sha256(f"{digest}{key}\n".encode() + value).hexdigest()
