"""What a scenario is played on: its plan, the services, and its people with their keys, accounts and processes."""

import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from demo.result import Accounts, accounts_of
from demo.scenario import Playable
from energy_market_chaincode import GRID_OPERATOR, Topic
from market_host import Processes, ProcessLog, Services, read_record, start_services
from prosumer_client import LISTENING, Identity, MarketClient, MarketError, key_file, load_or_create_key

ALONE_UP_TO = 50
"""So many prosumers get a process each; more of them share GROUPS processes, each of which reads the game once."""
GROUPS = 4
REFUSED = frozenset({"Not taken into the game", "Not taken into games"})
"""What a prosumer's log says when it is refused in games: ``game``, or a household's ``games``."""
SENT_AWAY = "Leaving the market, which refuses us"
"""What it says when it is refused in all of them."""

Command = tuple[Topic, Mapping[str, Any]]
Entry = dict[str, Any]
"""Of a roster, see :class:`prosumer_client.Roster`."""


class GameFailed(Exception):
    """The game, or the day of games, did not come to its end."""

    code: ClassVar[str] = "GAME_FAILED"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played, and where.

    Attributes
    ----------
    ledger
        ``embedded`` or ``fabric``.
    home
        Where keys, queue and embedded ledger are kept.
    environment
        Further settings for the services.
    factor
        How many times as fast as the real one the time of a day passes; None: so that it takes some two minutes.
    """

    scenario: Playable
    ledger: str
    home: Path
    operator: str = "operator"
    environment: Mapping[str, str] = field(default_factory=dict)
    factor: int | None = None


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Note how many seconds a step takes."""
    began = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - began, 3)


@dataclass(frozen=True, slots=True)
class Stage:
    """A market that is open, and what a scenario's people need to come in."""

    plan: Plan
    processes: Processes
    services: Services
    market: MarketClient
    identities: Mapping[str, Identity]
    log: ProcessLog
    timings: dict[str, float]

    async def let_in(self, scenario: Playable) -> Accounts:
        """Bring a scenario's people onto the ledger, and start their processes; return what is on the accounts then.

        From then on it is given up once nothing can be played, because the market takes nobody in.

        Raises
        ------
        ForeignProsumer, ProcessFailed, prosumer_client.MarketError
        """
        plan = self.plan
        with timed(self.timings, "entering"):
            await enter(self.market, scenario, self.identities, plan.home / "keys")
            before = await self.accounts()
        self.log.say(f"{len(self.identities)} prosumers are on the ledger; starting their processes")
        with timed(self.timings, "prosumers"):
            where = self.services.environment
            await start_prosumers(self.processes, self.market, scenario.roster, plan.home, where)
        self.processes.listen(Refusals(scenario.needed_groups(), self.processes.give_up).hear)
        return before

    async def accounts(self) -> Accounts:
        """Read all accounts."""
        return accounts_of(await self.market.prosumers(), await self.market.market())


@asynccontextmanager
async def opened(processes: Processes, plan: Plan, log: ProcessLog) -> AsyncIterator[Stage]:
    """Start the services; they go on after the end."""
    timings: dict[str, float] = {}
    identities = make_keys(plan.home / "keys", [plan.operator, *plan.scenario.histories()])
    operator = identities.pop(plan.operator)
    with timed(timings, "services"):
        services = await start_services(processes, plan.home, _settings(plan, operator))
    log.say(f"queue {services.queue_url}, optimizer {services.optimizer_url}, clock {services.clock_url}")
    log.say(f"watch it at {services.page_url}")
    async with MarketClient(services.queue_url, operator) as market:
        yield Stage(plan, processes, services, market, identities, log, timings)


def _settings(plan: Plan, operator: Identity) -> dict[str, str]:
    return {
        **plan.environment,
        "ENERGY_MARKET_LEDGER": plan.ledger,
        "ENERGY_MARKET_LEDGER_ID": "",  # what is set around us is not the demo's ledger
        "ENERGY_MARKET_OPERATOR": operator.prosumer,
        "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": operator.public_key,
    }


class ForeignProsumer(Exception):
    """The ledger knows a prosumer of the scenario under a key that we do not have."""

    code: ClassVar[str] = "FOREIGN_PROSUMER"

    def __init__(self, prosumer: str, keys: Path) -> None:
        super().__init__(
            f"{prosumer} is registered on this ledger with another key than the one in {keys}; "
            "use the home that it was registered from, or begin a new ledger with: energy-market reset --wipe"
        )


def make_keys(folder: Path, names: Sequence[str]) -> dict[str, Identity]:
    """Load everybody's key, and make one for who has none."""
    return {name: Identity(name, load_or_create_key(key_file(folder, name))) for name in names}


async def enter(market: MarketClient, scenario: Playable, identities: Mapping[str, Identity], keys: Path) -> None:
    """Bring a scenario's people onto the ledger, with money, and lay its network. Who is there already stays as it is.

    Raises
    ------
    ForeignProsumer, prosumer_client.errors.MarketError
    """
    known = {known.prosumer: known.public_key for known in await market.prosumers()}
    for name, identity in identities.items():
        if known.get(name, identity.public_key) != identity.public_key:
            raise ForeignProsumer(name, keys)
    commands: list[Command] = [(Topic.SET_TOPOLOGY, scenario.topology())]
    commands += _registrations(scenario, {n: i for n, i in identities.items() if n not in known})
    grid_balance = (await market.market()).accounts.grid_operator
    if grid_balance < scenario.grid_operator_balance:
        missing = scenario.grid_operator_balance - grid_balance
        commands.append((Topic.TOP_UP_ACCOUNT, {"prosumer": GRID_OPERATOR, "amount": missing}))
    for outcome in await market.submit_all(commands):
        if isinstance(outcome, MarketError):
            raise outcome


def _registrations(scenario: Playable, newcomers: Mapping[str, Identity]) -> Iterator[Command]:
    balances, histories = scenario.balances(), scenario.histories()
    for name, identity in newcomers.items():
        yield Topic.REGISTER_PROSUMER, {"id": name, "publicKey": identity.public_key, **histories[name]}
        if balances[name]:
            yield Topic.TOP_UP_ACCOUNT, {"prosumer": name, "amount": balances[name]}


async def start_prosumers(
    processes: Processes,
    market: MarketClient,
    roster: Callable[[Path], Iterable[Entry]],
    home: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start everybody's process, beyond ALONE_UP_TO they share GROUPS, and wait until all listen to the market.

    Parameters
    ----------
    roster
        Yields everybody's entry; files for it go to a folder.
    environment
        Where the services are, if not where ours says.
    """
    settings = {
        **(environment or {}),
        "ENERGY_MARKET_HOME": str(home),
        "ENERGY_MARKET_LEDGER_ID": await market.ledger_id(),
        "ENERGY_MARKET_LOG_FORMAT": "json",
    }
    folder = home / "prosumers"
    files = _group_files(roster(folder), folder)
    for name, file in files.items():
        await processes.start(name, "prosumer_client", "--group", str(file), environment=settings)
    await processes.wait_for_words(LISTENING, files)


def _group_files(roster: Iterable[Entry], folder: Path) -> dict[str, Path]:
    """Write who is in which process, and return the processes' names with their files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, group in enumerate(_groups(list(roster)), 1):
        name = group[0]["id"] if len(group) == 1 else f"group-{number}"
        files[name] = folder / f"{name}.json"
        files[name].write_text(json.dumps({"prosumers": group}, default=str, indent=2))
    return files


def _groups(people: Sequence[Entry]) -> list[list[Entry]]:
    if len(people) <= ALONE_UP_TO:
        return [[person] for person in people]
    return [list(people[start::GROUPS]) for start in range(GROUPS)]


class Refusals:
    """Hears of prosumers that the market does not take into games, and gives up once nothing can be played.

    Parameters
    ----------
    groups
        See :meth:`demo.scenario.Playable.needed_groups`.
    give_up
        Is called with why, once everybody of a group is refused in as many games as it wants.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, int]], give_up: Callable[[Exception], None]) -> None:
        self._groups = groups
        self._give_up = give_up
        self._refused: defaultdict[str, set[str]] = defaultdict(set)
        self._sent_away: set[str] = set()
        self._reasons: dict[str, str] = {}

    def hear(self, _: str, line: str) -> None:
        """Note a refusal, if a line of a prosumer's log tells of one."""
        record = read_record(line)
        name = str(record.get("prosumer"))
        if record["event"] in REFUSED:
            self._refused[name].update(record.get("games", [record.get("game")]))
        elif record["event"] == SENT_AWAY:
            self._sent_away.add(name)
        else:
            return
        # The first reason counts: of orders together it names the sum that they lack, the later ones parts of it.
        self._reasons.setdefault(name, f"{record.get('code')}: {record.get('reason')}")
        for group, wanted in self._groups.items():
            if all(self._is_out(name, games) for name, games in wanted.items()):
                reasons = {name: self._reasons[name] for name in sorted(wanted) if name in self._reasons}
                self._give_up(NobodyTakenIn(group, reasons))

    def _is_out(self, name: str, games: int) -> bool:
        return name in self._sent_away or len(self._refused[name]) >= games


class NobodyTakenIn(Exception):
    """The market refused all of those without whom nothing can be played."""

    code: ClassVar[str] = "NOBODY_TAKEN_IN"

    def __init__(self, group: str, reasons: Mapping[str, str]) -> None:
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            by_reason.setdefault(reason, []).append(name)
        lines = (f"\n    {reason} ({', '.join(names)})" for reason, names in by_reason.items())
        super().__init__(f"the market refused all {group}, so there is no game:{''.join(lines)}")
