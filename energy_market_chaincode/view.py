"""What everything has in common that is shown."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """Something that is shown; in JSON its fields are in camel case."""

    # A client is not broken by a field that a newer market adds; and what a process never shows it never builds.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
        json_schema_serialization_defaults_required=True,
    )

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for :func:`~energy_market_chaincode.canonical.exact_json`."""
        return self.model_dump(by_alias=True)
