"""A Griffe extension: references in docstrings (``:class:`Buyer```) become links in the API reference."""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """Rewrites each docstring before it is rendered."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the roles of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(lambda role: self._link(obj, role), obj.docstring.value)

    def _link(self, obj: griffe.Object, role: re.Match[str]) -> str:
        """Return a link that stays plain where the API reference does not have its target."""
        shortened, target = role.groups()
        try:
            path = obj.resolve(target.split(".")[0]) + target[len(target.split(".")[0]) :]
        except griffe.NameResolutionError:
            path = target
        shown = target.rsplit(".", 1)[-1] if shortened else target
        return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'
