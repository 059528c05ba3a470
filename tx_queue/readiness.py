"""Whether the service can do its work, and what stands in the way."""


class Readiness:
    """The obstacles that parts of the service have met; ready when there are none."""

    def __init__(self) -> None:
        self._obstacles: dict[str, str] = {}

    def lacks(self, part: str, reason: str) -> None:
        """Note why a part cannot go on."""
        self._obstacles[part] = reason

    def has(self, part: str) -> None:
        """Note that a part goes on."""
        self._obstacles.pop(part, None)

    @property
    def obstacle(self) -> str | None:
        """All obstacles as one sentence, None if there are none."""
        return "; ".join(f"{part}: {reason}" for part, reason in sorted(self._obstacles.items())) or None
