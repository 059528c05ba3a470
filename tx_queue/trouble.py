"""What does not work right now, for those who ask whether the service is ready."""


class Trouble:
    """The reasons why parts of the service wait; empty when all is well."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def arose(self, part: str, reason: str) -> None:
        """Note why a part cannot go on."""
        self._reasons[part] = reason

    def passed(self, part: str) -> None:
        """Note that a part goes on."""
        self._reasons.pop(part, None)

    @property
    def reason(self) -> str | None:
        """All reasons as one sentence, None if there are none."""
        return "; ".join(f"{part}: {reason}" for part, reason in sorted(self._reasons.items())) or None
