"""Who buys how much from whom in a game that stopped.

Games that were played in turns keep their transfers. Of a clearing only prices are stored, and everybody's purchases
follow from them, here as when they were proved.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from energy_market_chaincode import certificate
from energy_market_chaincode.certificate import SlotGame
from energy_market_chaincode.context import Context
from energy_market_chaincode.matching import contracted_transfers
from energy_market_chaincode.records import Arena, Certificate, Game, Purchases, Transfer
from energy_market_chaincode.units import Energy, Price

Row = Mapping[int, Energy]
"""What a buyer takes of each seller, by the sellers' numbers; none of zero."""

KEPT = 4
"""Of so many clearings purchases are kept in memory: a game's readers and its settlement ask for the same ones."""


@lru_cache(maxsize=KEPT)
def _shelf(_digest: str) -> list[list[Row]]:
    """Return where the rows of a certificate stand, if they are known; its hash covers all that they follow from."""
    return []


async def transfers_of(context: Context, game: Game, arena: Arena) -> list[list[Transfer]]:
    """Return each buyer's transfers, in the arena's order; of a cleared game as they were contracted."""
    proof = await context.find(Certificate, game.id)
    if proof is None:
        records = await context.find_each(Purchases, game.id, names=[demand.buyer for demand in arena.buyers])
        return [record.transfers if record is not None else [] for record in records]
    rows = cleared_rows(game, arena, proof)
    return contracted_transfers(arena, rows, loads_of(arena, rows), game.parameters.fee_per_hop)


def sparse(amounts: Sequence[Energy]) -> Row:
    """Return a bid's row."""
    return {seller: energy for seller, energy in enumerate(amounts) if energy}


def cleared_rows(game: Game, arena: Arena, proof: Certificate) -> list[Row]:
    """Return the rows that follow from a certificate."""
    known = _shelf(proof.digest)
    if known:
        return known[0]
    slot = slot_game(game, arena)
    scarcity = [price - offer.price for price, offer in zip(proof.prices, arena.sellers, strict=True)]
    return keep_rows(proof.digest, corrected(certificate.purchases_at(slot, scarcity), proof.corrections))


def keep_rows(digest: str, purchases: certificate.Purchases) -> list[Row]:
    """Remember the rows of a certificate, and return them."""
    rows: list[Row] = [{j: Energy(energy) for j, energy in sorted(row.items())} for row in purchases.from_sellers]
    _shelf(digest)[:] = [rows]
    return rows


def loads_of(arena: Arena, rows: Sequence[Row]) -> list[Energy]:
    """Return what each seller sells."""
    loads = [Energy(0)] * len(arena.sellers)
    for row in rows:
        for seller, energy in row.items():
            loads[seller] = Energy(loads[seller] + energy)
    return loads


def slot_game(game: Game, arena: Arena) -> SlotGame:
    """Return what is to be cleared; buyers that are as far from everybody share a row of hops."""
    rows: dict[tuple[int, ...] | bytes, int] = {}
    row = [rows.setdefault(hops if isinstance(hops, bytes) else tuple(hops), len(rows)) for hops in arena.hops]
    fee, furthest = game.parameters.fee_per_hop, max(max(hops) for hops in rows)
    return SlotGame(
        demands=[demand.demand for demand in arena.buyers],
        capacities=[offer.capacity for offer in arena.sellers],
        prices=[offer.price for offer in arena.sellers],
        distances=[hops if isinstance(hops, bytes) else list(hops) for hops in rows],
        fees=[Price(fee * hops) for hops in range(furthest + 1)],
        row=row,
        retail_tariff=game.parameters.retail_tariff,
    )


def corrected(purchases: certificate.Purchases, corrections: Mapping[int, Mapping[int, int]]) -> certificate.Purchases:
    """Put corrections in the place of what followed from the prices; the grid gives the rest."""
    rows, grid = list(purchases.from_sellers), list(purchases.from_grid)
    for buyer, row in corrections.items():
        rows[buyer], grid[buyer], _ = purchases.of(buyer).corrected(row)
    return certificate.Purchases(rows, grid, purchases.levels)
