"""Scenario files: YAML, read so that a person learns everything that is wrong at once, and where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from demo.day_files import StatedDay
from demo.day_scenario import DayScenario, DayUnusable
from demo.scenario import Edge, Hops, Scenario, ScenarioSettings, inconsistencies
from demo.scenario_generator import Generator, random_scenario
from demo.topology import FieldPath
from market_files import UnusableFile, read_text

SCENARIOS = Path(__file__).parent / "scenarios"
LARGEST_FILE_BYTES = 10 << 20
"""A thousand prosumers with a table of hops take a third of it."""


class GeneratedScenario(ScenarioSettings):
    """A scenario file that says how to make a scenario instead of stating one."""

    generator: Generator


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
    return _of_one_game(load_playable(path), str(path))


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
    return _read(read_text(path, LARGEST_FILE_BYTES), str(path), path.parent)


def read_scenario(text: str, source: str = "The scenario") -> Scenario:
    """Read a scenario of one game from YAML text; raises ScenarioError, which names ``source``."""
    return _of_one_game(_read(text, source, Path()), source)


def _of_one_game(scenario: Scenario | DayScenario, source: str) -> Scenario:
    if isinstance(scenario, Scenario):
        return scenario
    raise ScenarioError(source, [ScenarioProblem(1, "The scenario is of a day; here one of a single game is wanted.")])


def _read(text: str, source: str, folder: Path) -> Scenario | DayScenario:
    node, document = _read_yaml(text, source)
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
        return _made(stated, folder)
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
