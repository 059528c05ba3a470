"""The committed state in a dictionary that knows the order of its keys, as ledgers do."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, Never


class State(dict[str, bytes]):
    """A day writes thousands of keys and asks as often for those of a kind: to look through all takes a third of it."""

    def __init__(self, items: Mapping[str, bytes] | None = None) -> None:
        super().__init__(items or {})
        self._order = sorted(self)

    def __setitem__(self, key: str, value: bytes) -> None:
        if key not in self:
            insort(self._order, key)
        super().__setitem__(key, value)

    def remove(self, key: str) -> None:
        """Delete a key, if it is there."""
        if key in self:
            super().__delitem__(key)
            del self._order[bisect_left(self._order, key)]

    def between(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, bytes]]:
        """Return the keys from ``start`` up to, not including, ``end``, at most so many, with their values."""
        first = bisect_left(self._order, start)
        keys = self._order[first : bisect_left(self._order, end, first)]
        return [(key, self[key]) for key in keys[:limit]]

    def of(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return the keys that begin with a prefix, with their values."""
        return self.between(prefix, f"{prefix}\U0010ffff")

    def _not_kept_in_order(self, *_: Any, **__: Any) -> Never:
        raise NotImplementedError

    __delitem__ = pop = popitem = update = setdefault = clear = __ior__ = _not_kept_in_order
