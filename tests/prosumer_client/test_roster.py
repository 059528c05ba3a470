"""Who a process plays for, by flags, environment and file."""

import json
import os
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from prosumer_client import Battery, Household, MarketClient, Meter, ShiftableLoad, create_key, key_file
from prosumer_client.roster import BuyerEntry, HouseholdEntry, Roster, RosterError, SellerEntry
from prosumer_client.settings import parse_arguments

SELLER = {"id": "S1", "role": "seller", "capacity": 36, "price": "0.08376051515357819"}
BUYER = {"id": "B1", "role": "buyer", "demand": "28.5", "delivery": 0.5}


def write(path: Path, prosumers: Any) -> Path:
    path.write_text(json.dumps({"prosumers": prosumers}))
    return path


def test_a_file_names_sellers_and_buyers_with_exact_amounts(tmp_path: Path) -> None:
    seller, buyer = Roster.from_file(write(tmp_path / "group.json", [SELLER, BUYER])).prosumers
    assert isinstance(seller, SellerEntry)
    assert (seller.capacity, seller.price) == (Decimal(36), Decimal("0.08376051515357819"))
    assert seller.delivery == Decimal(1)
    assert isinstance(buyer, BuyerEntry)
    assert (buyer.demand, buyer.delivery) == (Decimal("28.5"), Decimal("0.5"))


def test_a_household_has_a_profile_beside_its_roster_devices_and_perhaps_a_meter(tmp_path: Path) -> None:
    entry = {
        "id": "H1",
        "role": "household",
        "profile": "houses.csv",
        "meter": "m-H1",
        "battery": {"capacity_kwh": 5, "power_kw": "2.5", "efficiency": "0.9"},
        "shiftable": {"energy_kwh": 2, "power_kw": 2, "earliest": "09:00", "latest": "17:00", "zone": "Europe/Berlin"},
    }
    (household,) = Roster.from_file(write(tmp_path / "group.json", [entry])).prosumers
    assert isinstance(household, HouseholdEntry)
    assert household.profile == tmp_path / "houses.csv"
    assert household.battery == Battery(Decimal(5), Decimal("2.5"), Decimal("0.9"))
    assert household.shiftable == ShiftableLoad(Decimal(2), Decimal(2), time(9), time(17), ZoneInfo("Europe/Berlin"))
    for name in ("H1", "m-H1"):
        create_key(key_file(tmp_path / "keys", name))
    (tmp_path / "houses.csv").write_text("start,prosumer,load_kwh,pv_kwh\n2026-06-23T00:00:00Z,H1,1,0\n")
    roster = Roster.from_file(write(tmp_path / "group.json", [entry]))
    who, meter = roster.participants(MarketClient("http://127.0.0.1:1"), tmp_path / "keys", None)
    assert (type(who), who.prosumer) == (Household, "H1")
    assert isinstance(meter, Meter)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ({"battery": {"capacity_kwh": 5}}, "battery.power_kw: Field required"),
        ({"battery": {"capacity_kwh": 5, "power_kw": 2, "colour": "red"}}, "battery.colour: Unexpected"),
        ({"battery": {"capacity_kwh": -5, "power_kw": 2}}, "a capacity and a power above zero"),
        ({"shiftable": {"energy_kwh": 5, "power_kw": 1, "earliest": "9:00", "latest": "17:00"}}, "earliest"),
    ],
)
def test_a_device_that_cannot_be_is_named(device: dict[str, Any], said: str) -> None:
    with pytest.raises(RosterError) as caught:
        Roster.of_one({"id": "H1", "role": "household", "profile": "houses.csv", **device})
    assert said in str(caught.value)


def test_everything_wrong_with_a_file_is_named_at_once(tmp_path: Path) -> None:
    wrong = [{**SELLER, "price": 0}, {**BUYER, "demand": "0.00001", "colour": "red"}, {"id": "X", "role": "grid"}]
    with pytest.raises(RosterError) as caught:
        Roster.from_file(write(tmp_path / "group.json", wrong))
    for place in ("0.seller.price", "1.buyer.demand", "1.buyer.colour", "prosumers.2"):
        assert place in str(caught.value)


def test_nobody_can_be_named_twice(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="names B1 more than once"):
        Roster.from_file(write(tmp_path / "group.json", [BUYER, SELLER, BUYER]))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"prosumers": []}', "\xff"])
def test_a_file_that_is_no_roster_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "group.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RosterError, match=r"group\.json"):
        Roster.from_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="No such file"):
        Roster.from_file(tmp_path / "group.json")


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_what_is_no_file_is_neither_waited_for_nor_read_for_ever(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RosterError, match="no regular file"):
        Roster.from_file(tmp_path / place)


def test_flags_name_one_prosumer_and_go_before_the_environment() -> None:
    environment = {
        "ENERGY_MARKET_QUEUE_URL": "http://127.0.0.1:1",
        "ENERGY_MARKET_OPTIMIZER_URL": "http://127.0.0.1:2",
        "ENERGY_MARKET_HOME": "/srv/market",
        "ENERGY_MARKET_LOG_LEVEL": "debug",
    }
    flags = ["--id", "B1", "--role", "buyer", "--demand", "28", "--queue-url", "http://127.0.0.1:3"]
    settings = parse_arguments(flags, environment)
    assert settings.roster.prosumers == [BuyerEntry(id="B1", role="buyer", demand=Decimal(28))]
    assert (settings.queue_url, settings.optimizer_url) == ("http://127.0.0.1:3", "http://127.0.0.1:2")
    assert settings.keys == Path("/srv/market/keys")
    assert (settings.patience.total_s, settings.log_format, settings.log_level) == (120, "auto", "debug")


def test_without_settings_the_conventions_hold() -> None:
    settings = parse_arguments(["--id", "S1", "--role", "seller", "--capacity", "1", "--price", "0.1"], {})
    assert (settings.queue_url, settings.optimizer_url) == ("http://127.0.0.1:8080", None)
    assert settings.keys == Path(".energy-market/keys")


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        ([], {}, "--group --id is required"),
        (["--id", "B1", "--role", "buyer"], {}, "demand: Field required"),
        (["--id", "B1", "--role", "buyer", "--demand", "many"], {}, "demand: Input should be a valid decimal"),
        (["--id", "B1", "--role", "buyer", "--demand", "1", "--price", "2"], {}, "price: Extra inputs"),
        (["--id", "../B1", "--role", "buyer", "--demand", "1"], {}, "id: String should match"),
        (["--group", "group.json", "--role", "buyer"], {}, "leave out --role"),
        (["--id", "B1", "--role", "buyer", "--demand", "1"], {"ENERGY_MARKET_LOG_FORMAT": "xml"}, "none of auto, text"),
        (["--id", "B1", "--role", "buyer", "--demand", "1"], {"ENERGY_MARKET_PATIENCE_SECONDS": "0"}, "more than 0"),
    ],
)
def test_a_mistake_is_told_and_ends_the_process(
    flags: list[str], environment: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(flags, environment)
    assert caught.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
