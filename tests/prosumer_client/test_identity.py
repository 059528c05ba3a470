"""Signed commands and repeatable ids."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import Topic, is_signed_by, parse_command, read_json
from energy_market_chaincode.commands import PublishOffer
from energy_market_chaincode.units import currency_per_kwh, kwh
from prosumer_client.errors import UnusableValue
from prosumer_client.identity import Identity, new_id, repeatable_id

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENT = datetime(2026, 11, 23, 20, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def seller() -> Identity:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Identity("S1", Ed25519PrivateKey.generate())


@settings(deadline=None)
@given(energy=st.integers(1, 10**13), price=st.integers(1, 10**24))
def test_decimals_reach_the_contract_to_their_last_digit(seller: Identity, energy: int, price: int) -> None:
    data = {"game": "G1", "amount": kwh(energy), "price": currency_per_kwh(price)}
    command = parse_command(read_json(seller.command(Topic.PUBLISH_OFFER, data).body))
    assert isinstance(command.data, PublishOffer)
    assert (command.data.amount, command.data.price) == (energy, price)


def test_a_command_carries_a_signature_that_fits(seller: Identity) -> None:
    signed = seller.command("publishDemand", {"game": "G1", "amount": "28"})
    command = parse_command(read_json(signed.body))
    assert command.id == signed.id
    assert command.prosumer == "S1"
    assert is_signed_by(command.signed, command.signature, seller.public_key)


def test_the_same_command_is_the_same_bytes(seller: Identity) -> None:
    name = str(uuid.uuid4())
    assert seller.command("closeMarket", {"game": "G1"}, name) == seller.command("closeMarket", {"game": "G1"}, name)


def test_new_ids_tell_their_time_and_stand_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [time_ns := 1_796_018_929_739_123_456, time_ns + 1_000, time_ns + 1_000_000, time_ns + 10**15]
    ids = []
    for moment in moments:
        monkeypatch.setattr("time.time_ns", lambda moment=moment: moment)
        ids.append(uuid.UUID(new_id()))
    assert [each.int >> 80 for each in ids] == [moment // 1_000_000 for moment in moments]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}


def test_new_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_796_018_929_739_123_456)
    assert len({new_id() for _ in range(1000)}) == 1000


UNSIGNABLE = {
    "NaN": (float("nan"), "amount: nan"),
    "no text": ("\udcff", r"amount: '\udcff'"),
    "a name that is no text": ({"\ud800": 1}, r"amount: '\ud800'"),
    "a set in a list": (["1", {"unit": {1}}], "amount.1.unit: {1}"),
    "an integer beyond 2^53": (2**53, "amount: 9007199254740992"),
}


@pytest.mark.parametrize(("value", "named"), UNSIGNABLE.values(), ids=UNSIGNABLE)
def test_what_json_cannot_hold_is_refused_and_named(seller: Identity, value: Any, named: str) -> None:
    with pytest.raises(UnusableValue, match="canonical JSON") as refused:
        seller.command("publishDemand", {"game": "G1", "amount": value})
    assert refused.value.code == "UNUSABLE_VALUE"
    assert refused.value.message.endswith(f"that is payload.data.{named}")


def test_an_occasion_has_one_id_whatever_zone_its_time_is_told_in(identity: Callable[[str], Identity]) -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert repeatable_id("B1", "publishBuyBid", "G1", 2, MOMENT) == repeatable_id(
        "B1", "publishBuyBid", "G1", 2, elsewhere
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("BG1", max_size=3), st.integers(0, 20), st.datetimes()), min_size=2, unique=True))
def test_different_occasions_have_different_ids(occasions: list[tuple[str, int, datetime]]) -> None:
    ids = {repeatable_id("B1", "publishBuyBid", *occasion) for occasion in occasions}
    assert len(ids) == len(occasions)
