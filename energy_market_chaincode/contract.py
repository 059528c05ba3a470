"""The contract's door: functions of a transaction, and one ``submit`` of many commands.

Each command is decided on its own savepoint: a rejected one changes nothing and does not hurt its neighbours. Each
takes effect once: a signer's command ids are remembered with their results.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from energy_market_chaincode import (  # noqa: F401 - some of them only declare their rules
    administration,
    delivery,
    errors,
    memory,
    metering,
    prefetch,
    presentation,
    queries,
    registration,
    settlement,
    statements,
)
from energy_market_chaincode.canonical import MAX_NESTING, exact_json, read_json
from energy_market_chaincode.commands import RegisterProsumer, SetLedgerTime, SimulateTime
from energy_market_chaincode.context import RULES, Context, Workspace
from energy_market_chaincode.events import Event
from energy_market_chaincode.records import Epoch, Expiry, Market, Prosumer, Remembered, Simulation, ledger_id
from energy_market_chaincode.signed_commands import Command, MalformedFields, parse_command, read_command
from energy_market_chaincode.stub import Sender, Stub
from energy_market_chaincode.times import SimulatedTime
from energy_market_chaincode.views import CommandResult, CommittedCommand, RejectedCommand
from energy_market_chaincode.vocabulary import Role

EVENT_NAME = "market"
"""The name of the one event of a transaction; its payload is the JSON array of the market's events."""
EPOCH_KEY = Epoch.key()
"""Under which key a transaction writes that begins an epoch: it alone may be earlier than the one before it."""


async def invoke(stub: Stub, function: str, args: Sequence[str], sender: Sender | None = None) -> bytes:
    """Run one of the contract's functions (see docs/reference/protocol.md) and return its answer as exact JSON.

    Parameters
    ----------
    sender
        Who sent it, where several organisations run the ledger; on others whoever has its file may found the market.

    Raises
    ------
    Rejection
        When the transaction or question as a whole is refused. A command in a ``submit`` never raises: it has a result.
    """
    if function == "submit":
        return exact_json(await _submit(stub, args))
    if function == "init":
        _check_founder(sender)
        return exact_json(await _init(stub, args))
    if function in queries.QUERIES:
        return exact_json(await queries.answer(Workspace(stub), function, args))
    raise errors.UnknownFunction(function=function)


def _check_founder(sender: Sender | None) -> None:
    if sender is None or (sender.is_administrator and sender.organisation in sender.founders):
        return
    role = "an administrator" if sender.is_administrator else "a member"
    founders = ", ".join(sorted(sender.founders)) or "no organisation"
    raise errors.FoundersOnly(founders=founders, sender=role, organisation=sender.organisation)


async def _init(stub: Stub, args: Sequence[str]) -> dict[str, str]:
    """Enter the first operator; the same call again changes nothing."""
    if len(args) != 2:
        raise errors.MalformedArguments(function="init", problems="needs an operator's id and public key")
    operator, public_key = args
    state = Workspace(stub)
    context = Context(state=state, real_ms=stub.timestamp_ms, place=0, signer=operator)
    market = await context.find(Market)
    if market is not None:
        known = await context.find(Prosumer, operator)
        keys = {market.first_public_key, known.public_key if known is not None else None}
        if operator != market.first_operator or public_key not in keys:
            raise errors.AlreadyInitialised(operator=market.first_operator)
        return {"operator": operator}
    try:
        data = RegisterProsumer.model_validate({"id": operator, "publicKey": public_key, "role": Role.OPERATOR})
    except ValueError as error:
        raise errors.MalformedArguments(function="init", problems=str(error)) from None
    beginning = Market(
        first_operator=operator,
        first_public_key=public_key,
        initialised_at_ms=stub.timestamp_ms,
        transaction=stub.transaction_id,
    )
    context.save(beginning)
    await administration.register_prosumer(context, data)
    state.keep()
    await state.flush()
    return {"operator": operator}


class _Decision(NamedTuple):
    result: CommandResult
    events: list[Event]


async def _submit(stub: Stub, texts: Sequence[str]) -> list[CommandResult]:
    """Decide many commands, in their order, as one transaction."""
    state = Workspace(stub)
    parsed = _read(texts)
    keys = (key for command in parsed if isinstance(command, Command) for key in prefetch.keys_read_by(command))
    await state.prefetch([Market.key(), EPOCH_KEY, Simulation.key(), Expiry.key(), *keys])
    present = await _present(state, stub.timestamp_ms)
    results, events = [], []
    for place, command in enumerate(parsed):
        decision = await _decide(state, present, place, command)
        if isinstance(command, Command) and isinstance(command.data, SetLedgerTime | SimulateTime):
            present = await _present(state, stub.timestamp_ms)
        results.append(decision.result)
        events += decision.events
    await memory.forget(Context(state, stub.timestamp_ms, len(parsed), ""), len(parsed))
    state.keep()
    await state.flush()
    if events:
        await stub.set_event(EVENT_NAME, exact_json(events))
    return results


def _read(texts: Sequence[str]) -> list[Command | RejectedCommand]:
    """Read commands; of a malformed one return its result.

    Raises
    ------
    MalformedArguments
        If one of the texts is no JSON.
    """
    commands: list[Command | RejectedCommand] = []
    for read in _readers(texts):
        try:
            commands.append(read())
        except MalformedFields as rejection:
            commands.append(_rejected(rejection.command, None, rejection))
        except ValueError as error:
            raise errors.MalformedArguments(function="submit", problems=f"command {len(commands)} {error}") from None
    return commands


def _readers(texts: Sequence[str]) -> Iterator[Callable[[], Command]]:
    if len(texts) == 1 and texts[0].startswith("["):  # one array of them, as in older blocks
        try:
            values = read_json(texts[0], MAX_NESTING + 1)
        except ValueError as error:
            raise errors.MalformedArguments(function="submit", problems=f"command 0 {error}") from None
        return (partial(parse_command, value) for value in values)
    return (partial(read_command, text) for text in texts)


class _Present(NamedTuple):
    """When and where a command is decided: the id of the ledger in its epoch, the real time, and the market's."""

    ledger: str
    real_ms: int
    simulated: SimulatedTime | None


async def _present(state: Workspace, real_ms: int) -> _Present:
    market, epoch, simulation = await state.get_many([Market.key(), EPOCH_KEY, Simulation.key()])
    if market is None:
        raise errors.NotInitialised()
    ledger = ledger_id(Market.from_bytes(market), None if epoch is None else Epoch.from_bytes(epoch))
    return _Present(ledger, real_ms, None if simulation is None else Simulation.from_bytes(simulation).root)


async def _decide(state: Workspace, present: _Present, place: int, command: Command | RejectedCommand) -> _Decision:
    if not isinstance(command, Command):
        return _Decision(command, [])
    context = Context(state, present.real_ms, place, command.prosumer, present.simulated)
    remembered = await context.find(Remembered, command.prosumer, command.id)
    if remembered is not None and remembered.digest == command.digest.hex():
        # Verified when it was decided. Its signer may have another key by now, and its result stands all the same.
        # Nor does an epoch that began since change what was decided.
        await _keep_in_mind(context, command, remembered)
        return _Decision(presentation.remembered(remembered).model_copy(update={"duplicate": True}), [])
    try:
        if command.ledger not in (None, present.ledger):
            # Before the signer is looked up: who is unknown here is told what is wrong with the command itself.
            raise errors.LedgerDiffers(named=command.ledger, ledger=present.ledger)
        signer = await _verified_signer(context, command)
        if remembered is not None:
            raise errors.CommandIdReused(prosumer=command.prosumer, id=command.id)
        await memory.require_valid(context, command)
    except errors.Rejection as rejection:
        return _Decision(_rejected(command.id, command.prosumer, rejection), [])
    decision = await _apply(context, signer, command)
    await memory.remember(context, command, exact_json(decision.result).decode())
    state.keep()
    return decision


async def _keep_in_mind(context: Context, command: Command, remembered: Remembered) -> None:
    """Remember a command longer that its signer signed anew with a later end."""
    signer = await context.find(Prosumer, command.prosumer)
    if signer is not None and command.is_signed_with(signer.public_key):
        await memory.remember_longer(context, command, remembered)
        context.state.keep()


async def _verified_signer(context: Context, command: Command) -> Prosumer:
    signer = await context.find(Prosumer, command.prosumer)
    if signer is None:
        raise errors.UnknownSigner(prosumer=command.prosumer)
    if not command.is_signed_with(signer.public_key):
        raise errors.BadSignature(prosumer=command.prosumer)
    return signer


async def _apply(context: Context, signer: Prosumer, command: Command) -> _Decision:
    """Let the topic's rule decide; on a rejection go back to the savepoint."""
    try:
        if command.data.by not in (None, signer.role):
            refusal = errors.MetersOnly if command.data.by is Role.METER else errors.OperatorsOnly
            raise refusal(topic=command.topic, prosumer=signer.id)
        if signer.role is Role.METER and command.data.by is not Role.METER:
            raise errors.ProsumersOnly(topic=command.topic, prosumer=signer.id)
        result = await RULES[type(command.data)](context, command.data)
    except errors.Rejection as rejection:
        context.state.forget()
        announced = [rejection.announcement] if rejection.announcement is not None else []
        return _Decision(_rejected(command.id, command.prosumer, rejection), announced)
    said = CommittedCommand(id=command.id, prosumer=command.prosumer, result=result.as_json())
    return _Decision(said, context.events)


def _rejected(command: str | None, prosumer: str | None, rejection: errors.Rejection) -> RejectedCommand:
    fields = rejection.fields if isinstance(rejection, MalformedFields) else []
    return RejectedCommand(id=command, prosumer=prosumer, code=rejection.code, message=rejection.message, errors=fields)
