"""``python -m tx_queue``: the market's queue as a service."""

import stamina

from http_service import parse_arguments, serve
from market_log import configure_logs
from tx_queue.api import create_queue_app
from tx_queue.settings import QueueSettings


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stamina.instrumentation.set_on_retry_hooks(())  # we say ourselves what is tried again, and why
    settings = parse_arguments(QueueSettings, "The market's queue: signed commands in, events and reads out.")
    configure_logs("tx_queue")
    serve(create_queue_app(settings), settings)


if __name__ == "__main__":
    main()
