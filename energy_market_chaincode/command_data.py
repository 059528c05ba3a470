"""What all commands' data have in common, and the catalogue of their models."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from energy_market_chaincode.vocabulary import Identifier, Role


class CommandData(BaseModel):
    """What a command says: one model for each topic.

    Attributes
    ----------
    topic
        How commands name it.
    by
        Who may give such commands; None: everybody who is registered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)

    topic: ClassVar[str]
    by: ClassVar[Role | None]

    def __init_subclass__(cls, *, topic: str = "", by: Role | None = None) -> None:
        cls.topic, cls.by = topic, by
        if topic:
            COMMANDS[topic] = cls


COMMANDS: dict[str, type[CommandData]] = {}
"""The model of every topic."""


class AboutGame(CommandData):
    """About one game."""

    game: Identifier
