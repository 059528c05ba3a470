"""``python -m market_clock``."""

from http_service import parse_arguments, serve
from market_clock.service import build_app
from market_clock.settings import ClockSettings
from market_log import configure_logs


def main() -> None:
    """Run the clock until it is told to stop."""
    settings = parse_arguments(ClockSettings, "The market clock: opens, closes and times the phases of games.")
    configure_logs("market_clock")
    serve(build_app(settings), settings)


if __name__ == "__main__":
    main()
