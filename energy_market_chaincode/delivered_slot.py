"""A delivered slot, and what of it is known before anybody settles."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from energy_market_chaincode.allocation import Row, cleared_rows, slot_game
from energy_market_chaincode.bills import Presumption, metered_silence, self_metered_silence
from energy_market_chaincode.context import Context
from energy_market_chaincode.delivery import installed_in, participants_of
from energy_market_chaincode.matching import transfers_to
from energy_market_chaincode.proof import Walker, start
from energy_market_chaincode.records import (
    Arena,
    Certificate,
    Delivery,
    Game,
    Play,
    Purchases,
    Settlement,
    Transfer,
)
from energy_market_chaincode.unfinished import Settling, Walk
from energy_market_chaincode.units import Energy
from energy_market_chaincode.vocabulary import Metering


@dataclass(frozen=True, slots=True)
class DeliveredSlot:
    """What a slot is settled from, but for its transfers.

    Attributes
    ----------
    loads
        What each seller sold.
    proof
        The certificate from which its transfers follow, if it was cleared: then they are not stored.
    participants
        Whose reports are waited for.
    limits
        What each connection can carry in the slot; empty where prosumers meter themselves.
    """

    game: Game
    arena: Arena
    loads: list[Energy]
    proof: Certificate | None
    participants: list[str]
    limits: dict[str, Energy]

    @classmethod
    async def load(cls, context: Context, game: Game) -> "DeliveredSlot":
        """Load it from the ledger."""
        arena, play = await context.arena(game), await context.load(Play, game.id)
        proof = await context.find(Certificate, game.id)
        participants = await participants_of(context, game, arena)
        limits = {}
        if game.parameters.metering is Metering.METERS:
            installed = await installed_in(context, game)
            limits = {name: installed[name].limit(game.parameters.delivery_duration_ms) for name in participants}
        return cls(game, arena, play.loads, proof, participants, limits)

    @property
    def sellers(self) -> list[str]:
        """Return who sells, by number."""
        return [offer.seller for offer in self.arena.sellers]

    @property
    def others(self) -> list[str]:
        """Return who takes part and buys nothing."""
        buyers = {demand.buyer for demand in self.arena.buyers}
        return [name for name in self.participants if name not in buyers]

    def counted(
        self, name: str, reported: Mapping[str, Delivery], demand: Energy, bought: Sequence[Transfer]
    ) -> tuple[Delivery, Presumption | None]:
        """Return what counts of a participant, and what is presumed of it if it reported nothing."""
        if name in reported:
            return reported[name], None
        rules = self.game.parameters
        if rules.metering is Metering.METERS:
            presumed = metered_silence(self.limits[name], bought, rules)
        else:
            presumed = self_metered_silence(demand, rules)
        return presumed.counted, presumed

    def beginning(self, so_far: Settlement, corrected: Mapping[str, Delivery]) -> Settling:
        """Return the state before the first part."""
        steps = 2 * len(self.arena.buyers) + len(self.others)
        return Settling(left=steps, so_far=so_far, corrected=dict(corrected), walk=self.first_walk())

    def first_walk(self) -> Walk | None:
        """Return where buyers begin to fill up, if the game was cleared part by part."""
        return None if self.proof is None or self.proof.rests is None else start(self.arena, self.proof.rests)

    def walker(self, walk: Walk | None) -> Walker | None:
        """Return who lets buyers fill up anew from there."""
        if self.proof is None or walk is None:
            return None
        scarcity = [price - offer.price for price, offer in zip(self.proof.prices, self.arena.sellers, strict=True)]
        return Walker(slot_game(self.game, self.arena), scarcity, self.proof.corrections, walk)

    async def transfers(self, context: Context, buyers: range, walker: Walker | None) -> Iterator[list[Transfer]]:
        """Return some buyers' transfers; the next one fills up when it is asked for."""
        if self.proof is None:
            names = [demand.buyer for demand in self.arena.buyers[buyers.start : buyers.stop]]
            found = await context.find_each(Purchases, self.game.id, names=names)
            return iter([record.transfers if record is not None else [] for record in found])
        if walker is not None:
            rows: Iterable[Row] = walker.rows(buyers)
        else:
            rows = cleared_rows(self.game, self.arena, self.proof)[buyers.start : buyers.stop]
        fee, claimed = self.game.parameters.fee_per_hop, [Energy(0)] * len(self.loads)
        return (transfers_to(self.arena, i, row, self.loads, fee, claimed) for i, row in zip(buyers, rows, strict=True))
