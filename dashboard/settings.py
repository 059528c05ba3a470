"""What the page's service can be told."""

from pydantic import Field

from http_service import ServiceSettings


class DashboardSettings(ServiceSettings):
    """Settings of ``python -m dashboard``."""

    port: int = Field(8083, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    queue_url: str = Field("http://127.0.0.1:8080", description="where the queue is")
    optimizer_url: str = Field("http://127.0.0.1:8081", description="where the optimizer is")
    clock_url: str = Field("http://127.0.0.1:8082", description="where the clock is")
