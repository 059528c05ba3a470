"""The certified mechanism: anybody solves the game and posts prices, and the contract accepts what it has proved.

What is proved and why that is enough stands in :mod:`~energy_market_chaincode.certificate`. Sellers and buyers stand in
the order of their names, so that neither who registered first nor a metric has a say. Where nobody proves anything in
time, the game falls back: it is played in turns, or, where its slot begins at a time, all is bought from the grid.
"""

import hashlib
from collections.abc import Mapping, Sequence

from energy_market_chaincode import certificate, presentation, proposals
from energy_market_chaincode.allocation import corrected, keep_rows, loads_of, slot_game
from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.certificate import Purchases, SlotGame, Verdict
from energy_market_chaincode.commands import AboutGame, FallBack, ProveClearing, PublishClearing
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.errors import (
    ArenaDiffers,
    ClearingAwaited,
    ClearingIncomplete,
    ClearingLate,
    CorrectionsHarmful,
    CorrectionsUnfit,
    GapTooLarge,
    NoProposal,
    OtherMechanism,
    PartDone,
    PriceBelowBase,
    ProofAwaited,
    RegretTooLarge,
)
from energy_market_chaincode.events import ClearingRefusedEvent
from energy_market_chaincode.game import turn_order
from energy_market_chaincode.mechanisms import sequential_best_response
from energy_market_chaincode.proof import PART_PAIRS, Proof, beginning, require_small, start, too_regretful, unfit
from energy_market_chaincode.records import (
    Arena,
    Certificate,
    ClearingState,
    Game,
    Play,
)
from energy_market_chaincode.stopping import PROVED_AT_ONCE, require_played, stop, stop_cleared
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.unfinished import Proposal, Proposals, Walk
from energy_market_chaincode.units import (
    ENERGY_TIMES_PRICE_PER_MONEY,
    Energy,
    Money,
    Price,
    currency_per_kwh,
)
from energy_market_chaincode.views import ClearingAccepted, ClearingProof, FellBack
from energy_market_chaincode.vocabulary import CERTIFIED, Fallback, Phase, StopReason

NAME = CERTIFIED
CLEARING_MS = 30_000
CLEARING_MS_EACH = 12
"""How long clearings are taken where the slot has no time that says so: at least, and for each participant."""
FALLBACK_ROUNDS = 3
"""For so many rounds there has to be time before a slot, or the game does not fall back to turns."""


async def begin(context: Context, game: Game) -> None:
    """Order the arena by names, state its hash, and wait for a clearing."""
    arena = _by_name(await context.load(Arena, game.id))
    context.save(arena, game.id)
    now_ms = context.now_since(game.published_at_ms)
    usual_ms = max(CLEARING_MS, CLEARING_MS_EACH * (len(arena.sellers) + len(arena.buyers)), context.least_ms)
    ends_ms = _ends_ms(game, arena, now_ms, usual_ms)
    clearing = ClearingState(arena=arena_hash(game, arena), ends_ms=ends_ms)
    context.save(clearing, game.id)
    play = Play(
        round=0,
        turn=0,
        deadline_ms=clearing.ends_ms,
        began_at_ms=now_ms,
        passes=0,
        loads=[Energy(0)] * len(arena.sellers),
    )
    context.save(play, game.id)
    context.emit(presentation.clearing_open(game.id, clearing))


def _ends_ms(game: Game, arena: Arena, now_ms: int, usual_ms: int) -> int:
    """Return until when clearings are taken: until the slot starts, or so early before that turns still fit."""
    if not game.has_slot_time:
        return now_ms + usual_ms
    starts_ms = game.delivery_starts_ms or now_ms
    turns_ms = _turns_ms(game, arena)
    return starts_ms - turns_ms if 2 * turns_ms <= starts_ms - now_ms else starts_ms


def _turns_ms(game: Game, arena: Arena) -> int:
    """Return how long it may take to play in turns."""
    return FALLBACK_ROUNDS * len(arena.buyers) * game.parameters.turn_deadline_ms


def _by_name(arena: Arena) -> Arena:
    sellers = sorted(range(len(arena.sellers)), key=lambda j: arena.sellers[j].seller)
    buyers = sorted(range(len(arena.buyers)), key=lambda i: arena.buyers[i].buyer)
    return arena.but(
        sellers=[arena.sellers[j] for j in sellers],
        buyers=[arena.buyers[i] for i in buyers],
        hops=[] if arena.layout is not None else [[arena.hops[i][j] for j in sellers] for i in buyers],
    )


def arena_hash(game: Game, arena: Arena) -> str:
    """Return the SHA-256 of the exact JSON of all that a clearing depends on, in the ledger's integers.

    Of hops that follow from a layout it is the layout's digest.
    """
    distances = {"hops": arena.hops} if arena.layout is None else {"layout": arena.layout}
    fixed = {
        "game": game.id,
        "retailTariff": game.parameters.retail_tariff,
        "feePerHop": game.parameters.fee_per_hop,
        "sellers": [[offer.seller, offer.capacity, offer.price] for offer in arena.sellers],
        "buyers": [[demand.buyer, demand.demand] for demand in arena.buyers],
        **distances,
    }
    return hashlib.sha256(exact_json(fixed)).hexdigest()


async def _game(context: Context, command: AboutGame) -> tuple[Game, ClearingState]:
    """Load the game that a command is about, which must wait for a clearing."""
    game = await context.game(command, Phase.PLAYING)
    clearing = await context.find(ClearingState, game.id)
    if clearing is None or clearing.fallback is not None:
        mechanism = game.mechanism if clearing is None else sequential_best_response.NAME
        raise OtherMechanism(topic=command.topic, game=game.id, mechanism=mechanism)
    await require_played(context, game)
    return game, clearing


@rule
async def publish_clearing(context: Context, data: PublishClearing) -> ClearingAccepted | ClearingProof:
    """Recompute everybody's purchases from posted prices, prove that they are the equilibrium's, and stop the game.

    In a large game it begins with that, and freezes a bond.
    """
    game, clearing = await _game(context, data)
    if context.now_ms >= clearing.ends_ms:
        raise ClearingLate(game=game.id, deadline=iso_time(clearing.ends_ms))
    if data.arena != clearing.arena:
        raise ArenaDiffers(named=data.arena, game=game.id, arena=clearing.arena)
    arena = await context.arena(game)
    scarcity = _scarcity(game, arena, data.prices)
    corrections = _numbered(game, arena, data.corrections)
    prices = [data.prices[offer.seller] for offer in arena.sellers]
    if len(arena.buyers) * len(arena.sellers) > PROVED_AT_ONCE:
        proposal = Proposal(
            digest=_digest(data),
            posted_at_ms=context.now_ms,
            prices=prices,
            corrections=corrections,
            bond=await proposals.bond_due(context, game),
            proof=beginning(arena),
        )
        await proposals.enter(context, game, proposal)
        context.emit(presentation.clearing_proposed(game.id, context.signer, arena, proposal))
        return await _prove(context, game, arena, context.signer, proposal)
    buyers = [demand.buyer for demand in arena.buyers]
    purchases, verdict = _proved(slot_game(game, arena), scarcity, corrections, buyers)
    proof = _certificate(context.signer, _digest(data), prices, corrections, verdict)
    context.save(proof, game.id)
    loads = loads_of(arena, keep_rows(proof.digest, purchases))
    await _stop(context, game, arena, loads, proof, None)
    return ClearingAccepted(game=game.id, **dict(presentation.certificate_totals(proof)))


@rule
async def prove_clearing(context: Context, data: ProveClearing) -> ClearingProof:
    """Go on with a clearing's proof."""
    game, _ = await _game(context, data)
    proposal = await context.find(Proposal, game.id, data.poster)
    if proposal is None:
        raise NoProposal(game=game.id, poster=data.poster)
    arena = await context.arena(game)
    left = proposal.proof.left(len(arena.buyers))
    if data.left not in (None, left):
        raise PartDone(game=game.id, left=left)
    return await _prove(context, game, arena, data.poster, proposal)


async def _prove(context: Context, game: Game, arena: Arena, poster: str, proposal: Proposal) -> ClearingProof:
    """Prove the next part of a clearing; at the end the game stops with it, and a wrong one costs its bond."""
    said = ClearingProof(game=game.id, poster=poster, certificate=proposal.digest, left=0, code=None, message=None)
    scarcity = [price - offer.price for price, offer in zip(proposal.prices, arena.sellers, strict=True)]
    buyers = [demand.buyer for demand in arena.buyers]
    proof = Proof(slot_game(game, arena), scarcity, proposal.corrections, proposal.proof, buyers)
    try:
        proof.go_on(PART_PAIRS)
    except (CorrectionsUnfit, CorrectionsHarmful, GapTooLarge, RegretTooLarge) as wrong:
        await proposals.remove(context, game, poster, is_wrong=True)
        said = said.model_copy(update={"code": wrong.code, "message": wrong.message})
        context.emit(ClearingRefusedEvent(**said.model_dump(exclude={"left"})))
        return said
    if not proof.is_whole:
        context.save(proposal.but(proof=proof.state), game.id, poster)
        return said.model_copy(update={"left": proof.state.left(len(buyers))})
    accepted = _certificate(poster, proposal.digest, proposal.prices, proposal.corrections, proof.verdict)
    accepted = accepted.but(rests=proof.state.rests)
    context.save(accepted, game.id)
    await proposals.remove_all(context, game)
    loads = [Energy(load) for load in proof.state.sums.loads]
    await _stop(context, game, arena, loads, accepted, start(arena, proof.state.rests))
    return said


def _certificate(
    poster: str, digest: str, prices: list[Price], corrections: dict[int, dict[int, Energy]], verdict: Verdict
) -> Certificate:
    return Certificate(
        poster=poster,
        digest=digest,
        prices=prices,
        corrections=corrections,
        upper=verdict.upper,
        lower=verdict.lower,
        allowance=verdict.allowance,
    )


def _digest(data: PublishClearing) -> str:
    """Return the certificate's hash: of its content, whoever posts it."""
    content = {
        "arena": data.arena,
        "prices": data.prices,
        "corrections": {buyer: dict(row) for buyer, row in data.corrections.items()},
    }
    return hashlib.sha256(exact_json(content)).hexdigest()


def _scarcity(game: Game, arena: Arena, prices: Mapping[str, Price]) -> list[int]:
    """Return pi, by how much posted prices are above the base prices."""
    sellers = {offer.seller for offer in arena.sellers}
    if prices.keys() != sellers:
        missing, unknown = sorted(sellers - prices.keys()), sorted(prices.keys() - sellers)
        raise ClearingIncomplete(game=game.id, missing=_some(missing), unknown=_some(unknown))
    for offer in arena.sellers:
        if prices[offer.seller] < offer.price:
            price, base = currency_per_kwh(prices[offer.seller]), currency_per_kwh(offer.price)
            raise PriceBelowBase(seller=offer.seller, price=price, base=base)
    return [prices[offer.seller] - offer.price for offer in arena.sellers]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) or "none"


def _numbered(
    game: Game, arena: Arena, corrections: Mapping[str, Mapping[str, Energy]]
) -> dict[int, dict[int, Energy]]:
    """Name the buyers and sellers of corrections by their numbers."""
    sellers = {offer.seller: j for j, offer in enumerate(arena.sellers)}
    buyers = {demand.buyer: i for i, demand in enumerate(arena.buyers)}
    named = {seller for row in corrections.values() for seller in row}
    if unknown := sorted((corrections.keys() - buyers.keys()) | (named - sellers.keys())):
        raise CorrectionsUnfit(problems=f"{_some(unknown)} not in game {game.id} as buyer or seller")
    return {
        buyers[buyer]: {sellers[seller]: energy for seller, energy in sorted(row.items())}
        for buyer, row in sorted(corrections.items())
    }


def _proved(
    slot: SlotGame, scarcity: Sequence[int], corrections: Mapping[int, Mapping[int, int]], buyers: Sequence[str]
) -> tuple[Purchases, Verdict]:
    """Return purchases that proved to be the equilibrium's, and how.

    Raises
    ------
    CorrectionsUnfit, CorrectionsHarmful, GapTooLarge, RegretTooLarge
    """
    purchases = certificate.purchases_at(slot, scarcity)
    verdict = certificate.verify(slot, scarcity, purchases)
    if corrections:
        purchases = corrected(purchases, corrections)
        without, verdict = verdict, certificate.verify(slot, scarcity, purchases)
        if not verdict.fits:
            raise unfit()
        if verdict.gap > without.gap:
            gap, before = presentation.exact_cost(verdict.gap), presentation.exact_cost(without.gap)
            raise CorrectionsHarmful(gap=gap, without=before)
    require_small(verdict)
    if verdict.regretful is not None:
        loads, worst = certificate.loads_of(slot, purchases), certificate.spread(slot, scarcity)
        most = certificate.bearable(slot, verdict.regretful, purchases.of(verdict.regretful), loads, worst)
        raise too_regretful(buyers[verdict.regretful], most, verdict.gap)
    return purchases, verdict


async def _stop(
    context: Context, game: Game, arena: Arena, loads: list[Energy], proof: Certificate, walk: Walk | None
) -> None:
    """Let count what was proved. The gap bounds what each buyer could still save."""
    play = (await context.load(Play, game.id)).but(loads=loads)
    most = Money(-(-(proof.upper - proof.lower) // ENERGY_TIMES_PRICE_PER_MONEY))
    await stop_cleared(context, game, arena, play, most, walk)


@rule
async def fall_back(context: Context, data: FallBack) -> FellBack:
    """End the wait for a clearing that did not come."""
    game, clearing = await _game(context, data)
    if context.now_ms < clearing.ends_ms:
        raise ClearingAwaited(game=game.id, deadline=iso_time(clearing.ends_ms))
    if context.now_ms < clearing.ends_ms + proposals.PROOF_MS and await context.exists(Proposals, game.id):
        raise ProofAwaited(game=game.id, deadline=iso_time(clearing.ends_ms + proposals.PROOF_MS))
    await proposals.remove_all(context, game)
    arena = await context.arena(game)
    turns_end_ms = context.now_ms + _turns_ms(game, arena)
    if game.has_slot_time and turns_end_ms > (game.delivery_starts_ms or 0):
        context.save(clearing.but(fallback=Fallback.GRID), game.id)
        await stop(context, game, arena, await context.load(Play, game.id), StopReason.DEADLINE)
        return FellBack(game=game.id, fallback=Fallback.GRID)
    context.save(clearing.but(fallback=Fallback.TURNS), game.id)
    context.save(_in_turn_order(arena), game.id)
    await sequential_best_response.begin(context, game)
    return FellBack(game=game.id, fallback=Fallback.TURNS)


def _in_turn_order(arena: Arena) -> Arena:
    place = {demand.buyer: i for i, demand in enumerate(arena.buyers)}
    buyers = turn_order(arena.buyers)
    return arena.but(buyers=buyers, hops=[arena.hops[place[demand.buyer]] for demand in buyers])
