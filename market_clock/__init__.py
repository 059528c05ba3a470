"""The market clock: opens, closes and times the phases of every game on the ledger.

It keeps no truth of its own: what is due follows from the ledger and the time. Only the schedule of games to come is
stored here (``clock.sqlite`` in the home).

A game's phases
    Registration stops at its end, or as soon as all expected participants are in: since an offer causes no event, the
    clock then looks every 200 ms. A buyer is skipped at its deadline. The market closes at the end of the delivery, or
    as soon as every transfer is fulfilled and every buyer without one reported its demand: since such a reading causes
    no event, the clock asks again after twice as long each time, and at the end of the delivery.
Rejections
    A command that is too early by the ledger's time teaches the clock by how much its machine leads, for all games; it
    waits for the rest, however long that is, and such a rejection is no failure. What fails otherwise is tried again,
    under a new command id, twelve times over two minutes; then every five minutes, at once when something happens to
    the game, and at the moment that the game itself names: its registration's or delivery's end, or the deadline.
Restarts, and several clocks
    Commands have ids that follow from what they are about, so repeating them is harmless, and what another clock or an
    operator did before is noticed on the ledger.
Another ledger
    Once the queue leads to another ledger than at first (or than ENERGY_MARKET_LEDGER_ID says), the clock says so on
    /ready and in one line of its log, and does nothing more until it is started again.
The schedule
    Intervals are counted from 1970-01-01 UTC, cron is in UTC. A game is named after its slot. Slots that passed while
    the clock was stopped, the queue out of reach or the clock's key refused are made up for by one game, for the latest
    of them. Slots that passed while the clock was paused are given up. A slot that has a game gets no second one.
Speed
    At speed 60 an hour of the schedule passes in a minute, and the registration and the delivery of the games that this
    clock publishes are 60 times as short. Turn deadlines stay: a buyer needs its time to compute, whatever the speed.
Simulated time
    In a market whose time is simulated, that is the schedule's: its slots are the market's, and it passes by the
    market's factor. A speed beside it is refused on /ready. What the clock does is due at the real moment that the
    market's mapping gives.
"""

from http_service import quick_start

with quick_start():
    from market_clock.service import build_app
    from market_clock.settings import ClockSettings

__all__ = ["ClockSettings", "build_app"]
