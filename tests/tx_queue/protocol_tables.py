"""The tables of docs/reference/protocol.md, made from the rule book's types.

``python -m tests.tx_queue.protocol_tables`` writes them anew; a test compares.
"""

import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, WithJsonSchema

from energy_market_chaincode import (
    COMMANDS,
    CommandData,
    EnergyKwh,
    MoneyCurrency,
    PriceCurrencyPerKwh,
    ShareOfOne,
    Time,
    Topic,
    block_views,
    events,
    market_views,
    views,
)
from energy_market_chaincode.context import RULES
from energy_market_chaincode.contract import EVENT_NAME  # with it all rules are known
from energy_market_chaincode.queries import BRIEF, IN_BRIEF, PAGED, QUERIES
from energy_market_chaincode.times import Instant

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "protocol.md"
READS: dict[str, Any] = {
    "/market": market_views.MarketView,
    "/topology": market_views.TopologyView,
    "/tariffs": market_views.TariffTableView,
    "/meters": market_views.Meters,
    "/prosumers": market_views.Prosumers,
    "/prosumers/{id}": market_views.ProsumerView,
    "/prosumers/{id}/statement": market_views.Statement,
    "/games": views.Games,
    "/games/{id}": views.GameView,
    "/games/{id}/bids": views.Bids,
    "/games/{id}/transfers": views.Transfers,
    "/games/{id}/lines": market_views.SlotLines,
    "/games/{id}/topology": market_views.TopologyView,
    "/games/{id}/balance": market_views.SlotBalance,
    "/blocks": block_views.Blocks,
    "/blocks/{n}": block_views.BlockView,
    "/blocks/{n}/evidence": block_views.BlockEvidence,
    "/queue": views.QueueState,
    "/queue/{id}": views.CommandStatus,
}
ASKED_BY = {
    "market": "/market",
    "prosumers": "/prosumers",
    "prosumer": "/prosumers/{id}",
    "games": "/games",
    "game": "/games/{id}",
    "bids": "/games/{id}/bids",
    "transfers": "/games/{id}/transfers",
    "lines": "/games/{id}/lines",
    "statement": "/prosumers/{id}/statement",
    "balance": "/games/{id}/balance",
    "meters": "/meters",
    "topology": "/topology",
    "game-topology": "/games/{id}/topology",
    "tariffs": "/tariffs",
}
"""Which read has the answer of a question to the contract."""
OTHER_ANSWERS = {
    "command": "the result that is remembered, as [above](#commands), or null",
    "state": "{key: value}: all that stands on the ledger under keys that begin so; no read has it",
}
TRANSACTIONS = (
    (
        "init",
        "operator's id, public key",
        "{operator}: the first one; the transaction's id becomes the ledger's. The same call again changes nothing",
    ),
    ("submit", "each command's JSON text (in older blocks one array of them)", "results in the commands' order"),
)
"""Functions of the contract that change something, with arguments and answer."""
UNITS = {
    get_args(EnergyKwh)[0]: "kWh",
    get_args(MoneyCurrency)[0]: "currency",
    get_args(PriceCurrencyPerKwh)[0]: "currency/kWh",
    get_args(ShareOfOne)[0]: "share",
}
assert EVENT_NAME == "market"


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    columns = head.split(" | ")
    lines = [head, "|".join(["---"] * len(columns)), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" if "---" not in line else f"|{line}|\n" for line in lines)


def fields(model: type[BaseModel], without: Iterable[str] = ()) -> str:
    """List a model's fields: the name outside, a question mark where it may be left out, and what it is."""
    hints = get_type_hints(model, include_extras=True)
    listed = (
        f"{field.alias or name}{mark(model, name)} {amount(name, shape(hints[name]))}".strip()
        for name, field in model.model_fields.items()
        if name not in without
    )
    if issubclass(model, CommandData):  # null is as good as nothing
        listed = (field.removesuffix("or null").strip() for field in listed)
    return ", ".join(field.replace("  ", " ") for field in listed)


def amount(name: str, said: str) -> str:
    """Return what a field is; a power is energy per hour, and of the same type."""
    return said.replace("kWh", "kW") if name.endswith("_kw") else said


def mark(model: type[BaseModel], name: str) -> str:
    return "?" if issubclass(model, CommandData) and not model.model_fields[name].is_required() else ""


def shape(kind: Any) -> str:
    if kind in (Time, Instant):
        return "time"
    if kind in UNITS:
        return UNITS[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        shown = [part.json_schema for part in parts if isinstance(part, WithJsonSchema)]
        return unit(shown[0]) if shown else shape(parts[0])
    if origin in (typing.Union, types.UnionType):
        others = [part for part in parts if part is not type(None)]
        choices = dict.fromkeys(filter(None, map(shape, others)))
        return " or ".join(choices) + (" or null" if len(others) < len(parts) else "")
    if origin is list:
        return f"[{shape(parts[0]) or '…'}]"
    if origin is dict:
        return f"{{…: {shape(parts[1]) or '…'}}}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"{{{fields(kind)}}}"
    return ""


def unit(schema: dict[str, Any] | None) -> str:
    """Return an amount's unit: the description's first words."""
    said = str((schema or {})["description"]).partition(",")[0]
    short = {"currency units": "currency", "currency units per kWh": "currency/kWh", "a fraction": "share"}
    return (short | {"ISO 8601": "time"}).get(said, said)


def sentence(model: Any) -> str:
    said = (inspect.getdoc(model) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", said)


def results(data: type[CommandData]) -> Iterator[str]:
    returned = get_type_hints(RULES[data])["return"]
    for kind in get_args(returned) or (returned,):
        yield f"{{{fields(kind)}}}"


def functions() -> Iterator[tuple[str, str, str, str]]:
    """Describe the contract's functions: name, arguments, kind and answer."""
    for name, arguments, answer in TRANSACTIONS:
        yield name, arguments, "transaction", answer
    for name, (_, needed) in QUERIES.items():
        more = [*(["[from, limit]"] if name in PAGED else []), *([f"[`{IN_BRIEF}`]"] if name in BRIEF else [])]
        answer = f"as `GET {ASKED_BY[name]}`" if name in ASKED_BY else OTHER_ANSWERS[name]
        yield name, ", ".join([*needed, *more]), "query", answer


def tables() -> dict[str, str]:
    """Every table by its name."""
    return {
        "functions": table("function | arguments | kind | answer", functions()),
        "topics": table(
            "topic | who | data | result | what it asks",
            (
                (topic, data.by or "registered", fields(data) or "nothing", " or ".join(results(data)), sentence(data))
                for topic, data in ((topic, COMMANDS[topic]) for topic in Topic)
            ),
        ),
        "results": table(
            "status | fields",
            (
                (kind.model_fields["status"].default.value, fields(kind))
                for kind in (views.CommittedCommand, views.RejectedCommand)
            ),
        ),
        "events": table(
            "name | data beside name, game | what it tells",
            ((name, fields(kind, ("name", "game")), sentence(kind)) for name, kind in events.EVENTS.items()),
        ),
        "reads": table(
            "path | fields | what it is",
            (read(path, kind) for path, kind in READS.items()),
        ),
    }


def read(path: str, kind: Any) -> tuple[str, str, str]:
    """Describe an answer; one that may be of several types has the fields of each and the sentence of the first."""
    types_ = get_args(get_args(kind)[0]) if get_origin(kind) is Annotated else (kind,)
    return f"`GET {path}`", " or ".join(fields(each) for each in types_), sentence(types_[0])


def written(page: str) -> str:
    """Return the page with every table as the types have it."""
    for name, text in tables().items():
        begin, end = f"<!-- {name}: made from the types -->\n", "<!-- end -->\n"
        before, _, rest = page.partition(begin)
        assert rest, f"the page has no place for the table of {name}"
        page = f"{before}{begin}{text}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
