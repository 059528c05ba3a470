"""``python -m market_clock``."""

import logging

from http_service import configure_logs, parse_arguments, serve
from market_clock.service import build_app
from market_clock.settings import ClockSettings


def main() -> None:
    """Run the clock until it is told to stop."""
    settings = parse_arguments(ClockSettings, "The market clock: opens, closes and times the phases of games.")
    configure_logs("market_clock")
    for chatty in ("apscheduler", "httpx"):  # they tell of every request and every look at the schedule
        logging.getLogger(chatty).setLevel(logging.WARNING)
    serve(build_app(settings), settings)


if __name__ == "__main__":
    main()
