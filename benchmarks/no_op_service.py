"""A service that takes commands and does nothing: what HTTP and JSON alone cost, for comparison.

``python -m benchmarks.no_op_service`` runs it.
"""

from fastapi import FastAPI, Request
from starlette.responses import Response

from http_service import (
    ServiceSettings,
    create_app,
    exact_response,
    parse_arguments,
    read_json_body,
    serve,
)
from market_log import configure_logs

MAX_BODY_BYTES = 4_000_000


async def _ready() -> str | None:
    return None


def no_op_app() -> FastAPI:
    """Make an application that answers POST /queue with as many receipts as the queue would, at once."""
    app = create_app(
        title="no_op", version="1", description="Does nothing.", ready=_ready, max_body_bytes=MAX_BODY_BYTES
    )

    @app.post("/queue")
    async def take(request: Request) -> Response:
        commands = await read_json_body(request)
        receipts = [
            {"id": command["id"], "status": "queued", "href": f"/queue/{command['id']}"} for command in commands
        ]
        return exact_response(receipts, 202)

    return app


if __name__ == "__main__":
    settings = parse_arguments(ServiceSettings, "Takes commands and does nothing.")
    configure_logs("no_op")
    serve(no_op_app(), settings)
