"""``energy-market statement``: what a prosumer's slots came to in a month, or in any other time."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from energy_market_chaincode import market_views
from market_files import write_file
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, named_zone, voice

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
COLUMNS = ("begins", "inEnergy", "outEnergy", "bought", "boughtAt", "sold", "soldAt", "fees", "penalties", "net")


def statement(
    prosumer: Annotated[str, typer.Argument(help="The prosumer's id.")],
    month: Annotated[str | None, typer.Option(help="A month of the time zone, as 2026-11.")] = None,
    begins: Annotated[str | None, typer.Option("--from", help="From when on, as 2026-11-01T00:00+01:00.")] = None,
    ends: Annotated[str | None, typer.Option("--to", help="Until when; without either all there is.")] = None,
    zone: Annotated[str | None, typer.Option(help="As Europe/Berlin; default: this machine's.")] = None,
    csv: Annotated[Path | None, typer.Option(help="A file to write it to, a row for each slot and entry.")] = None,
    json: AsJson = False,
) -> None:
    """Show what a prosumer took, fed in, bought and sold, slot by slot, and what it came to.

    The sum of its slots' net and of its other entries is what the account moved by.
    """
    if month is not None and (begins is not None or ends is not None):
        raise typer.BadParameter("stands alone, without --from and --to", param_hint="--month")
    place = named_zone(zone)
    period = month_of(month, place) if month is not None else (_time(begins, "--from"), _time(ends, "--to"))
    found = OperatorSettings.read().ask(lambda market: market.statement(prosumer, *period))
    if csv is not None:
        write_file(csv, found.as_csv().encode())
    if csv is None or voice.as_json:
        _show(found, place)
    voice.remark(f"{found.sums.slots} slots; the account moved by {found.sums.movement:f}")


def month_of(text: str, place: ZoneInfo | None) -> tuple[datetime, datetime]:
    """Return when a month begins and ends where somebody lives."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no month; one is 2026-11", param_hint="--month")
    year, month = map(int, found.groups())
    first, next_one = (year, month), (year + month // 12, month % 12 + 1)
    begins, ends = (_midnight(datetime(*each, 1), place) for each in (first, next_one))  # noqa: DTZ001 - a place's
    return begins, ends


def _midnight(day: datetime, place: ZoneInfo | None) -> datetime:
    return day.astimezone() if place is None else day.replace(tzinfo=place)


def _time(text: str | None, option: str) -> datetime | None:
    try:
        time = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; one is 2026-11-01T00:00+01:00", param_hint=option) from None
    if time is not None and time.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; write it as 2026-11-01T00:00+01:00", param_hint=option)
    return time


def shown_time(moment: datetime, place: ZoneInfo | None) -> str:
    """Return a moment as the clocks of a place say it, with seconds where it has some."""
    return moment.astimezone(place).isoformat(timespec="seconds" if moment.second else "minutes")


def _show(found: market_views.Statement, place: ZoneInfo | None) -> None:
    if voice.as_json:
        voice.document(found)
        return
    rows = [{**line.as_json(), "begins": shown_time(line.begins, place)} for line in found.lines]
    voice.rows(rows, COLUMNS, found.prosumer)
    for line in found.lines:
        for each in line.corrections:
            slot, at = shown_time(line.begins, place), each.at.astimezone(place).isoformat(timespec="minutes")
            voice.progress(f"{slot}: corrected by {each.net:f} on {at}")
    for entry in found.entries:
        voice.progress(f"{entry.at.astimezone(place):%Y-%m-%d %H:%M}: {entry.kind} {entry.amount:f}")
    voice.facts(found.sums)
