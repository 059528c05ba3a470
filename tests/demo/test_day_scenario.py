"""A day's scenario: what its files say, and what a person reads whose files are wrong."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from demo.day_scenario import DayScenario, roster_of_days
from demo.scenario_file import ScenarioError, load_playable, load_scenario
from energy_market_chaincode import PublishGame, units
from energy_market_chaincode.commands import SetTopology
from prosumer_client import Battery, Profile, Roster
from prosumer_client.roster import HouseholdEntry

DAY = """\
name: pair
profiles: houses.csv
slots: {start: 2026-06-23T12:00:00Z, step: 15m, count: 2}
tariffs: {retail: 0.3, feed_in: 0.1}
graph:
  - [A, feeder]
  - [B, feeder]
"""
HOUSES = """\
start,prosumer,load_kwh,pv_kwh
2026-06-23T12:00:00Z,A,0.2,0.5
2026-06-23T12:00:00Z,B,0.4,0
2026-06-23T14:15:00+02:00,A,0.2,0.2
2026-06-23T14:15:00+02:00,B,0.1,0
"""


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    (tmp_path / "houses.csv").write_text(HOUSES)
    (tmp_path / "day.yaml").write_text(DAY)
    return tmp_path / "day.yaml"


def read(file: Path) -> DayScenario:
    day = load_playable(file)
    assert isinstance(day, DayScenario)
    return day


def problems_of(file: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_playable(file)
    return [str(problem) for problem in caught.value.problems]


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def loads(profile: Profile) -> list[Decimal]:
    return [units.kwh(use.load) for use in profile.uses.values()]


def pvs(profile: Profile) -> list[Decimal]:
    return [units.kwh(use.pv) for use in profile.uses.values()]


def test_the_days_houses_take_and_feed_in_what_the_cases_say(scenarios: Path) -> None:
    day = read(scenarios / "day.yaml")

    used = {name: sum(loads(profile)) for name, profile in day.profiles.items()}
    made = {name: sum(pvs(profile)) for name, profile in day.profiles.items()}
    metered = {name: (sum(loads(flows)), sum(pvs(flows))) for name, flows in day.flows().items()}
    assert used == {"I-1": Decimal("9.58"), "I-2": Decimal("9.61"), "I-3": Decimal("9.59"), "I-4": Decimal("9.62")}
    assert made == {"I-1": Decimal("16.8008"), "I-2": Decimal("16.8008"), "I-3": 0, "I-4": 0}
    assert metered == {
        "I-1": (Decimal("5.0598"), Decimal("12.2806")),
        "I-2": (Decimal("5.0844"), Decimal("12.2752")),
        "I-3": (Decimal("9.59"), 0),
        "I-4": (Decimal("9.62"), 0),
    }
    assert len(day.games()) == 96


def test_a_small_day_is_read(scenario_file: Path) -> None:
    day = read(scenario_file)

    assert loads(day.flows()["A"]) == [0, 0]
    assert pvs(day.flows()["A"]) == [Decimal("0.3"), 0]
    assert day.hop_distances() == {"A": {"A": 0, "B": 2}, "B": {"A": 2, "B": 0}}
    assert day.balances() == {"A": 1000, "B": 1000}
    assert day.needed_groups() == {"households": {"A": 1, "B": 2}}
    assert day.warnings() == []
    assert day.games() == [
        {"deliverySlot": f"2026-06-23T12:{minute}:00.000Z", "slotDurationMs": 900_000}
        | {"retailTariff": "0.3", "feedInTariff": "0.1"}
        for minute in ("00", "15")
    ]


def test_a_days_scenario_makes_commands_the_market_understands(scenario_file: Path) -> None:
    change(scenario_file, "graph:\n  - [A, feeder]\n  - [B, feeder]\n", "hops: {A: {B: 3}, B: {A: 2}}\n")
    day = read(scenario_file)

    assert day.topology() == {"hops": {"A": {"A": 0, "B": 3}, "B": {"A": 2, "B": 0}}}
    SetTopology.model_validate(day.topology())
    for game in day.games():
        PublishGame.model_validate(game)


def test_each_household_gets_its_own_rows_for_its_process(scenario_file: Path, tmp_path: Path) -> None:
    entries = list(read(scenario_file).roster(tmp_path))

    assert [(entry["id"], entry["role"]) for entry in entries] == [("A", "household"), ("B", "household")]
    assert Path(entries[1]["profile"]).read_text().splitlines() == [
        "start,prosumer,load_kwh,pv_kwh",
        "2026-06-23T12:00:00+00:00,B,0.4,0",
        "2026-06-23T12:15:00+00:00,B,0.1,0",
    ]


def test_of_days_one_after_the_other_a_household_gets_a_profile_without_gaps(
    scenario_file: Path, tmp_path: Path
) -> None:
    day = read(scenario_file)
    days = [day, day.later(day.period)]
    (of_a, _) = roster_of_days(days, tmp_path / "profiles")
    rows = Path(of_a["profile"]).read_text().splitlines()[1:]

    assert day.period == timedelta(days=1)
    assert len(rows) == 96 + 2
    assert [row for row in rows if not row.endswith(",A,0,0")] == [
        f"2026-06-{date}T12:{minute}:00+00:00,A,{load},{pv}"
        for date in (23, 24)
        for minute, load, pv in (("00", "0.2", "0.5"), ("15", "0.2", "0.2"))
    ]


def test_a_battery_keeps_for_the_next_slot_what_the_sun_left(scenario_file: Path, tmp_path: Path) -> None:
    change(scenario_file, "graph:", "households: {A: {battery: {capacity_kwh: 5, power_kw: 0.8}}}\ngraph:")
    change(scenario_file.parent / "houses.csv", "A,0.2,0.2", "A,0.2,0.1")
    day = read(scenario_file)

    assert loads(day.flows()["A"]) == [0, 0]
    assert pvs(day.flows()["A"]) == [Decimal("0.1"), 0]
    (of_a, of_b) = day.roster(tmp_path)
    roster = Roster.check({"prosumers": [of_a, of_b]}, "the roster")
    assert [entry.battery for entry in roster.prosumers if isinstance(entry, HouseholdEntry)] == [
        Battery(Decimal(5), Decimal("0.8")),
        None,
    ]


def test_a_single_slot_has_a_profile_whose_step_can_be_told(scenario_file: Path, tmp_path: Path) -> None:
    change(scenario_file, "step: 15m, count: 2", "step: 30m, count: 1")
    houses = scenario_file.parent / "houses.csv"
    houses.write_text("".join(houses.read_text().splitlines(keepends=True)[:3]))
    (of_a, _) = read(scenario_file).roster(tmp_path)

    assert Profile.read(of_a["profile"], "A").step == timedelta(minutes=30)


def test_tariffs_may_differ_from_slot_to_slot_and_be_negative(scenario_file: Path) -> None:
    change(scenario_file, "{retail: 0.3, feed_in: 0.1}", "prices.csv")
    prices = "start,retail,feed_in\n2026-06-23T12:00Z,0.3,0.1\n2026-06-23T12:15Z,0.2,-0.05\n"
    (scenario_file.parent / "prices.csv").write_text(prices)

    assert [game["feedInTariff"] for game in read(scenario_file).games()] == ["0.1", "-0.05"]


def test_a_day_comes_again_at_another_time(scenario_file: Path) -> None:
    later = read(scenario_file).later(timedelta(days=2))

    assert later.games()[1]["deliverySlot"] == "2026-06-25T12:15:00.000Z"
    assert list(later.profiles["B"].uses) == later.slots.starts()


def test_what_is_not_played_is_said(scenario_file: Path) -> None:
    change(scenario_file, "count: 2", "count: 1")
    change(scenario_file.parent / "houses.csv", "A,0.2,0.5", "A,0.2,0.1")

    warnings = read(scenario_file).warnings()
    assert len(warnings) == 2
    assert "2 rows" in warnings[0]
    assert "nothing can be traded" in warnings[1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "houses.csv",
            "none.csv",
            "line 2: profiles cannot be read from {folder}/none.csv (No such file or directory)",
        ),
        ("15m", "7m", "line 3: slots needs a step that divides a day, for instance 15m."),
        ("15m", "fast", "line 3: slots.step must be a whole number of s, m, h or d"),
        ("12:00:00Z", "12:05:00Z", "line 3: slots needs a start that is on the step"),
        ("12:00:00Z", "12:00:00", "line 3: slots.start is a local time without an offset"),
        ("count: 2", "count: 0", "line 3: slots.count should be greater than or equal to 1."),
        ("count: 2", "count: 3", "line 2: profiles in houses.csv: A has no row for 1 slots, the first of"),
        ("15m", "30m", "line 2: profiles in houses.csv: row 4: '2026-06-23T14:15:00+02:00' is not on the step"),
        ("feed_in: 0.1", "feed_in: 0.4", "line 4: tariffs needs a retail tariff that is not below feed_in"),
        ("feed_in: 0.1", "feed_out: 0.1", "line 4: tariffs.feed_in is missing."),
        ("[B, feeder]", "[C, feeder]", "line 5: graph has no edge to B."),
        (
            "graph:",
            "game: {retail_tariff: 0.3}\ngraph:",
            "line 5: game.retail_tariff is not stated here: tariffs say it",
        ),
        (
            "  - [B, feeder]",
            "hops: {A: {B: 1}, B: {A: 1}}",
            "line 1: The scenario needs either a graph or a hops table.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(scenario_file: Path, old: str, new: str, problem: str) -> None:
    change(scenario_file, old, new)

    problems = problems_of(scenario_file)
    assert any(found.startswith(problem.format(folder=scenario_file.parent)) for found in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("load_kwh", "load", "line 2: profiles in houses.csv: there is no column 'load_kwh'"),
        ("B,0.4,0", "B,much,0", "line 2: profiles in houses.csv: row 3: 'much' is no number"),
        ("B,0.4,0", "B,-0.4,0", "line 2: profiles in houses.csv: row 3: -0.4 is below zero"),
        ("B,0.4,0", "B,,0", "line 2: profiles in houses.csv: row 3: the row has no value"),
        (HOUSES.partition("\n")[2], "", "line 2: profiles in houses.csv: there are no rows."),
        (HOUSES, "", "line 2: profiles in houses.csv: the file is empty"),
        ("12:00:00Z,B", "12:00:00Z,C", "line 5: graph has no edge to C."),
        (",B,", ",grid-operator,", "line 2: profiles name grid-operator, which is the market's own account"),
        (",B,", ",two words,", "line 2: profiles in houses.csv: 'two words' is no id of a prosumer"),
    ],
)
def test_rows_that_cannot_be_played_are_named(scenario_file: Path, old: str, new: str, problem: str) -> None:
    change(scenario_file.parent / "houses.csv", old, new)
    if new == ",grid-operator,":
        change(scenario_file, "[B,", "[grid-operator,")
    if new == "12:00:00Z,C":
        change(scenario_file.parent / "houses.csv", "14:15:00+02:00,B", "14:15:00+02:00,C")

    problems = problems_of(scenario_file)
    assert any(found.startswith(problem) for found in problems), problems


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ("from,retail,feedIn\n", "the first row has to name start, retail, feed_in; it has from, retail, feedIn"),
        ("start,retail,feed_in\n2026-06-23T12:00Z,0.3,0.1\n", "there is no row for 1 slots, the first of"),
        ("start,retail,feed_in\n2026-06-23T12:00Z,dear,0.1\n", "row 2: is not a number"),
        ("start,retail,feed_in\nat noon,0.3,0.1\n", "row 2: is no instant"),
    ],
)
def test_a_table_of_tariffs_that_cannot_be_used_is_refused(scenario_file: Path, prices: str, problem: str) -> None:
    change(scenario_file, "{retail: 0.3, feed_in: 0.1}", "prices.csv")
    (scenario_file.parent / "prices.csv").write_text(prices)

    problems = problems_of(scenario_file)
    assert any(found.startswith(f"line 4: tariffs in prices.csv: {problem}") for found in problems), problems


def test_of_many_problems_some_are_shown_and_the_rest_is_counted(scenario_file: Path) -> None:
    rows = "".join(f"2026-06-23T12:00:00Z,A{number},x,0\n" for number in range(20))
    (scenario_file.parent / "houses.csv").write_text("start,prosumer,load_kwh,pv_kwh\n" + rows)

    assert len(problems_of(scenario_file)) == 11
    assert any("30 more problems" in problem for problem in problems_of(scenario_file))


def test_where_a_single_game_is_wanted_a_day_is_refused(scenario_file: Path) -> None:
    with pytest.raises(ScenarioError, match="of a day"):
        load_scenario(scenario_file)
