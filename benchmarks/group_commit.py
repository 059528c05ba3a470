"""The market on a real Fabric network against the bare gateway: commands a second, and how long a turn takes."""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import psutil

from benchmarks.crowd import decided_per_second, open_accounts, top_ups
from benchmarks.one_put import PUT
from benchmarks.service_process import OPERATOR, operator_in, service
from benchmarks.table import Table
from benchmarks.turn import EndlessGame
from fabric_network import ANY_FREE_PORTS, Network, Operator
from ledger import Ledger, LedgerKind, LedgerSettings, open_ledger
from ledger.fabric.gateway import FabricProfile, GatewayClient, Invocation
from prosumer_client import MarketClient, SignedCommand

PROJECT = Path(__file__).resolve().parents[1]
HOSTING = {
    "CHAINCODE_CONTRACT": "benchmarks.one_put:invoke",
    "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
}
ROUNDS = 3
TURNS = 60
RAW_LOADS = {1: 40, 32: 400, 128: 600}
"""{transactions in flight: how many are measured}"""
QUEUE_LOADS = ((1, 1000), (4, 500))
"""(clients, commands in one request)"""
COMMANDS = 6000
SHORT_MS, LONG_MS = 10, 200
"""BatchTimeouts: ours, and a tenth of Fabric's default."""


def tables() -> Iterator[Table]:
    """Measure and yield the tables; raises ProgramsMissing, NetworkError."""
    turns = []
    for batch_timeout_ms in (SHORT_MS, LONG_MS):
        with _network(batch_timeout_ms) as network:
            if batch_timeout_ms == SHORT_MS:
                yield from asyncio.run(_throughput(network))
            turns.append([f"{batch_timeout_ms} ms", *asyncio.run(_turns(network))])
    yield Table(
        "A turn",
        ["BatchTimeout", "one put, ms", "a bid, ms", "turn, ms", "turn / put", "turn / bid"],
        turns,
        f"Median (quartiles) of {TURNS} each, taken by turns. A turn is the time from posting a bid to the queue "
        "until the next buyer's BuyBidEvent arrives on the event stream. Put and bid are raw transactions, endorsed by "
        "both organisations, ordered, and their commit awaited, through the gateway and past the queue: the smallest "
        "one that there is, and one with the same signed bid of another game of the same size. Turn / bid is what "
        "queue, event stream and library add; turn / put has besides what the market's rules take.",
    )


@contextmanager
def _network(batch_timeout_ms: int) -> Iterator[Network]:
    """Run a default network whose chaincode servers know the one-put contract as well."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        network = Network(Path(folder), {f"{name}-chaincode": HOSTING for name in ("cooperative", "utility")})
        operator = Operator(OPERATOR, operator_in(Path(folder)).public_key)
        try:
            network.up({"base_port": ANY_FREE_PORTS, "batch_timeout_ms": batch_timeout_ms}, operator)
            yield network
        finally:
            network.wipe()


@dataclass(frozen=True)
class _Bench:
    """A market on a network, and the bare gateway to the same network."""

    queue_url: str
    operator: MarketClient
    ledger: Ledger
    gateway: GatewayClient
    chaincode: str
    keys: Iterator[int]

    async def put(self) -> float:
        """Commit one put of a new key; return the seconds it took."""
        began = time.perf_counter()
        await self.gateway.transact(Invocation(self.chaincode, PUT, (f"benchmark/{next(self.keys)}", "x")))
        return time.perf_counter() - began

    async def bid(self, signed: SignedCommand) -> None:
        """Commit a bid as a transaction of its own, past the queue."""
        submission = await self.ledger.submit([signed.body.decode()])
        assert submission.results[0]["status"] == "committed", submission

    async def puts_per_second(self, in_flight: int, number: int) -> float:
        """Commit so many puts, so many at once."""
        left = iter(range(number))

        async def work() -> None:
            for _ in left:
                await self.put()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return number / (time.perf_counter() - began)


@asynccontextmanager
async def _bench(network: Network) -> AsyncIterator[_Bench]:
    home = network.folder.root.parent
    profile = FabricProfile.read(network.profile())
    settings = {"ENERGY_MARKET_LEDGER": LedgerKind.FABRIC.value, "ENERGY_MARKET_FABRIC_PROFILE": str(network.profile())}
    gateway = GatewayClient(profile)
    ledger = await open_ledger(LedgerSettings(ledger=LedgerKind.FABRIC, fabric_profile=network.profile()))
    try:
        async with service("tx_queue", home, settings) as url, MarketClient(url, operator_in(home)) as operator:
            yield _Bench(url, operator, ledger, gateway, profile.chaincode, count())
    finally:
        await gateway.close()
        await ledger.close()


async def _throughput(network: Network) -> tuple[Table, Table]:
    async with _bench(network) as bench:
        await open_accounts(bench.operator)
        await bench.puts_per_second(32, 100)  # the first transactions meet cold caches
        raw: dict[int, list[float]] = {in_flight: [] for in_flight in RAW_LOADS}
        queue: dict[tuple[int, int], list[float]] = {load: [] for load in QUEUE_LOADS}
        ledger = await bench.operator.ledger_id()
        spent: Counter[str] = Counter()
        for _ in range(ROUNDS):
            for in_flight, number in RAW_LOADS.items():
                raw[in_flight].append(await bench.puts_per_second(in_flight, number))
            for clients, array in QUEUE_LOADS:
                commands = top_ups(bench.operator.identity, ledger, COMMANDS)
                before = processor_seconds(network)
                rate = await decided_per_second(bench.queue_url, commands, clients=clients, array=array)
                queue[clients, array].append(rate)
                spent.update(processor_seconds(network))
                spent.subtract(before)
    best = max(map(median, raw.values()))
    rows = [
        [f"gateway, {n} in flight", f"{median(rates):,.0f}", f"{median(rates) / best:.1f}"] for n, rates in raw.items()
    ]
    rows += [
        [f"queue, {clients} x {array} commands", f"{median(rates):,.0f}", f"{median(rates) / best:.1f}"]
        for (clients, array), rates in queue.items()
    ]
    rates_table = Table(
        "Group commit",
        ["through", "committed/s", "times the gateway's best"],
        rows,
        f"Medians of {ROUNDS} rounds, BatchTimeout {SHORT_MS} ms. Gateway: one put per transaction, by the client that "
        "the queue uses, too. Queue: signed topUpAccount commands, posted in arrays by so many clients at once, until "
        "the last is decided.",
    )
    return rates_table, _spent_table(spent, ROUNDS * len(QUEUE_LOADS) * COMMANDS)


def processor_seconds(network: Network) -> Counter[str]:
    """Return how much processor time each part of the market has taken so far."""
    topology = network.topology
    groups = {"orderers": topology.orderers, "peers": topology.peers, "chaincode servers": topology.chaincode_servers}
    processes = {
        part: [psutil.Process(network.process(node.name).pid) for node in nodes] for part, nodes in groups.items()
    }
    ours = psutil.Process()
    networks = {process.pid for running in processes.values() for process in running}  # children of ours, too
    queue = [process for process in ours.children(recursive=True) if process.pid not in networks]
    processes |= {"queue": queue, "who posts the commands": [ours]}
    return Counter(
        {part: sum(sum(process.cpu_times()[:2]) for process in running) for part, running in processes.items()}
    )


def _spent_table(spent: Counter[str], commands: int) -> Table:
    total, cores = sum(spent.values()), os.cpu_count() or 1
    rows = [
        [part, f"{1000 * seconds / commands:.2f}", f"{seconds / total:.0%}"] for part, seconds in spent.most_common()
    ]
    part, most = spent.most_common(1)[0]
    return Table(
        "Where a command's processor time goes",
        ["part", "processor ms per command", "share"],
        [*rows, ["all", f"{1000 * total / commands:.2f}", "100%"]],
        f"Over all loads of the queue above. {cores} cores do {cores * commands / total:,.0f} commands/s at most. "
        "The next factor of two takes twice the cores (each organisation's peer and chaincode server on its own "
        f"machine, as in a real network) or half the work. Most of that is with: {part}, {most / total:.0%}.",
    )


async def _turns(network: Network) -> tuple[str, ...]:
    puts: list[float] = []
    bids: list[float] = []

    async def transact() -> None:
        puts.append(await bench.put())
        bids.append(await anext(raw))

    async with _bench(network) as bench:
        game, past_the_queue = (EndlessGame(bench.operator, name) for name in ("Game-of-turns", "Game-of-raw-bids"))
        await game.open()
        await past_the_queue.open()
        async with aclosing(past_the_queue.commits(bench.bid)) as raw:
            turns = [seconds async for seconds in game.turns(TURNS, transact)]
    ratios = (f"{median(turns) / median(others):.2f}" for others in (puts, bids))
    return _spread(puts), _spread(bids), _spread(turns), *ratios


def _spread(seconds: list[float]) -> str:
    low, middle, high = (1000 * value for value in quantiles(seconds, n=4))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"
