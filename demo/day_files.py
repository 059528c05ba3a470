"""A day's scenario as files: what its YAML states, and the tables beside it.

Profiles are read as meters' files are, see :mod:`prosumer_client.meter_file`: nothing is guessed, and what a slot lacks
is said, row by row.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError

from demo.day_scenario import PROFILE_COLUMNS, DayScenario, DaySlots, DayUnusable, Devices, GridTariffs, ProfileSlot
from demo.scenario import Edge, Hops, ScenarioSettings
from demo.topology import Inconsistency
from energy_market_chaincode import Identifier, Instant, moment
from market_files import UnusableFile, read_text
from prosumer_client import FileLayout, MeterSeries, Trouble, UnusableMeterFile, read_meter_file

TARIFF_COLUMNS = ("start", "retail", "feed_in")
LARGEST_FILE_BYTES = 20 << 20
"""A year of quarter-hours of ten houses takes three quarters of it."""
MOST_SHOWN = 10
"""So many problems of one file are listed, and how many more there are."""
SAID_ELSEWHERE = {
    "game": "slots",
    "delivery_slot": "slots",
    "slot_duration_ms": "slots",
    "delivery_duration_ms": "slots",
    "retail_tariff": "tariffs",
    "feed_in_tariff": "tariffs",
}
"""What the games of a day cannot state, and which field says it for each of them."""

_INSTANT = TypeAdapter(Instant)
_IDENTIFIER = TypeAdapter(Identifier)


class StatedDay(ScenarioSettings):
    """A scenario file of a day, which names the files of its profiles and, perhaps, of its tariffs."""

    profiles: Annotated[str, Field(min_length=1)]
    slots: DaySlots
    tariffs: Annotated[
        Annotated[GridTariffs, Tag("[of all]")] | Annotated[str, Field(min_length=1), Tag("[file]")],
        Discriminator(lambda stated: "[file]" if isinstance(stated, str) else "[of all]"),
    ]
    households: dict[Identifier, Devices] = Field(default_factory=dict)
    graph: Annotated[list[Edge], Field(min_length=1, max_length=100_000)] | None = None
    hops: dict[Identifier, dict[Identifier, Hops]] | None = None

    def day(self, folder: Path) -> DayScenario:
        """Read the files, which are in the scenario's folder.

        Raises
        ------
        DayUnusable
        """
        found = [
            Inconsistency(("game", field), f"is not stated here: {by} say it for each game of a day")
            for field, by in SAID_ELSEWHERE.items()
            if field in self.game.model_fields_set
        ]
        profiles, tariffs = (
            _Profiles(folder / self.profiles, self.slots),
            _TariffTable(self.tariffs, folder, self.slots),
        )
        found += [*profiles.found, *tariffs.found]
        if found:
            raise DayUnusable(found)
        same = (*ScenarioSettings.model_fields, "slots", "households", "graph", "hops")
        settings = {name: getattr(self, name) for name in same}
        return DayScenario(
            **settings, tariffs=tariffs.by_slot, profiles=profiles.rows, rows_left_out=profiles.rows_left_out
        )


def _text(field: str, file: Path) -> str:
    try:
        return read_text(file, LARGEST_FILE_BYTES).removeprefix("\ufeff")
    except OSError as error:
        reason = str(error.strerror)
    except UnusableFile as error:
        reason = str(error)
    raise DayUnusable(
        [Inconsistency((field,), f"cannot be read from {file} ({reason}); the path is beside the scenario")]
    )


class _Profiles:
    """The profiles of a file: rows of each household and slot, or what is wrong with them."""

    def __init__(self, file: Path, slots: DaySlots) -> None:
        self.rows: dict[str, list[ProfileSlot]] = {}
        self.rows_left_out = 0
        self.found: list[Inconsistency] = []
        try:
            self._read(file, slots)
        except DayUnusable as unusable:
            self.found = unusable.found

    def _read(self, file: Path, slots: DaySlots) -> None:
        start, prosumer, load, pv = PROFILE_COLUMNS
        layout = FileLayout(start, load, pv, prosumer, step=slots.step)
        try:
            series = read_meter_file(_text("profiles", file).splitlines(keepends=True), layout)
        except UnusableMeterFile as unusable:
            _refuse("profiles", file, [str(unusable)])
        starts = slots.starts()
        problems = list(_problems(series, starts)) if series else ["there are no rows"]
        if problems:
            _refuse("profiles", file, problems)
        played = set(starts)
        for each in series:
            rows = [row for row in each.readings if row.start in played]
            self.rows[each.prosumer] = [ProfileSlot(row.start, row.in_kwh, row.out_kwh) for row in rows]
            self.rows_left_out += len(each.readings) - len(rows)


def _problems(series: Sequence[MeterSeries], starts: Sequence[datetime]) -> Iterator[str]:
    """Tell what is wrong with rows, and which slots have none."""
    for each in series:
        if not _is_identifier(each.prosumer):
            yield f"{each.prosumer!r} is no id of a prosumer: letters, digits and _.:- after the first, at most 64"
        for finding in each.findings:
            if (
                finding.trouble is not Trouble.GAP
            ):  # slots without a row are told below; a gap elsewhere matters to nobody
                yield f"row {finding.row}: {finding.text}"
        there = {reading.start for reading in each.readings}
        missing = [start for start in starts if start not in there]
        if missing:
            yield f"{each.prosumer} has no row for {len(missing)} slots, the first of {missing[0]:%Y-%m-%dT%H:%MZ}"


def _is_identifier(name: str) -> bool:
    try:
        _IDENTIFIER.validate_python(name)
    except ValidationError:
        return False
    return True


def _refuse(field: str, file: Path, problems: Sequence[str]) -> NoReturn:
    """Raise DayUnusable with what is wrong with a file, but no more than a person reads."""
    shown = [f"in {file.name}: {problem}" for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        shown.append(f"in {file.name}: there are {len(problems) - MOST_SHOWN} more problems")
    raise DayUnusable([Inconsistency((field,), sentence) for sentence in shown])


class _TariffTable:
    """The tariffs of each slot: the same for all, or those of a file; or what is wrong with them."""

    def __init__(self, stated: GridTariffs | str, folder: Path, slots: DaySlots) -> None:
        self.by_slot: list[GridTariffs] = []
        self.found: list[Inconsistency] = []
        if isinstance(stated, GridTariffs):
            self.by_slot = [stated] * slots.count
            return
        try:
            self._read(folder / stated, slots)
        except DayUnusable as unusable:
            self.found = unusable.found

    def _read(self, file: Path, slots: DaySlots) -> None:
        table = csv.DictReader(_text("tariffs", file).splitlines())
        columns = ", ".join(table.fieldnames or ["nothing"])
        if set(table.fieldnames or ()) != set(TARIFF_COLUMNS):
            _refuse("tariffs", file, [f"the first row has to name {', '.join(TARIFF_COLUMNS)}; it has {columns}"])
        by_start: dict[datetime, GridTariffs] = {}
        problems: list[str] = []
        for cells in table:
            try:
                start = moment(_INSTANT.validate_python(cells["start"]))
                by_start[start] = GridTariffs.model_validate({"retail": cells["retail"], "feed_in": cells["feed_in"]})
            except ValidationError as error:
                message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
                problems.append(f"row {table.line_num}: {message}")
        missing = [start for start in slots.starts() if start not in by_start]
        if missing:
            problems.append(f"there is no row for {len(missing)} slots, the first of {missing[0]:%Y-%m-%dT%H:%MZ}")
        if problems:
            _refuse("tariffs", file, problems)
        self.by_slot = [by_start[start] for start in slots.starts()]
