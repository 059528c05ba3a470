"""``energy-market sign``: a signed command for whoever speaks HTTP without a library of ours."""

from datetime import UTC, datetime
from typing import Annotated, Any

import simplejson
import typer

from market_files import read_text
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, voice
from prosumer_client import Identity, usual_end

LARGEST_DATA_BYTES = 1 << 20
"""The queue takes no larger command."""


Topic = Annotated[str, typer.Argument(help="What is asked for, as publishDemand; see docs/reference/protocol.md.")]
Data = Annotated[str, typer.Option(help="The topic's data as JSON; @FILE: what is in a file, @-: on standard input.")]
Speaker = Annotated[str | None, typer.Option("--as", help="Whose key signs; default: the operator's.")]
CommandId = Annotated[str | None, typer.Option("--id", help="A UUID, to send the same command again; default: new.")]
Ledger = Annotated[str | None, typer.Option(help="Id of the ledger it is for; default: the one that the queue names.")]
ValidUntil = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help="When the ledger refuses it, UTC; default: in 24 h."),
]
Send = Annotated[bool, typer.Option("--send", help="Post it, wait until it is decided, and print the result.")]


def sign(
    topic: Topic,
    data: Data = "{}",
    speaker: Speaker = None,
    command_id: CommandId = None,
    ledger: Ledger = None,
    valid_until: ValidUntil = None,
    send: Send = False,
    json: AsJson = False,
) -> None:
    """Print a signed command for curl, or send it.

    What is printed goes as it is to POST /queue; docs/how-to/script-the-market.md has examples.
    """
    if send and valid_until is not None:
        raise typer.BadParameter("is for what is printed; what is sent at once is valid for 24 h", param_hint="--send")
    settings = OperatorSettings.read(ledger_id=ledger)
    content = _document(data)
    speaker = speaker or settings.operator
    if send:
        voice.document(settings.ask(lambda market: market.submit(topic, content, command_id=command_id), speaker))
        return
    identity = Identity.load(speaker, settings.keys)
    ledger = settings.ledger_id or settings.ask(lambda market: market.ledger_id())
    ends = usual_end() if valid_until is None else valid_until.replace(tzinfo=UTC)
    command = identity.command(topic, content, command_id, ledger=ledger, valid_until=ends)
    voice.line(command.body.decode())


def _document(data: str) -> dict[str, Any]:
    """Read the data; numbers keep their digits."""
    text = read_text(data[1:], LARGEST_DATA_BYTES) if data.startswith("@") else data
    try:
        document = simplejson.loads(text, use_decimal=True)
    except ValueError as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--data") from None
    if not isinstance(document, dict):
        raise typer.BadParameter('must be a JSON object, as {"demand": "28"}', param_hint="--data")
    return document
