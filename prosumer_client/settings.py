"""Settings of a prosumer's process: environment variables, and flags that override them.

Written with argparse rather than pydantic-settings, whose import would take half as long as all the rest: a demo starts
one such process per prosumer.
"""

import argparse
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from market_files import DEFAULT_HOME
from market_log import FORMATS, LEVELS
from prosumer_client.connection import Patience, require_address
from prosumer_client.roster import Roster, RosterError

PREFIX = "ENERGY_MARKET_"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a process plays, and for whom.

    Attributes
    ----------
    optimizer_url
        None: the process computes best responses itself.
    ledger_id
        The ledger that commands are for; None: the one that the queue names first.
    keys
        The folder with ``<id>.pem`` of each prosumer.
    """

    roster: Roster
    queue_url: str
    ledger_id: str | None
    optimizer_url: str | None
    keys: Path
    patience: Patience
    log_format: str
    log_level: str


def parse_arguments(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read flags and environment; on a mistake print it and exit with code 2, as argparse does."""
    parser = _parser(environment)
    flags = parser.parse_args(arguments)
    try:
        roster = _roster(flags)
    except RosterError as error:
        parser.error(str(error))
    return Settings(
        roster=roster,
        queue_url=flags.queue_url,
        ledger_id=flags.ledger_id or None,
        optimizer_url=flags.optimizer_url,
        keys=Path(flags.keys or flags.home / "keys"),
        patience=Patience(total_s=flags.patience_seconds),
        log_format=flags.log_format,
        log_level=flags.log_level,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m prosumer_client",
        description="Play for one prosumer, or for many that share one connection, until SIGTERM.",
        epilog=f"Settings with a default in brackets also come from the environment: {PREFIX}QUEUE_URL and so on.",
    )

    def setting(name: str, default: str, text: str, read: Callable[[str], object] = str) -> None:
        value = environment.get(PREFIX + name, default)
        shown = f"{text} [{value}]".replace("%", "%%")
        parser.add_argument("--" + name.lower().replace("_", "-"), default=value, help=shown, type=read)

    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--group", type=Path, help='a JSON file: {"prosumers": [{"id", "role", ...}]}')
    who.add_argument("--id", help="the prosumer's id")
    parser.add_argument("--role", choices=("buyer", "seller", "household"))
    parser.add_argument("--demand", help="a buyer's demand, kWh")
    parser.add_argument("--capacity", help="a seller's offer, kWh")
    parser.add_argument("--price", help="a seller's base price, currency per kWh")
    parser.add_argument("--delivery", help="which share of its part of a game it delivers or consumes [1]")
    parser.add_argument("--profile", help="a household's use: CSV with start,prosumer,load_kwh,pv_kwh")
    parser.add_argument("--meter", help="the meter at its connection, whose <id>.pem signs readings")
    setting("QUEUE_URL", "http://127.0.0.1:8080", "address of tx_queue", _address)
    setting("LEDGER_ID", "", "id of the ledger that commands are for; none: the one that the queue names first")
    setting("OPTIMIZER_URL", "", "address of optimization_api; none: compute best responses here", _address_or_none)
    setting("HOME", str(DEFAULT_HOME), "folder of this market", Path)
    setting("KEYS", "", "folder with <id>.pem; none: keys in the market's folder")
    setting("PATIENCE_SECONDS", "120", "how long to try again what fails", _seconds)
    setting("LOG_FORMAT", "auto", f"form of the log: {', '.join(FORMATS)}", _one_of(*FORMATS))
    setting(
        "LOG_LEVEL",
        "info",
        f"least level of the log: {', '.join(LEVELS)}",
        _one_of(*LEVELS),
    )
    return parser


def _one_of(*choices: str) -> Callable[[str], str]:
    """Return what reads one of some words. Other than argparse's choices it also minds those from the environment."""

    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return read


def _address(text: str) -> str:
    try:
        return require_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address_or_none(text: str) -> str | None:
    return _address(text) if text else None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} must be more than 0 seconds")
    return seconds


def _roster(flags: argparse.Namespace) -> Roster:
    names = ("id", "role", "demand", "capacity", "price", "delivery", "profile", "meter")
    given = {name: value for name in names if (value := getattr(flags, name)) is not None}
    if flags.group is None:
        return Roster.of_one(given)
    if given:
        raise RosterError(f"--group says it all; leave out --{', --'.join(given)}")
    return Roster.from_file(flags.group)
