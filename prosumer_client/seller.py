"""A seller: offers its surplus in one game after the other."""

from dataclasses import dataclass
from decimal import Decimal

from energy_market_chaincode import GameView, Terms, Topic, units
from prosumer_client.amounts import UnusableDecision, read_number, round_price
from prosumer_client.client import MarketClient
from prosumer_client.participant import Registration, Trader


@dataclass(frozen=True, slots=True)
class Offer:
    """How much a seller offers (kWh, at most four decimals) and at which base price (currency per kWh)."""

    amount: Decimal
    price: Decimal


def usable_offer(trader: Trader, offer: Offer, terms: Terms) -> dict[str, Decimal]:
    """Return the data of an offer; raises UnusableDecision."""
    amount, price = trader.rounded_kwh(offer.amount, game=terms.game), round_price(offer.price)
    if amount <= 0 or price <= 0:
        raise UnusableDecision(f"{offer} is nothing to sell: amount and price must be above zero")
    return {"amount": amount, "price": price}


class Seller(Trader):
    """Offers the same in every game, unless :meth:`offer` is overridden.

    Parameters
    ----------
    capacity
        kWh.
    price
        Currency per kWh, for the first of them: the unit price is p (1 + L / C).
    """

    def __init__(self, market: MarketClient, capacity: Decimal | str, price: Decimal | str) -> None:
        super().__init__(market)
        self._offer = Offer(
            units.kwh(units.energy_from_kwh(read_number(capacity))),
            units.currency_per_kwh(units.price_from_currency_per_kwh(read_number(price))),
        )
        self.log.info(f"Created seller with offer amount: {self._offer.amount}, price: {self._offer.price}")

    async def offer(self, terms: Terms) -> Offer | None:
        """Return what to offer in a game; None to stay out of it, as does an amount of zero. Override it."""
        return self._offer

    async def entry(self, terms: Terms) -> Registration | None:
        """Register with the offer."""
        offer = await self.offer(terms)
        if offer is None:
            return None
        if not isinstance(offer, Offer):
            raise UnusableDecision(f"offer() is to return an Offer or None, not {offer!r}")
        return Registration(Topic.PUBLISH_OFFER, usable_offer(self, offer, terms))

    def is_in(self, game: GameView) -> bool:
        """Tell whether it offers."""
        return game.has_seller(self.prosumer)
