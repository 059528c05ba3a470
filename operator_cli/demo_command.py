"""``energy-market demo``: a scenario's game, or its day of games, to the settlement, with everything it needs."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from demo import DayScenario, GameFailed, Plan, Playable, Played, Scenario, play, random_scenario, scenario_named
from energy_market_chaincode import PublishGame
from ledger import LedgerKind
from market_files import private_home, write_file
from market_host import PROGRAMS, Processes, ProcessLog, end_on_signals, forever, warm_up
from operator_cli.settings import OperatorSettings, hosted_ledger
from operator_cli.voice import ExitCode, pretty_json, voice
from prosumer_client import run_to_end

STANDARD_OUTPUT = Path("-")

Mechanism = Annotated[
    str | None,
    typer.Option(help="How games are cleared: sequential-best-response, certified, or as the scenario says."),
]
Factor = Annotated[
    int | None,
    typer.Option(help="How many times as fast as in reality a day passes; default: in two minutes.", min=1, max=3600),
]


def demo(
    scenario: Annotated[
        str | None,
        typer.Option(help="A scenario file, or one of ours by name: original (the default), day, imbalance, random."),
    ] = None,
    prosumers: Annotated[
        int | None, typer.Option(help="Play a random scenario of so many prosumers instead.", min=2, max=10_000)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random scenario; 0 if not said.")] = None,
    mechanism: Mechanism = None,
    factor: Factor = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the run's result to this file; - for standard output.", dir_okay=False)
    ] = None,
    ledger: Annotated[LedgerKind, typer.Option(help="On which ledger.")] = LedgerKind.EMBEDDED,
    home: Annotated[
        Path | None, typer.Option(help="Keep keys, queue and ledger here; default: a temporary folder.")
    ] = None,
    keep_running: Annotated[bool, typer.Option(help="Leave the market open after the game, until Ctrl-C.")] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds until the demo gives up.", min=1)] = 900,
) -> None:
    """Play a game, or a day of games: services and prosumers as processes of their own.

    It goes from registration to settlement, with everything that it needs.
    """
    voice.speak_json(json == STANDARD_OUTPUT)
    warm_up(*PROGRAMS, "prosumer_client")
    chosen = _by_mechanism(_scenario(scenario, prosumers, seed), mechanism)
    if factor is not None and not isinstance(chosen, DayScenario):
        raise typer.BadParameter("only a day's time is simulated; name such a --scenario", param_hint="--factor")
    for warning in chosen.warnings():
        voice.note(f"warning: {warning}")
    if json is not None:
        _require_place_for(json)
    with _home(home) as folder:
        settings = OperatorSettings(home=folder, ledger=ledger)
        with hosted_ledger(settings, temporary=home is None) as environment:
            plan = Plan(chosen, ledger.value, folder, settings.operator, environment, factor)
            problems = run_to_end(_demo(plan, json, keep_running, time_limit))
    for problem in problems:
        voice.error("", problem)
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def _scenario(named: str | None, prosumers: int | None, seed: int | None) -> Scenario | DayScenario:
    if prosumers is None:
        if seed is not None:
            raise typer.BadParameter("only a random scenario has a seed; say how many --prosumers", param_hint="--seed")
        return scenario_named(named or "original")
    if named is not None:
        raise typer.BadParameter("play a --scenario or so many --prosumers, not both", param_hint="--prosumers")
    return random_scenario(prosumers, seed or 0)


def _by_mechanism(scenario: Scenario | DayScenario, mechanism: str | None) -> Scenario | DayScenario:
    if mechanism is None:
        return scenario
    try:
        game = PublishGame.model_validate(
            scenario.game.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"mechanism": mechanism}
        )
    except ValueError:
        raise typer.BadParameter(f"there is no mechanism {mechanism}", param_hint="--mechanism") from None
    return scenario.model_copy(update={"game": game})


def _require_place_for(file: Path) -> None:
    """Refuse before the game what could not be written after it."""
    if file == STANDARD_OUTPUT:
        return
    if file.exists() and not file.is_file():
        raise typer.BadParameter(f"{file} is no regular file; - writes to standard output", param_hint="--json")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {file.parent} ({error.strerror})", param_hint="--json") from None


@contextlib.contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield private_home(given)
        return
    with tempfile.TemporaryDirectory(prefix="energy-market-") as folder:
        yield Path(folder)


async def _demo(plan: Plan, json_file: Path | None, keep_running: bool, time_limit: float) -> list[str]:
    """Play, report, and return what is wrong with the result."""
    end_on_signals()
    with contextlib.closing(ProcessLog(voice.console, _talkative(plan.scenario))) as log:
        async with Processes(log.hear) as processes:
            try:
                async with asyncio.timeout(time_limit):
                    run = await play(processes, plan, log)
            except TimeoutError:
                raise GameFailed(
                    f"it did not end within {time_limit:g} s; --time-limit gives it more, and what is said above "
                    "may tell who was not taken into it and why"
                ) from None
            log.close()
            _report(run, json_file)
            if keep_running:
                voice.progress(f"the market stays open, its home is {plan.home}; Ctrl-C ends it")
                await processes.while_alive(forever())
            return run.problems()


def _report(run: Played, json_file: Path | None) -> None:
    run.show(voice.console)
    if json_file == STANDARD_OUTPUT:
        voice.document(run.document())
    elif json_file is not None:
        write_file(json_file, pretty_json(run.document()).encode())
        voice.progress(f"the result is in {json_file}")


def _talkative(scenario: Playable) -> frozenset[str] | None:
    """Of a crowd only the clock is heard, of a day's many games nobody."""
    if isinstance(scenario, DayScenario):
        return frozenset()
    return frozenset({"market_clock"}) if len(scenario.histories()) > 20 else None
