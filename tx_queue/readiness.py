"""Whether the service can do its work, and what stands in the way."""

import asyncio

from ledger import Ledger

_LOOK_S = 1.0
"""An outage is known five seconds after it began at the latest; a ledger may take two to look at itself."""
_LONGEST_LOOK_S = 3.5


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


async def watch(ledger: Ledger, readiness: Readiness) -> None:
    """Look again and again whether the ledger could commit, so that an outage shows before somebody's command waits."""
    while True:
        try:
            async with asyncio.timeout(_LONGEST_LOOK_S):
                obstacle = await ledger.obstacle()
        except TimeoutError:
            obstacle = f"the ledger has not answered for {_LONGEST_LOOK_S} s"
        if obstacle is None:
            readiness.has("commits")
        else:
            readiness.lacks("commits", obstacle)
        await asyncio.sleep(_LOOK_S)
