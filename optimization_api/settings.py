"""What the optimizer can be told."""

from pydantic import Field

from http_service import ServiceSettings


class OptimizerSettings(ServiceSettings):
    """Settings of ``python -m optimization_api``."""

    port: int = Field(8081, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    solves_at_once: int = Field(2, ge=1, description="how many whole games are solved at once")
    solve_seconds: float = Field(10.0, gt=0, description="how long the solution of one game may take, seconds")
