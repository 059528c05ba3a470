"""What a rule works with: the state as records, the time, the signer, and the events it causes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from energy_market_chaincode.books import Books
from energy_market_chaincode.entities import Account, Arena, Game, Record
from energy_market_chaincode.errors import UnknownGame, WrongPhase
from energy_market_chaincode.events import Event
from energy_market_chaincode.savepoint import Workspace
from energy_market_chaincode.units import Money
from energy_market_chaincode.vocabulary import Phase

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class Context:
    """One command's view of the market.

    Attributes
    ----------
    now_ms
        The transaction's timestamp, milliseconds since 1970-01-01 UTC.
    place
        The command's place in its transaction.
    signer
        Whose signature was verified.
    """

    state: Workspace
    now_ms: int
    place: int
    signer: str
    events: list[Event] = field(default_factory=list)

    @property
    def arrived(self) -> tuple[int, int]:
        """When the command arrived, for all orders of arrival."""
        return self.now_ms, self.place

    def emit(self, event: Event) -> None:
        """Tell the world."""
        self.events.append(event)

    async def find(self, kind: type[R], key: str) -> R | None:
        """Load a record, None if there is none."""
        value = await self.state.get(key)
        return None if value is None else kind.from_bytes(value)

    async def load(self, kind: type[R], key: str) -> R:
        """Load a record that must be there."""
        record = await self.find(kind, key)
        if record is None:
            raise LookupError(f"the ledger lacks {key}")
        return record

    async def find_many(self, kind: type[R], keys: Sequence[str]) -> list[R | None]:
        """Load records in the order of their keys."""
        return [None if v is None else kind.from_bytes(v) for v in await self.state.get_many(keys)]

    async def load_all(self, kind: type[R], prefix: str) -> list[R]:
        """Load all records whose keys begin with a prefix, in the order of the keys."""
        return [kind.from_bytes(value) for _, value in await self.state.range(prefix)]

    async def exists(self, key: str) -> bool:
        """Tell whether a key is set."""
        return await self.state.get(key) is not None

    def save(self, key: str, record: Record) -> None:
        """Store a record."""
        self.state.put(key, record.to_bytes())

    async def game(self, game: str, topic: str, needed: Phase) -> Game:
        """Load a game that must be in a phase.

        Raises
        ------
        UnknownGame, WrongPhase
        """
        record = await self.find(Game, Game.key(game))
        if record is None:
            raise UnknownGame(game=game)
        if record.phase is not needed:
            raise WrongPhase(topic=topic, game=game, needed=needed.value, phase=record.phase.value)
        return record

    async def arena(self, game: Game) -> Arena:
        """Load what was fixed when a game's registration stopped."""
        return await self.load(Arena, Arena.key(game.id))

    async def books(self, owners: Iterable[str]) -> Books:
        """Open accounts; one that was never used is empty."""
        names = sorted(set(owners))
        records = await self.find_many(Account, [Account.key(name) for name in names])
        empty = Account(free=Money(0), frozen=Money(0))
        return Books({name: record or empty for name, record in zip(names, records, strict=True)})

    def close_books(self, books: Books) -> None:
        """Store the accounts."""
        for owner, account in books.accounts().items():
            self.save(Account.key(owner), account)
