"""What a day's lines add up to, and what its run complains of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from demo.day_run import next_after, usual_factor
from demo.day_scenario import DayScenario
from demo.result import Accounts, DayRun
from demo.scenario_file import load_playable
from energy_market_chaincode import market_views

NOON = datetime(2026, 6, 23, 12, tzinfo=UTC)
AMOUNTS = [*market_views.SlotAmounts.model_fields, "paid", "received", "retail_tariff", "feed_in_tariff"]


def line(**amounts: str) -> market_views.SlotLine:
    return market_views.SlotLine(
        **dict.fromkeys(AMOUNTS, Decimal(0)) | {name: Decimal(amount) for name, amount in amounts.items()},
        game="Game",
        begins=NOON,
        prosumer="somebody",
        bought_at=None,
        sold_at=None,
        is_presumed=False,
        corrections=[],
    )


def statement(prosumer: str, *lines: market_views.SlotLine) -> market_views.Statement:
    return market_views.Statement(
        prosumer=prosumer,
        from_=NOON,
        to=NOON + timedelta(minutes=30),
        lines=list(lines),
        entries=[],
        sums=market_views.StatementSums.of(lines, []),
        next=None,
    )


@pytest.fixture
def day(tmp_path: Path) -> DayScenario:
    (tmp_path / "houses.csv").write_text(
        "start,prosumer,load_kwh,pv_kwh\n"
        "2026-06-23T12:00Z,A,0.2,0.5\n2026-06-23T12:15Z,A,0.3,0\n"
        "2026-06-23T12:00Z,B,0.4,0\n2026-06-23T12:15Z,B,0.1,0.1\n"
    )
    (tmp_path / "day.yaml").write_text(
        "name: pair\nprofiles: houses.csv\nslots: {start: 2026-06-23T12:00Z, step: 15m, count: 2}\n"
        "tariffs: {retail: 0.3, feed_in: 0.1}\ngraph: [[A, B]]\n"
    )
    read = load_playable(tmp_path / "day.yaml")
    assert isinstance(read, DayScenario)
    return read


@pytest.fixture
def run(day: DayScenario) -> DayRun:
    """A day without trade, as it is when all is well."""
    return DayRun(
        scenario=day,
        games=[],
        statements={
            "A": statement(
                "A",
                line(out_energy="0.3", to_grid="0.3", to_grid_for="0.03", received="0.03", net="0.03"),
                line(in_energy="0.3", from_grid="0.3", paid="0.09", penalties="0.01", fees="0.02", net="-0.12"),
            ),
            "B": statement("B", line(in_energy="0.4", from_grid="0.4", paid="0.12", net="-0.12")),
        },
        ledger="embedded",
        before=Accounts({}),
        after=Accounts({}),
        timings={},
    )


def test_a_household_of_the_document_is_the_sum_of_its_statement(run: DayRun) -> None:
    assert run.problems() == []
    assert run.document()["households"]["A"] == {
        "in_kwh": Decimal("0.3"),
        "out_kwh": Decimal("0.3"),
        "bought_kwh": 0,
        "sold_kwh": 0,
        "grid_in_kwh": Decimal("0.3"),
        "grid_out_kwh": Decimal("0.3"),
        "fees": Decimal("0.02"),
        "penalties": Decimal("0.01"),
        "paid": Decimal("0.12"),
        "received": Decimal("0.03"),
    }


def test_the_tables_have_every_household_and_say_that_money_is_conserved(run: DayRun) -> None:
    console = Console(record=True, width=120)
    run.show(console)
    said = console.export_text()

    assert "A took 0.3000 kWh and fed in 0.3000" in said
    assert "B took 0.4000 kWh and fed in 0.0000" in said
    assert "conserved to the last unit" in said


@pytest.mark.parametrize(
    ("of_b", "problem"),
    [
        (
            [line(in_energy="0.4001", from_grid="0.4001")],
            "B was to take 0.4 kWh by its profile, and 0.4001 kWh were settled",
        ),
        ([], "B was to take 0.4 kWh by its profile, and 0 kWh were settled"),
        (
            [line(in_energy="0.4", bought="0.4")],
            "0 kWh were traded in all slots, and the households bought 0.4 kWh",
        ),
    ],
)
def test_a_tenth_of_a_wh_that_differs_is_a_problem(
    run: DayRun, of_b: list[market_views.SlotLine], problem: str
) -> None:
    assert replace(run, statements={**run.statements, "B": statement("B", *of_b)}).problems() == [problem]


@pytest.mark.parametrize(("minutes", "factor"), [(15, 720), (60, 2880), (720, 3600)])
def test_a_slot_takes_a_second_or_so_unless_time_would_pass_too_fast(minutes: int, factor: int) -> None:
    assert usual_factor(timedelta(minutes=minutes)) == factor


@pytest.mark.parametrize(
    ("soonest", "first_slot"),
    [
        ("2026-06-20T00:00", "2026-06-23T12:00"),
        ("2026-06-23T12:00", "2026-06-23T12:00"),
        ("2026-06-23T12:01", "2026-06-24T12:00"),
        ("2027-01-01T13:00", "2027-01-02T12:00"),
    ],
)
def test_where_time_went_on_a_day_comes_on_the_next_date(day: DayScenario, soonest: str, first_slot: str) -> None:
    shifted = next_after(day, datetime.fromisoformat(soonest).replace(tzinfo=UTC))

    assert shifted.slots.starts()[0] == datetime.fromisoformat(first_slot).replace(tzinfo=UTC)
    assert list(shifted.profiles["A"].uses) == shifted.slots.starts()
