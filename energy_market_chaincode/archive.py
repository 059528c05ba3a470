"""Rules of the archive: of a final slot its lines stay on the ledger, and a hash of all that its game had there.

Of lines that are old enough their sum stays and a hash, too.

The blocks keep everything: whoever replays them has the removed records again, and so their hash.
"""

import hashlib
from collections.abc import Sequence

from energy_market_chaincode.commands import ArchiveLines, ArchiveSlots
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.errors import (
    ArchiveOfFuture,
    SlotNotArchived,
    SlotNotFinal,
    UnknownGame,
    UnknownProsumer,
)
from energy_market_chaincode.layouts import KeptLayout
from energy_market_chaincode.lines import Archive, Line, LineArchive, LineCorrection
from energy_market_chaincode.market_views import OldLinesArchived, SlotsArchived
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
from energy_market_chaincode.statements import lines_between, records_between
from energy_market_chaincode.times import instant_ms, iso_time
from energy_market_chaincode.unfinished import Settling
from energy_market_chaincode.units import Money
from energy_market_chaincode.vocabulary import Phase

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
