"""``python -m dashboard``."""

from dashboard.app import DashboardSettings, make_app
from http_service import parse_arguments, serve
from market_log import configure_logs


def main() -> None:
    """Serve until told to stop."""
    settings = parse_arguments(DashboardSettings, "The page on which people watch the market.")
    configure_logs("dashboard")
    serve(make_app(settings), settings)


if __name__ == "__main__":
    main()
