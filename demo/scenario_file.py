"""Scenario files: YAML, read so that a person learns everything that is wrong at once, and where.

A day's names tables beside it: profiles are read as meters' files are, see :mod:`prosumer_client.meter_file`: nothing
is guessed, and what a slot lacks is said, row by row.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from demo.day_scenario import PROFILE_COLUMNS, DayScenario, DaySlots, DayUnusable, Devices, GridTariffs
from demo.scenario import (
    Edge,
    FieldPath,
    Generator,
    Hops,
    Inconsistency,
    Scenario,
    ScenarioSettings,
    inconsistencies,
    random_scenario,
)
from energy_market_chaincode import Identifier, Instant, moment
from market_files import UnusableFile, read_text
from prosumer_client import FileLayout, MeterSeries, Profile, Trouble, UnusableMeterFile, read_meter_file

SCENARIOS = Path(__file__).parent / "scenarios"
LARGEST_FILE_BYTES = 10 << 20
"""A thousand prosumers with a table of hops take a third of it."""
TARIFF_COLUMNS = ("start", "retail", "feed_in")
LARGEST_TABLE_BYTES = 20 << 20
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


class GeneratedScenario(ScenarioSettings):
    """A scenario file that says how to make a scenario instead of stating one."""

    generator: Generator


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
        with _gathered(found):
            profiles, rows_left_out = _profiles(folder / self.profiles, self.slots)
        with _gathered(found):
            tariffs = _tariffs(self.tariffs, folder, self.slots)
        if found:
            raise DayUnusable(found)
        same = (*ScenarioSettings.model_fields, "slots", "households", "graph", "hops")
        settings = {name: getattr(self, name) for name in same}
        return DayScenario(**settings, tariffs=tariffs, profiles=profiles, rows_left_out=rows_left_out)


@dataclass(frozen=True, slots=True, order=True)
class ScenarioProblem:
    """One thing wrong with a scenario file: its line (from 1) and a sentence."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}"


class ScenarioError(Exception):
    """A scenario file that cannot be played; lists all that is wrong with it."""

    code: ClassVar[str] = "INVALID_SCENARIO"

    def __init__(self, source: str, problems: Sequence[ScenarioProblem]) -> None:
        self.source = source
        self.problems = sorted(set(problems))
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join((f"{source} has {count}:", *(f"  {problem}" for problem in self.problems))))


class ScenarioMissing(Exception):
    """There is no scenario of that name and no such file, or it cannot be read."""

    code: ClassVar[str] = "SCENARIO_MISSING"


def scenario_named(name: str) -> Scenario | DayScenario:
    """Read a scenario file, of one game or of a day, or the one of ours with that name.

    Raises
    ------
    ScenarioMissing, ScenarioError
    """
    ours = {file.stem: file for file in sorted(SCENARIOS.glob("*.yaml"))}
    try:
        return load_playable(ours[name] if name in ours and not Path(name).exists() else Path(name))
    except (OSError, UnusableFile) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ScenarioMissing(
            f"cannot read the scenario {name} ({reason}); name a file, or one of ours: {', '.join(ours)}"
        ) from None


def load_scenario(path: Path) -> Scenario:
    """Read a scenario of one game; raises as :func:`load_playable`, and ScenarioError for a day's."""
    scenario = load_playable(path)
    if isinstance(scenario, Scenario):
        return scenario
    wanted = ScenarioProblem(1, "The scenario is of a day; here one of a single game is wanted.")
    raise ScenarioError(str(path), [wanted])


def load_playable(path: Path) -> Scenario | DayScenario:
    """Read a scenario from a YAML file, with the files that it names beside it; ``-`` is standard input.

    Raises
    ------
    ScenarioError
        If it is no YAML, or no scenario, or one of the files beside it cannot be used.
    UnusableFile
        If it is no text file of a bearable size.
    OSError
        If the file cannot be read.
    """
    source = str(path)
    node, document = _read_yaml(read_text(path, LARGEST_FILE_BYTES), source)
    if not isinstance(document, dict) or node is None:
        raise ScenarioError(source, [ScenarioProblem(1, "The file must be a mapping that begins with a name.")])
    problems = [ScenarioProblem(line, sentence) for line, sentence in _repeated_keys(node)]
    stated: Scenario | GeneratedScenario | StatedDay | None = None
    try:
        stated = _model(document).model_validate(document, by_name=True, by_alias=False)
    except ValidationError as error:
        problems += (_problem(node, path, sentence) for path, sentence in _field_errors(error))
    if _model(document) is Scenario:
        problems += (_problem(node, path, sentence) for path, sentence in _inconsistencies(document))
    if stated is None or problems:
        raise ScenarioError(source, problems)
    try:
        return _made(stated, path.parent)
    except DayUnusable as unusable:
        problems = [_problem(node, one.path, one.sentence) for one in unusable.found]
        raise ScenarioError(source, problems) from None


def _model(document: Mapping[str, Any]) -> type[Scenario | GeneratedScenario | StatedDay]:
    """Tell what kind of scenario a document is by the fields that only that kind has."""
    if document.keys() & {"profiles", "slots"}:
        return StatedDay
    return GeneratedScenario if "generator" in document else Scenario


def _made(stated: Scenario | GeneratedScenario | StatedDay, folder: Path) -> Scenario | DayScenario:
    if isinstance(stated, Scenario):
        return stated
    if isinstance(stated, StatedDay):
        return stated.day(folder)
    settings = {name: getattr(stated, name) for name in ScenarioSettings.model_fields}
    return random_scenario(stated.generator.n, stated.generator.seed, **settings)


class _ExactConstructor(SafeConstructor):
    """Numbers with a point become Decimals with the digits that were written."""

    def construct_exact(self, node: ScalarNode) -> Decimal | str:
        """Return the Decimal, or the text if it is none (``.inf``), which the model then refuses."""
        text = str(self.construct_scalar(node))
        try:
            return Decimal(text)
        except InvalidOperation:
            return text


_ExactConstructor.add_constructor("tag:yaml.org,2002:float", _ExactConstructor.construct_exact)
_ExactConstructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _read_yaml(text: str, source: str) -> tuple[Node | None, Any]:
    """Return the document twice: as nodes, which know their lines, and as values."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _ExactConstructor
    yaml.allow_duplicate_keys = True  # all of them are listed later, not only the first
    try:
        node = yaml.compose(text)
        return node, None if node is None else yaml.constructor.construct_document(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = ScenarioProblem(line, f"The file is not YAML here: {error.problem or error.context}.")
    except (YAMLError, ValueError, RecursionError) as error:
        first_line = str(error).partition("\n")[0]
        problem = ScenarioProblem(1, f"The file is not readable as YAML: {first_line}.")
    raise ScenarioError(source, [problem])


def _repeated_keys(root: Node) -> Iterator[tuple[int, str]]:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, MappingNode):
            waiting.extend(value for _, value in node.value)
            yield from _repeated_keys_of(node)


def _repeated_keys_of(node: MappingNode) -> Iterator[tuple[int, str]]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        first = lines.setdefault(str(key.value), line)
        if first != line:
            yield line, f"{key.value} stands here for the second time; the first is in line {first}."


def _problem(root: Node, path: FieldPath, sentence: str) -> ScenarioProblem:
    name = ".".join(map(str, path)) or "The scenario"
    return ScenarioProblem(_line(root, path), f"{name} {sentence}.")


def _line(root: Node, path: FieldPath) -> int:
    """Return the line of what stands at a path, or of the deepest part of the path that is there."""
    node, line = root, root.start_mark.line
    for part in path:
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
            continue
        if not isinstance(node, MappingNode):
            break
        found = next(((key, value) for key, value in node.value if str(key.value) == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1


def _field_errors(error: ValidationError) -> Iterator[tuple[FieldPath, str]]:
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        path = tuple(part for part in problem["loc"] if not str(part).startswith("["))  # [key] and such stand nowhere
        if not path:
            continue  # the model's own check of consistency, which _inconsistencies repeats with paths
        if problem["type"] == "missing":
            yield path, "is missing"
        elif problem["type"] == "extra_forbidden":
            yield path, "is not a field of a scenario; see the examples in demo/scenarios"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield path, message.removeprefix("Input ").removeprefix("String ")


_GRAPH = TypeAdapter(list[Edge])
_HOP_TABLE = TypeAdapter(dict[str, dict[str, Hops]])


def _inconsistencies(document: Mapping[str, Any]) -> Iterator[tuple[FieldPath, str]]:
    """Look for what does not fit together even where single fields are wrong, so that a person sees all at once."""
    sellers, buyers = (_names(document.get(group)) for group in ("sellers", "buyers"))
    graph = _well_formed(_GRAPH, document.get("graph"))
    hops = _well_formed(_HOP_TABLE, document.get("hops"))
    if (graph is None) != (document.get("graph") is None) or (hops is None) != (document.get("hops") is None):
        return
    for one in inconsistencies(sellers, buyers, graph, hops):
        yield one.path, one.sentence


def _names(group: object) -> list[str]:
    return [name for name in group if isinstance(name, str)] if isinstance(group, Mapping) else []


def _well_formed(form: TypeAdapter[Any], value: object) -> Any:
    try:
        return form.validate_python(value)
    except ValidationError:
        return None


@contextmanager
def _gathered(found: list[Inconsistency]) -> Iterator[None]:
    """Go on after what makes a file unusable, and add it to what was found."""
    try:
        yield
    except DayUnusable as unusable:
        found.extend(unusable.found)


def _text(field: str, file: Path) -> str:
    try:
        return read_text(file, LARGEST_TABLE_BYTES).removeprefix("\ufeff")
    except (OSError, UnusableFile) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        sentence = f"cannot be read from {file} ({reason}); the path is beside the scenario"
        raise DayUnusable([Inconsistency((field,), sentence)]) from None


def _profiles(file: Path, slots: DaySlots) -> tuple[dict[str, Profile], int]:
    """Read each household's profile in the slots, and how many rows are of others; raises DayUnusable."""
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
    profiles = {}
    for each in series:
        whole = Profile.of(each, slots.step)
        profiles[each.prosumer] = Profile({start: whole.uses[start] for start in starts}, slots.step)
    return profiles, sum(len(each.readings) - len(starts) for each in series)


def _problems(series: Sequence[MeterSeries], starts: Sequence[datetime]) -> Iterator[str]:
    """Tell what is wrong with rows, and which slots have none."""
    for each in series:
        if _well_formed(_IDENTIFIER, each.prosumer) is None:
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


def _refuse(field: str, file: Path, problems: Sequence[str]) -> NoReturn:
    """Raise DayUnusable with what is wrong with a file, but no more than a person reads."""
    shown = [f"in {file.name}: {problem}" for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        shown.append(f"in {file.name}: there are {len(problems) - MOST_SHOWN} more problems")
    raise DayUnusable([Inconsistency((field,), sentence) for sentence in shown])


def _tariffs(stated: GridTariffs | str, folder: Path, slots: DaySlots) -> list[GridTariffs]:
    """Return the tariffs of each slot: the same for all, or those of a file; raises DayUnusable."""
    if isinstance(stated, GridTariffs):
        return [stated] * slots.count
    file = folder / stated
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
    return [by_start[start] for start in slots.starts()]
