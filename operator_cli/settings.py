"""Where an operator's market is, as whom the operator speaks, asking it, and the ledger that its services need."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import stamina
from pydantic import BaseModel, ValidationError

from ledger import LedgerKind
from market_files import DEFAULT_HOME
from prosumer_client import Identity, MarketClient, Patience, run_to_end

stamina.instrumentation.set_on_retry_hooks([])  # a command says once, at its end, that nobody answered

PREFIX = "ENERGY_MARKET_"
PATIENCE = Patience(total_s=10, longest_delay_s=1)
"""Somebody sits at the terminal and waits."""

T = TypeVar("T")
Question = Callable[[MarketClient], Awaitable[T]]


class UnusableSetting(Exception):
    """The environment says what cannot be."""

    code: ClassVar[str] = "UNUSABLE_SETTING"

    def __init__(self, error: ValidationError) -> None:
        problems = (f"{PREFIX}{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        super().__init__("; ".join(problems))


class OperatorSettings(BaseModel):
    """From the environment (``ENERGY_MARKET_HOME`` and so on).

    Attributes
    ----------
    home
        The folder that holds the keys, and the embedded ledger and the queue if they run here.
    ledger_id
        The ledger that commands are for; None: the one that the queue names.
    operator
        Whose key signs; ``<home>/keys/<operator>.pem``.
    operator_public_key
        Where the operator's private key is elsewhere: its public one, for a new network.
    """

    home: Path = DEFAULT_HOME
    ledger: LedgerKind = LedgerKind.EMBEDDED
    ledger_id: str | None = None
    operator: str = "operator"
    operator_public_key: str | None = None
    queue_url: str = "http://127.0.0.1:8080"
    clock_url: str = "http://127.0.0.1:8082"
    fabric_profile: Path | None = None

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Read the environment; what is given and not None counts before it. Raises UnusableSetting."""
        set_there = {
            name: os.environ[PREFIX + name.upper()] for name in cls.model_fields if PREFIX + name.upper() in os.environ
        }
        try:
            return cls.model_validate(set_there | {name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise UnusableSetting(error) from None

    @property
    def keys(self) -> Path:
        """The folder of keys."""
        return self.home / "keys"

    def order(self, orders: Question[T]) -> T:
        """Give the market commands as its operator; raises as :meth:`ask`."""
        return self.ask(orders, self.operator)

    def ask(self, question: Question[T], speaker: str | None = None) -> T:
        """Ask the market something, or give it commands as somebody whose key is here.

        Raises
        ------
        prosumer_client.KeyFileError
            There is no key of the speaker.
        prosumer_client.MarketError
        """
        identity = None if speaker is None else Identity.load(speaker, self.keys)

        async def asked() -> T:
            async with MarketClient(self.queue_url, identity, patience=PATIENCE, ledger=self.ledger_id) as market:
                return await question(market)

        return run_to_end(asked())


@contextmanager
def hosted_ledger(settings: OperatorSettings, *, temporary: bool = False) -> Iterator[dict[str, str]]:
    """Have a ledger ready, and give the settings by which the queue finds it.

    A Fabric network of ours goes on afterwards, unless it is temporary. Where ENERGY_MARKET_FABRIC_PROFILE names a
    network, that one is used, and none is made.

    Raises
    ------
    fabric_network.errors.NetworkError
    """
    if settings.ledger is LedgerKind.EMBEDDED:
        yield {}
        return
    if settings.fabric_profile is not None and not temporary:
        with settings.fabric_profile.open("rb"):  # that it is there is said now, not by the queue's log
            pass
        yield {"ENERGY_MARKET_FABRIC_PROFILE": str(settings.fabric_profile.absolute())}
        return
    from operator_cli.own_network import running_network  # brings gRPC, which nobody else needs

    with running_network(settings, temporary=temporary) as profile:
        yield {"ENERGY_MARKET_FABRIC_PROFILE": str(profile)}
