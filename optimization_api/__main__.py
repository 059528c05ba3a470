"""``python -m optimization_api``."""

from http_service import parse_arguments, serve
from market_log import configure_logs
from optimization_api.app import OptimizerSettings, make_app


def main() -> None:
    """Serve until told to stop."""
    settings = parse_arguments(
        OptimizerSettings, "Best responses, equilibria and the social optimum of the energy game."
    )
    configure_logs("optimization_api")
    app = make_app(settings)
    app.state.pool.prepare()
    serve(app, settings)


if __name__ == "__main__":
    main()
