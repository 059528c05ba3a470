"""The parts of a running queue, and how an endpoint gets at them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from ledger.interface import Ledger
from tx_queue.event_hub import EventHub
from tx_queue.intake import Intake
from tx_queue.metrics import Metrics
from tx_queue.settings import QueueSettings
from tx_queue.store import QueueStore


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints work with."""

    settings: QueueSettings
    ledger: Ledger
    store: QueueStore
    intake: Intake
    hub: EventHub
    metrics: Metrics


async def _parts(connection: HTTPConnection) -> Parts:
    return cast(Parts, connection.app.state.parts)


PartsOfApp = Annotated[Parts, Depends(_parts)]
