"""A question never goes out on a connection that its service is about to close."""

import uvicorn

from dashboard.upstream import IDLE_S


def test_the_page_gives_an_idle_connection_up_well_before_a_service_does() -> None:
    assert uvicorn.Config("").timeout_keep_alive / 2 >= IDLE_S
