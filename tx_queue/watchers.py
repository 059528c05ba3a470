"""Who waits for which command."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Watchers:
    """Events to be set when a command of some id is settled."""

    def __init__(self) -> None:
        self._events: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_stopped = False

    @contextmanager
    def watch(self, command_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set once the command is settled; after :meth:`stop` it is set from the start."""
        event = asyncio.Event()
        if self._is_stopped:
            event.set()
        self._events[command_id].add(event)
        try:
            yield event
        finally:
            self._events[command_id].discard(event)
            if not self._events[command_id]:
                del self._events[command_id]

    def wake(self, command_ids: Iterable[str]) -> None:
        """Set the events of all who watch these commands."""
        for command_id in command_ids:
            for event in self._events.get(command_id, ()):
                event.set()

    def stop(self) -> None:
        """Wake everybody, now and later."""
        self._is_stopped = True
        self.wake(list(self._events))
