"""Rules, and what they work with: the state, the accounts, the time, the signer, and the events they cause.

Accounts: money moves between them, freezes and thaws in them, and is never made or lost.

Fabric shows a transaction only the state before it; here it sees its own writes, and a rejected command's writes are
forgotten. What is left is written out once, in the order of the keys.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

from energy_market_chaincode import hops
from energy_market_chaincode.commands import AboutGame, AboutSlot, CommandData
from energy_market_chaincode.errors import GameArchived, InsufficientFunds, Rejection, UnknownGame, WrongPhase
from energy_market_chaincode.events import Event
from energy_market_chaincode.lines import Archive
from energy_market_chaincode.records import Account, Arena, Game, Record, Slot
from energy_market_chaincode.stub import Stub
from energy_market_chaincode.times import SimulatedTime
from energy_market_chaincode.units import Money, currency
from energy_market_chaincode.views import View
from energy_market_chaincode.vocabulary import GRID_OPERATOR, Phase

R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=CommandData)
V = TypeVar("V", bound=View)

_Writes = dict[str, bytes | None]


class Workspace:
    """Reads through to the stub, keeps writes until :meth:`flush`."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._read: dict[str, bytes | None] = {}
        self._kept: _Writes = {}
        self._command: _Writes = {}

    async def prefetch(self, keys: Iterable[str]) -> None:
        """Read keys that will be needed, in one exchange with the ledger."""
        missing = sorted({key for key in keys if key not in self._read})
        if missing:
            self._read.update(zip(missing, await self._stub.get_many(missing), strict=True))

    async def get(self, key: str) -> bytes | None:
        """Return a key's value as this transaction sees it."""
        for writes in (self._command, self._kept):
            if key in writes:
                return writes[key]
        if key not in self._read:
            self._read[key] = await self._stub.get(key)
        return self._read[key]

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of keys in their order."""
        await self.prefetch(key for key in keys if key not in self._command and key not in self._kept)
        return [await self.get(key) for key in keys]

    async def range(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all keys that begin with a prefix, with their values, in the order of the keys."""
        return self._with_writes(await self._stub.range(prefix), lambda key: key.startswith(prefix))

    async def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, in their order."""
        removed = sum(value is None for writes in (self._kept, self._command) for value in writes.values())
        found = await self._stub.between(start, end, None if limit is None else limit + removed)
        return self._with_writes(found, lambda key: start <= key < end)[:limit]

    def _with_writes(
        self, stored: Iterable[tuple[str, bytes]], is_within: Callable[[str], bool]
    ) -> list[tuple[str, bytes]]:
        found: _Writes = dict(stored)
        for writes in (self._kept, self._command):
            found.update({key: value for key, value in writes.items() if is_within(key)})
        return sorted((key, value) for key, value in found.items() if value is not None)

    def put(self, key: str, value: bytes) -> None:
        """Set a key."""
        self._command[key] = value

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._command[key] = None

    def keep(self) -> None:
        """Keep what was written since the last savepoint and set a new one."""
        self._kept.update(self._command)
        self._command = {}

    def forget(self) -> None:
        """Go back to the last savepoint."""
        self._command = {}

    async def flush(self) -> None:
        """Write what was kept to the ledger."""
        for key, value in sorted(self._kept.items(), key=lambda write: write[0]):
            if value is None:
                await self._stub.delete(key)
            else:
                await self._stub.put(key, value)
        self._kept = {}


@dataclass(slots=True)
class Purse:
    """An account while it is worked on."""

    free: int
    frozen: int
    debt: int


class Books:
    """The accounts that a command works on.

    Contract: no method but :meth:`mint` changes the sum of all money; no purse but the grid operator's goes below zero.
    """

    def __init__(self, accounts: dict[str, Account]) -> None:
        self._purses = {owner: Purse(account.free, account.frozen, account.debt) for owner, account in accounts.items()}

    def accounts(self) -> dict[str, Account]:
        """Return the accounts as they are now."""
        return {owner: self.account(owner) for owner in sorted(self._purses)}

    def account(self, owner: str) -> Account:
        """Return an account as it is now."""
        purse = self._purses[owner]
        return Account(free=Money(purse.free), frozen=Money(purse.frozen), debt=Money(purse.debt))

    def free(self, owner: str) -> Money:
        """Return what an account may spend."""
        return Money(self._purses[owner].free)

    def mint(self, owner: str, amount: Money) -> None:
        """Bring new money in: an operator's top-up."""
        self._purses[owner].free += amount

    def freeze(self, owner: str, amount: Money) -> None:
        """Set money aside.

        Raises
        ------
        InsufficientFunds
            If less than ``amount`` is free.
        """
        purse = self._purses[owner]
        if amount > purse.free:
            raise InsufficientFunds(
                prosumer=owner,
                required=currency(amount),
                available=currency(purse.free),
                shortfall=currency(amount - purse.free),
            )
        purse.free -= amount
        purse.frozen += amount

    def thaw(self, owner: str, amount: Money) -> None:
        """Let frozen money be spent again."""
        purse = self._purses[owner]
        assert amount <= purse.frozen  # noqa: S101 - what thaws was frozen for the same game; else the books are wrong
        purse.frozen -= amount
        purse.free += amount

    def pay(self, payer: str, payee: str, amount: Money) -> Money:
        """Move free money, as much of ``amount`` as the payer has; the grid operator always has enough.

        Returns
        -------
        What the payer could not pay, and the payee did not get.
        """
        purse = self._purses[payer]
        paid = amount if payer == GRID_OPERATOR else min(amount, max(purse.free, 0))
        purse.free -= paid
        self._purses[payee].free += paid
        return Money(amount - paid)

    def guarantee(self, debtor: str, payee: str, amount: Money) -> None:
        """Let the grid operator pay in somebody's place, who then owes it as much."""
        self.pay(GRID_OPERATOR, payee, amount)
        self._purses[debtor].debt += amount

    def repay_debts(self) -> None:
        """Let everybody pay the grid operator what it owes, as far as its free money goes."""
        for owner, purse in sorted(self._purses.items()):
            if purse.debt:
                purse.debt = self.pay(owner, GRID_OPERATOR, Money(purse.debt))


class KeptLayout(Record, prefix="layout", reset=True):
    """The edges of a graph that games name: ``layout/{digest}``."""

    edges: list[tuple[str, str]]


FILLED = 2
"""Of so many large games the hops are kept in memory: some 20 MB for each."""


@lru_cache(maxsize=FILLED)
def filled(arena: bytes, layout: bytes) -> Arena:
    """Return an arena with the hops that follow from its layout, both as they are stored; it is not to be changed."""
    found = Arena.from_bytes(arena)
    graph = hops.neighbours(KeptLayout.from_bytes(layout).edges)
    buyers, sellers = [each.buyer for each in found.buyers], [each.seller for each in found.sellers]
    return found.but(hops=hops.hop_rows(graph, buyers, sellers))


@dataclass(slots=True)
class Context:
    """One command's view of the market.

    Attributes
    ----------
    real_ms
        The transaction's timestamp, milliseconds since 1970-01-01 UTC.
    place
        The command's place in its transaction.
    signer
        Whose signature was verified.
    simulated
        What the market's time is instead of the real one; None where it is that.
    """

    state: Workspace
    real_ms: int
    place: int
    signer: str
    simulated: SimulatedTime | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def now_ms(self) -> int:
        """The market's time, by which all rules go."""
        return self.real_ms if self.simulated is None else self.simulated.market_ms(self.real_ms)

    @property
    def least_ms(self) -> int:
        """How long a turn is at least, or a time to post anything in: simulated time leaves people as much of it."""
        return 0 if self.simulated is None else self.simulated.least_ms

    @property
    def arrived(self) -> tuple[int, int]:
        """When the command arrived, for all orders of arrival."""
        return self.now_ms, self.place

    def now_since(self, earlier_ms: int) -> int:
        """Return the time, no earlier than something that came before.

        Where clients claim their transactions' times, a later transaction may have an earlier one: the times of a game
        do not run backwards with it.
        """
        return max(self.now_ms, earlier_ms)

    def emit(self, event: Event) -> None:
        """Tell the world."""
        self.events.append(event)

    async def find(self, kind: type[R], *names: str) -> R | None:
        """Load a record, None if there is none."""
        value = await self.state.get(kind.key(*names))
        return None if value is None else kind.from_bytes(value)

    async def load(self, kind: type[R], *names: str) -> R:
        """Load a record that must be there."""
        return kind.from_bytes(await self._stored(kind, *names))

    async def _stored(self, kind: type[Record], *names: str) -> bytes:
        value = await self.state.get(kind.key(*names))
        if value is None:
            raise LookupError(f"the ledger lacks {kind.key(*names)}")
        return value

    async def find_each(self, kind: type[R], *within: str, names: Iterable[str]) -> list[R | None]:
        """Load a record for each of some names, ``within`` a game perhaps, in their order."""
        values = await self.state.get_many([kind.key(*within, name) for name in names])
        return [None if value is None else kind.from_bytes(value) for value in values]

    async def load_all(self, kind: type[R], *within: str) -> list[R]:
        """Load all records of a kind, ``within`` a game perhaps, in the order of their keys."""
        return [kind.from_bytes(value) for _, value in await self.state.range(kind.key(*within, ""))]

    async def load_named(self, kind: type[R], *within: str) -> dict[str, R]:
        """Load all records of a kind, ``within`` a game perhaps, each with its name."""
        prefix = kind.key(*within, "")
        return {key.removeprefix(prefix): kind.from_bytes(value) for key, value in await self.state.range(prefix)}

    async def some_of(self, kind: type[Record], at_most: int) -> list[tuple[str, bytes]]:
        """Return the first records of a kind by their keys, as they are stored."""
        prefix = kind.key("")
        return await self.state.between(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1), at_most)

    async def exists(self, kind: type[Record], *names: str) -> bool:
        """Tell whether there is a record."""
        return await self.state.get(kind.key(*names)) is not None

    def save(self, record: Record, *names: str) -> None:
        """Store a record."""
        self.state.put(record.key(*names), record.to_bytes())

    def delete(self, kind: type[Record], *names: str) -> None:
        """Remove a record, if it is there."""
        self.state.delete(kind.key(*names))

    async def delete_all(self, kind: type[Record]) -> None:
        """Remove all records of a kind."""
        for key, _ in await self.state.range(kind.key("")):
            self.state.delete(key)

    async def game(self, command: AboutGame, needed: Phase) -> Game:
        """Load the game that a command is about and that must be in a phase.

        Raises
        ------
        UnknownGame, GameArchived, WrongPhase
        """
        record = await self.find(Game, command.game)
        if record is None:
            raise await self.no_game(command.game)
        self.require_phase(record, needed, command.topic)
        return record

    def require_phase(self, game: Game, needed: Phase, topic: str) -> None:
        """Refuse what a topic asks of a game that is in another phase; raises WrongPhase."""
        if game.phase is not needed:
            raise WrongPhase(topic=topic, game=game.id, needed=needed.value, phase=game.phase.value)

    async def games_of(self, field: str, parts: Sequence[AboutSlot]) -> list[Game]:
        """Load the games of the slots that the parts of a command are about, in two exchanges with the ledger at most.

        Parameters
        ----------
        field
            Where the command lists the parts.

        Raises
        ------
        UnknownGame, GameArchived
            At the first part whose game, or whose slot's game, there is not.
        """
        asked = sorted({str(part.delivery_slot) for part in parts if part.game is None})
        slots = dict(zip(asked, await self.find_each(Slot, names=asked), strict=True))
        names = [part.game or _game_of(slots, str(part.delivery_slot)) for part in parts]
        games = []
        for place, (name, game) in enumerate(zip(names, await self.find_each(Game, names=names), strict=True)):
            if game is None:
                raise (await self.no_game(name)).at(f"{field}.{place}")
            games.append(game)
        return games

    async def no_game(self, name: str) -> Rejection:
        """Return what is wrong with a game's name that no game has now."""
        archive = await self.find(Archive, name)
        return UnknownGame(game=name) if archive is None else GameArchived(game=name, digest=archive.digest)

    async def arena(self, game: Game) -> Arena:
        """Load what was fixed when a game's registration stopped, with its hops."""
        arena = await self.load(Arena, game.id)
        if arena.layout is None:
            return arena
        # read whether its hops are in memory or not, so that all peers read the same
        layout = await self._stored(KeptLayout, arena.layout)
        return filled(await self._stored(Arena, game.id), layout)

    async def books(self, owners: Iterable[str]) -> Books:
        """Open accounts; one that was never used is empty."""
        names = sorted(set(owners))
        records = await self.find_each(Account, names=names)
        return Books({name: record or Account() for name, record in zip(names, records, strict=True)})

    def close_books(self, books: Books) -> None:
        """Store the accounts."""
        for owner, account in books.accounts().items():
            self.save(account, owner)


def _game_of(slots: Mapping[str, Slot | None], name: str) -> str:
    slot = slots[name]
    return slot.game if slot is not None else f"of the slot {name}"


Rule = Callable[[Context, Any], Awaitable[View]]
"""Returns what the command came to; raises a Rejection, and then nothing of it counts."""

RULES: dict[type[CommandData], Rule] = {}
"""The rule of each topic's model."""


def rule(decide: Callable[[Context, D], Awaitable[V]]) -> Callable[[Context, D], Awaitable[V]]:
    """Make a function the rule of the commands that it takes, by the annotation of its second parameter."""
    _, commands, _ = get_type_hints(decide).values()
    RULES[commands] = decide
    return decide
