"""What the market clock can be told."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from energy_market_chaincode import Identifier
from http_service import ServiceSettings
from market_clock.schedule import CronExpression, Every


class ClockSettings(ServiceSettings):
    """Settings of the clock: ``ENERGY_MARKET_OPERATOR`` and so on, or flags."""

    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = 8082
    queue_url: str = Field("http://127.0.0.1:8080", description="address of tx_queue")
    optimizer_url: str = Field("http://127.0.0.1:8081", description="address of optimization_api")
    ledger_id: str | None = Field(
        None, description="id of the ledger that commands are for; none: the one that the queue names first"
    )
    operator: Identifier = Field(
        "operator", description="the operator as whom the clock signs; its key is in HOME/keys"
    )
    every: Every | None = Field(None, description="publish a game every so often, for instance 5m")
    cron: CronExpression | None = Field(None, description="publish games by five cron fields, in UTC")
    speed: int = Field(
        1,
        ge=1,
        le=3600,
        description="make the schedule, and the registration and delivery of the games it publishes, so many times "
        "as fast; a turn's deadline stays as it is; not in a market whose time is simulated",
    )

    archive_hours: int = Field(
        24,
        ge=0,
        le=24 * 366 * 10,
        description="archive a game so long after its slot is final, in the market's time: lines and a hash stay",
    )
    keep_lines_days: int = Field(
        400,
        ge=0,
        le=366 * 100,
        description="archive prosumers' lines of slots that began so many days ago, in the market's time: their sum "
        "and a hash stay; 0: keep them for good",
    )

    @field_validator("cron")
    @classmethod
    def _one_rhythm(cls, cron: str | None, info: ValidationInfo) -> str | None:
        if cron is not None and info.data.get("every") is not None:
            raise ValueError("give either --every or --cron; POST /schedule takes further entries")
        return cron
