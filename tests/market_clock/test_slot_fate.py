"""Which refusals leave a slot due."""

import pytest

from energy_market_chaincode import Rejection
from market_clock.publisher import stays_due
from prosumer_client.errors import CommandRejected, MarketUnavailable, RequestRefused, UnexpectedAnswer

STAY_DUE = {"BAD_SIGNATURE", "UNKNOWN_SIGNER", "OPERATORS_ONLY"}


@pytest.mark.parametrize("code", sorted(kind.code for kind in Rejection.__subclasses__()))
def test_of_the_contracts_rules_only_those_about_us_leave_it_due(code: str) -> None:
    assert stays_due(CommandRejected(code, "because", "id")) == (code in STAY_DUE)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502])
def test_what_a_service_refuses_without_regard_to_the_content_leaves_it_due(status: int) -> None:
    assert stays_due(RequestRefused(status, f"HTTP_{status}", "because"))


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_content_that_a_service_refuses_does_not(status: int) -> None:
    assert not stays_due(RequestRefused(status, "INVALID_PARAMETER", "because"))


def test_what_decided_nothing_leaves_it_due() -> None:
    assert stays_due(CommandRejected("TRANSACTION_FAILED", "because", "id"))
    assert stays_due(MarketUnavailable("gone"))
    assert stays_due(UnexpectedAnswer("http://queue", "is a printer"))
