"""The ledger that a command of the operator needs: an embedded one needs nothing, Fabric a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from ledger import LedgerKind
from operator_cli.settings import OperatorSettings


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
