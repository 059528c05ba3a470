"""A day's scenario: households with their load and photovoltaics by slot, the grid's tariffs, and the network.

>>> day = scenario_named("day")
>>> day.slots.count, sorted(day.profiles)
(96, ['I-1', 'I-2', 'I-3', 'I-4'])

Each household buys in a slot what it lacks, and offers what it has left.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from demo.scenario import (
    RESERVED_NAMES,
    GamePrices,
    Inconsistency,
    Playable,
    ScenarioPart,
    hop_table,
    network_inconsistencies,
    whole_hundreds,
)
from energy_market_chaincode import (
    Energy,
    Identifier,
    Instant,
    Price,
    PublishGame,
    duration_ms,
    iso_time,
    moment,
    units,
)
from prosumer_client import Battery, Profile, ShiftableLoad, Use, flows_of

PROFILE_COLUMNS = ("start", "prosumer", "load_kwh", "pv_kwh")


Tariff = Annotated[
    Decimal,
    BeforeValidator(lambda value: units.currency_per_kwh(units.price_from_currency_per_kwh(value))),
    Field(ge=-(10**6), le=10**6),
]


class DaySlots(ScenarioPart):
    """Which slots are played: so many of a length, one after the other, from an instant on."""

    start: Instant
    step: Annotated[timedelta, BeforeValidator(lambda value: timedelta(milliseconds=duration_ms(str(value))))]
    count: Annotated[int, Field(ge=1, le=1000, strict=True)]

    @model_validator(mode="after")
    def _on_the_step(self) -> Self:
        if timedelta(days=1) % self.step:
            raise ValueError("needs a step that divides a day, for instance 15m")
        if self.start % self.step_ms:
            raise ValueError("needs a start that is on the step, as 00:00, 00:15 and so on are for 15m")
        return self

    @property
    def step_ms(self) -> int:
        """How long a slot is."""
        return self.step // timedelta(milliseconds=1)

    def starts(self) -> list[datetime]:
        """Return when each slot starts."""
        return [moment(self.start + number * self.step_ms) for number in range(self.count)]


class GridTariffs(ScenarioPart):
    """What the grid takes and gives for a kWh."""

    retail: Tariff
    feed_in: Tariff

    @model_validator(mode="after")
    def _no_gain_in_a_circle(self) -> Self:
        if self.retail < self.feed_in:
            raise ValueError("needs a retail tariff that is not below feed_in, or energy would be bought to be fed in")
        return self


class Devices(ScenarioPart):
    """What a household has beside its profile."""

    battery: Battery | None = None
    shiftable: ShiftableLoad | None = None


class DayUnusable(Exception):
    """A day's scenario whose fields are right one by one does not fit together, or with its files."""

    def __init__(self, found: Sequence[Inconsistency]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, one.path))} {one.sentence}" for one in found))
        self.found = list(found)


class DayScenario(Playable):
    """Everything the demo needs to play one game for each slot of a day.

    Attributes
    ----------
    tariffs
        Of each slot.
    profiles
        Of each household, in the order in which they are to register; a step for each slot.
    households
        Their devices, of those that have some.
    rows_left_out
        How many rows of the file are of other slots.
    """

    slots: DaySlots
    tariffs: list[GridTariffs]
    profiles: dict[Identifier, Profile]
    households: dict[Identifier, Devices] = Field(default_factory=dict)
    rows_left_out: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        table = None if self.hops is None else _square(self.hops)
        network = network_inconsistencies(self.profiles, self.profiles, self.graph, table)
        found = [*_of_people(self.profiles, self.households), *network]
        if found:
            raise DayUnusable(found)
        return self

    def histories(self) -> dict[str, dict[str, Decimal]]:
        """Return the households; nothing was metered of them before."""
        return {name: {} for name in self.profiles}

    def games(self) -> list[dict[str, Any]]:
        """Return the data of a publishGame command for each slot."""
        stated = self.game.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return [
            stated
            | {"deliverySlot": iso_time(self.slots.start + number * self.slots.step_ms)}
            | {"slotDurationMs": self.slots.step_ms}
            | {"retailTariff": str(tariffs.retail), "feedInTariff": str(tariffs.feed_in)}
            for number, tariffs in enumerate(self.tariffs)
        ]

    def devices(self, household: str) -> Devices:
        """Return what a household has beside its profile."""
        return self.households.get(household, Devices())

    def flows(self) -> dict[str, Profile]:
        """Return what each household takes from the network (load) and feeds into it (pv), its devices included."""
        owned = {name: self.devices(name) for name in self.profiles}
        return {name: flows_of(self.profiles[name], each.battery, each.shiftable) for name, each in owned.items()}

    def cover(self) -> dict[str, Decimal]:
        """Currency that every household needs for its orders of all slots at once, in whole hundreds."""
        prices = [GamePrices.of(PublishGame.model_validate(game)) for game in self.games()]
        needed = dict.fromkeys(self.profiles, 0)
        for name, flows in self.flows().items():
            for flow, of_slot in zip(flows.uses.values(), prices, strict=True):
                needed[name] += of_slot.of_an_offer(flow.pv, Price(0))
                needed[name] += of_slot.of_a_demand(flow.load, len(self.profiles))
        return {name: whole_hundreds(amount) for name, amount in needed.items()}

    def needed_groups(self) -> dict[str, dict[str, int]]:
        """Return the households, each with the number of slots in which it lacks something or has something left."""
        wanted = {name: sum(bool(f.load or f.pv) for f in flows.uses.values()) for name, flows in self.flows().items()}
        return {"households": wanted}

    def hop_distances(self) -> dict[str, dict[str, int]]:
        """{household: {household: hops}}; to itself none."""
        if self.graph is not None:
            return hop_table(self.graph, self.profiles, self.profiles)
        assert self.hops is not None  # noqa: S101 - one of both is there, see _consistent; for the type checker
        return _square(self.hops)

    def roster(self, folder: Path) -> Iterator[dict[str, Any]]:
        """Write each household's profile to a file of its own, and yield its entry."""
        return roster_of_days([self], folder)

    def instance(self) -> dict[str, Any]:
        """Return the day as a document; amounts as Decimal kWh and currency per kWh."""
        return {
            "name": self.name,
            "slots": {"start": iso_time(self.slots.start), "step_ms": self.slots.step_ms, "count": self.slots.count},
            "tariffs": [{"retail": each.retail, "feed_in": each.feed_in} for each in self.tariffs],
            "households": {
                name: self.devices(name).model_dump(mode="json", exclude_none=True) for name in self.profiles
            },
            "balances": self.balances(),
            "hops": self.hop_distances(),
            "fee_per_hop": self.fee_per_hop,
        }

    @property
    def period(self) -> timedelta:
        """After which it can come again at the same time of day: whole days."""
        return -(-self.slots.step * self.slots.count // timedelta(days=1)) * timedelta(days=1)

    def later(self, shift: timedelta) -> "DayScenario":
        """Return the same day at another time, a multiple of a step later."""
        slots = self.slots.model_copy(update={"start": self.slots.start + shift // timedelta(milliseconds=1)})
        profiles = {name: profile.later(shift) for name, profile in self.profiles.items()}
        return self.model_copy(update={"slots": slots, "profiles": profiles})

    def warnings(self) -> list[str]:
        """Say what is allowed but probably not meant."""
        found = super().warnings()
        if self.rows_left_out:
            found.append(
                f"{self.rows_left_out} rows of the profiles of {self.name} are of other slots; they are not played."
            )
        flows = [flows.uses.values() for flows in self.flows().values()]
        if not any(_can_trade(slot) for slot in zip(*flows, strict=True)):
            found.append(
                f"In no slot of {self.name} does one household lack what another has left: nothing can be traded."
            )
        return found


def _can_trade(flows: Sequence[Use]) -> bool:
    return any(flow.load for flow in flows) and any(flow.pv for flow in flows)


def _of_people(names: Collection[str], households: Iterable[str]) -> Iterator[Inconsistency]:
    for name in names:
        if name in RESERVED_NAMES:
            yield Inconsistency(("profiles",), f"name {name}, which is the market's own account; choose another name")
    for name in households:
        if name not in names:
            yield Inconsistency(("households", name), "has no rows in the profiles")


def _square(hops: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return a table with the hops of each household to itself, which nobody has to state."""
    return {name: {name: 0, **row} for name, row in hops.items()}


def roster_of_days(days: Sequence[DayScenario], folder: Path) -> Iterator[dict[str, Any]]:
    """Write the profile that each household has in days with the same ones to a file of its own; yield its entry.

    A profile has no gaps, and its step shows between two rows: so there are rows of no energy between days that do not
    follow one another, and one after a single slot. No games are played there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = days[0].slots.step
    first, last = days[0].slots.starts()[0], days[-1].slots.starts()[-1]
    starts = [first + number * step for number in range(max(2, (last - first) // step + 1))]
    for name in days[0].profiles:
        uses = {start: use for day in days for start, use in day.profiles[name].uses.items()}
        file = folder / f"{name}.csv"
        with file.open("w", newline="") as lines:
            table = csv.writer(lines)
            table.writerow(PROFILE_COLUMNS)
            for start in starts:
                use = uses.get(start, Use(Energy(0), Energy(0)))
                table.writerow((start.isoformat(), name, units.kwh(use.load), units.kwh(use.pv)))
        devices = days[0].devices(name).model_dump(mode="json", exclude_none=True)
        yield {"id": name, "role": "household", "profile": str(file), **devices}
