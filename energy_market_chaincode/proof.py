"""The proof of a clearing, in parts: to the same verdict as :func:`~energy_market_chaincode.certificate.verify`.

Buyers fill up one after the other, so a part needs to know what the ones before it left of each seller, what these lost
by rounding, and what has been summed up. All buyers fill up three times: first to know what they leave, then with what
is sold of that, to sum up the potential and its lower bound, and at last with everybody's loads known, to see whether
anybody could save too much. That takes longer than to remember what they bought, and is a hundredth of the bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.certificate import (
    GAP_SHARE,
    FillingUp,
    Purchase,
    SlotGame,
    Sums,
    Verdict,
    allowance,
    bearable,
    lower_of_buyer,
    lower_of_sellers,
    most_regret,
    regret,
    spread,
    unsold,
)
from energy_market_chaincode.errors import CorrectionsHarmful, CorrectionsUnfit, GapTooLarge, RegretTooLarge
from energy_market_chaincode.records import Arena
from energy_market_chaincode.unfinished import ProofState, Totals, Walk
from energy_market_chaincode.units import Energy
from energy_market_chaincode.vocabulary import ProofStage

Corrections = Mapping[int, Mapping[int, int]]

PART_PAIRS = 100_000
"""So many pairs of a buyer and a seller a command works on at once: less than half a second of one processor."""
CHECKED_PER_PAIR = 10
"""So many sellers are looked at, in a bound of a buyer's regret, in the time in which it fills up at one."""
PAIRS_PER_RESPONSE = 8
"""A best response takes so many times as long for each seller."""


def beginning(arena: Arena) -> ProofState:
    """Return the state before the first part."""
    nothing = [0] * len(arena.sellers)
    return ProofState(stage=ProofStage.FILL, done=0, walk=start(arena, {}), sums=Totals(loads=nothing, squares=nothing))


def start(arena: Arena, rests: Mapping[int, int]) -> Walk:
    """Return where buyers begin to fill up."""
    return _start([offer.capacity for offer in arena.sellers], rests)


def _start(capacities: Sequence[int], rests: Mapping[int, int]) -> Walk:
    return Walk(room=list(capacities), carry=[0] * len(capacities), rests=dict(rests))


class Walker:
    """Lets buyers fill up in their order, each with its part of the rests and as corrected."""

    def __init__(self, game: SlotGame, scarcity: Sequence[int], corrections: Corrections, walk: Walk) -> None:
        self.filling = FillingUp(game, scarcity, walk.room, walk.carry)
        self._rests = dict(walk.rests)
        self._offered = 0
        self._corrections = corrections

    def plain(self, buyer: int) -> Purchase:
        """Return what the next buyer buys before it is corrected."""
        self._offered += len(self._rests)
        return self.filling.with_rests(buyer, self.filling.fill(buyer), self._rests)

    def corrected(self, buyer: int, plain: Purchase) -> Purchase:
        """Return what it buys."""
        row = self._corrections.get(buyer)
        return plain if row is None else plain.corrected(row)

    def rows(self, buyers: Iterable[int]) -> Iterator[dict[int, Energy]]:
        """Yield what buyers take of each seller; the next one fills up when it is asked for."""
        for buyer in buyers:
            bought = self.corrected(buyer, self.plain(buyer)).bought
            yield {seller: Energy(energy) for seller, energy in sorted(bought.items())}

    @property
    def walk(self) -> Walk:
        """How far they are."""
        return Walk(room=self.filling.room, carry=self.filling.carry, rests=self._rests)

    @property
    def work(self) -> int:
        """How many pairs of a buyer and a seller they and whoever adds up what they buy worked on."""
        return 2 * self.filling.looks + self._offered


class Proof:
    """A clearing's proof in one part's hands.

    Parameters
    ----------
    names
        The buyers'.
    """

    def __init__(
        self,
        game: SlotGame,
        scarcity: Sequence[int],
        corrections: Corrections,
        state: ProofState,
        names: Sequence[str],
    ) -> None:
        self._game, self._scarcity, self._corrections, self._names = game, scarcity, corrections, names
        self.state = state
        self.is_whole = False

    def go_on(self, pairs: int) -> None:
        """Work on some pairs of a buyer and a seller.

        Raises
        ------
        CorrectionsUnfit, CorrectionsHarmful, GapTooLarge, RegretTooLarge
            As soon as the clearing turns out wrong.
        """
        stages = {ProofStage.FILL: self._fill, ProofStage.SUM: self._sum, ProofStage.REGRET: self._regret}
        while pairs > 0 and not self.is_whole:
            pairs = stages[self.state.stage](pairs)

    def _walker(self) -> Walker:
        return Walker(self._game, self._scarcity, self._corrections, self.state.walk)

    def _fill(self, pairs: int) -> int:
        walker, buyer = self._walker(), self.state.done
        while buyer < len(self._names) and pairs > walker.filling.looks:
            walker.filling.fill(buyer)
            buyer += 1
        self.state = self.state.but(done=buyer, walk=walker.walk)
        if buyer == len(self._names):
            rests = walker.filling.scarce_rests()
            self._enter(ProofStage.SUM, rests=rests, plain=self.state.sums if self._corrections else None)
        return pairs - walker.filling.looks

    def _enter(self, stage: ProofStage, **changes: object) -> None:
        self.state = self.state.but(stage=stage, done=0, **changes)
        self.state = self.state.but(walk=_start(self._game.capacities, self.state.rests))

    def _sum(self, pairs: int) -> int:
        state, game, walker = self.state, self._game, self._walker()
        buyer, lower = state.done, state.lower
        sums, without = _sums(state.sums), None if state.plain is None else _sums(state.plain)
        while buyer < len(self._names) and pairs > walker.work:
            plain = walker.plain(buyer)
            bought = walker.corrected(buyer, plain)
            if bought.grid < 0:
                raise unfit()
            sums.add(game, buyer, bought)
            if without is not None:
                without.add(game, buyer, plain)
            lower += lower_of_buyer(game, buyer, plain.level, walker.filling)
            buyer += 1
        plain_totals = None if without is None else _totals(without)
        self.state = state.but(done=buyer, walk=walker.walk, lower=lower, sums=_totals(sums), plain=plain_totals)
        if buyer == len(self._names):
            self._judge(sums, without)
        return pairs - walker.work

    def _judge(self, sums: Sums, without: Sums | None) -> None:
        """Tell whether (A) and (B) hold, now that all is summed up."""
        game, upper = self._game, sums.upper(self._game)
        lower = self.state.lower + lower_of_sellers(game, self._scarcity)
        if any(load > capacity for load, capacity in zip(sums.loads, game.capacities, strict=True)):
            raise unfit()
        if without is not None and upper > (before := without.upper(game)):
            gaps = {"gap": presentation.exact_cost(upper - lower), "without": presentation.exact_cost(before - lower)}
            raise CorrectionsHarmful(**gaps)
        require_small(Verdict(True, upper, lower, allowance(game, self._scarcity)))
        self._enter(ProofStage.REGRET, upper=upper, lower=lower)

    def _regret(self, pairs: int) -> int:
        game, walker, buyer = self._game, self._walker(), self.state.done
        loads, worst, gap = self.state.sums.loads, spread(game, self._scarcity), self.state.upper - self.state.lower
        rest = unsold(game, loads)
        while buyer < len(self._names) and pairs > walker.work:
            bought = walker.corrected(buyer, walker.plain(buyer))
            most = bearable(game, buyer, bought, loads, worst)
            if gap > most:
                pairs -= len(rest) // CHECKED_PER_PAIR
                if most_regret(game, buyer, bought, loads, rest) > most:
                    pairs -= PAIRS_PER_RESPONSE * len(loads)
                    if regret(game, buyer, bought, loads) > most:
                        raise too_regretful(self._names[buyer], most, gap)
            buyer += 1
        self.state = self.state.but(done=buyer, walk=walker.walk)
        self.is_whole = buyer == len(self._names)
        return pairs - walker.work

    @property
    def verdict(self) -> Verdict:
        """What was found, once all is proved."""
        return Verdict(True, self.state.upper, self.state.lower, allowance(self._game, self._scarcity))


def require_small(verdict: Verdict) -> None:
    """Refuse a gap that is too large; raises GapTooLarge."""
    if not verdict.is_small:
        limit = verdict.allowance + abs(verdict.upper) // GAP_SHARE
        shown = {"gap": verdict.gap, "potential": verdict.upper, "limit": limit, "grid": verdict.allowance}
        raise GapTooLarge(**{name: presentation.exact_cost(value) for name, value in shown.items()})


def too_regretful(buyer: str, most: int, gap: int) -> RegretTooLarge:
    """Return what is wrong if a buyer could save more than it may."""
    return RegretTooLarge(buyer=buyer, limit=presentation.exact_cost(most), gap=presentation.exact_cost(gap))


def unfit() -> CorrectionsUnfit:
    """Return what is wrong if corrections leave (A) untrue."""
    return CorrectionsUnfit(problems="somebody would buy more than its demand, or a seller sell more than it has")


def _sums(totals: Totals) -> Sums:
    return Sums(list(totals.loads), list(totals.squares), totals.linear)


def _totals(sums: Sums) -> Totals:
    return Totals(loads=sums.loads, squares=sums.squares, linear=sums.linear)
