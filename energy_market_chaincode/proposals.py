"""Clearings that are being proved part by part: one for each signer and game, with a bond for being wrong."""

from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import ProposalOpen, ProposalsFull
from energy_market_chaincode.records import Account, Escrow, Game, Prosumer
from energy_market_chaincode.statements import enter_movement
from energy_market_chaincode.unfinished import Proposal, Proposals
from energy_market_chaincode.units import Money
from energy_market_chaincode.vocabulary import GRID_OPERATOR, EntryKind, Role

BOND = Money(1_000_000)
"""What a proposal costs a prosumer that turns out wrong, 1 unit of currency: some ten seconds of a processor at each
peer are worth less, and whoever can pay for a slot can set it aside. An operator answers with its office."""
MOST_OPEN = 8
"""So many clearings of prosumers are proved at once in a game: an operator's is taken in any case."""
PROOF_MS = 120_000
"""How long a clearing that was posted in time may go on proving itself."""


def _bond_of(game: Game) -> str:
    """Return under which name a bond is held beside the game's escrows: no game can have it."""
    return f"{game.id}+bond"


async def bond_due(context: Context, game: Game) -> Money:
    """Return what bond the signer has to give for a clearing.

    Raises
    ------
    ProposalOpen, ProposalsFull
        If it may not post one now.
    """
    posters = (await context.find(Proposals, game.id) or Proposals()).posters
    known = await context.find(Proposal, game.id, context.signer)
    if known is not None:
        left = known.proof.left(len((await context.arena(game)).buyers))
        raise ProposalOpen(game=game.id, poster=context.signer, left=left)
    if (await context.load(Prosumer, context.signer)).role is Role.OPERATOR:
        return Money(0)
    if len(posters) >= MOST_OPEN:
        raise ProposalsFull(game=game.id, open=len(posters))
    return BOND


async def enter(context: Context, game: Game, proposal: Proposal) -> None:
    """Note that the signer's clearing is being proved, and freeze its bond; raises InsufficientFunds."""
    posters = (await context.find(Proposals, game.id) or Proposals()).posters
    if proposal.bond:
        books = await context.books([context.signer])
        books.freeze(context.signer, proposal.bond)
        context.close_books(books)
        context.save(Escrow(deposit=proposal.bond), _bond_of(game), context.signer)
    context.save(Proposals(posters=[*posters, context.signer]), game.id)
    context.save(proposal, game.id, context.signer)


async def remove(context: Context, game: Game, poster: str, *, is_wrong: bool = False) -> None:
    """Remove a clearing that is decided; its bond is the poster's again, or if it was wrong the grid operator's."""
    proposal = await context.load(Proposal, game.id, poster)
    posters = (await context.load(Proposals, game.id)).posters
    if proposal.bond:
        account = await context.load(Account, poster)
        books = await context.books([poster, GRID_OPERATOR] if is_wrong or account.debt else [poster])
        books.thaw(poster, proposal.bond)
        if is_wrong:
            books.pay(poster, GRID_OPERATOR, proposal.bond)
        books.repay_debts()
        context.close_books(books)
        context.delete(Escrow, _bond_of(game), poster)
        if is_wrong:
            await enter_movement(context, poster, EntryKind.FORFEITED_BOND, Money(-proposal.bond))
    context.delete(Proposal, game.id, poster)
    if len(posters) > 1:
        context.save(Proposals(posters=[each for each in posters if each != poster]), game.id)
    else:
        context.delete(Proposals, game.id)


async def remove_all(context: Context, game: Game) -> None:
    """Remove all clearings of a game that needs none any more, and return their bonds."""
    for poster in (await context.find(Proposals, game.id) or Proposals()).posters:
        await remove(context, game, poster)
