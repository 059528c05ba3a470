"""The external builder of peers on this machine: detect, build and release of Fabric's chaincode-as-a-service packages.

It does what the builder in Fabric's own peer image does. A peer runs it as a program, by its path, with an almost empty
environment; so it imports nothing but the standard library.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

_CONFIG = "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"
_PLACEHOLDER = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


class CannotBuild(Exception):
    """The package is none that we can build, or the peer lacks what it asks for."""


def detect(_source: Path, metadata: Path) -> None:
    """Accept packages of type ccaas; raises CannotBuild for others."""
    kind = json.loads((metadata / "metadata.json").read_text()).get("type")
    if kind != "ccaas":
        raise CannotBuild(f"the package's type is {kind}, not ccaas")


def build(source: Path, _metadata: Path, output: Path) -> None:
    """Fill in what the package's connection.json leaves to the peer; raises CannotBuild if the peer does not say it."""
    given = json.loads(os.environ.get(_CONFIG, "{}"))
    connection = json.loads((source / "connection.json").read_text())
    filled = {name: _fill_in(value, given) if isinstance(value, str) else value for name, value in connection.items()}
    secret = output / "connection.json"
    secret.touch(mode=0o600)  # it holds the peer's TLS key
    secret.write_text(json.dumps(filled))


def release(built: Path, output: Path) -> None:
    """Hand the connection to the peer."""
    server = output / "chaincode" / "server"
    server.mkdir(parents=True, exist_ok=True)
    shutil.copy(built / "connection.json", server / "connection.json")


def _fill_in(text: str, given: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in given:
            raise CannotBuild(f"the package asks for {match[1]}, which {_CONFIG} does not name")
        return given[match[1]]

    return _PLACEHOLDER.sub(value, text)


def main(arguments: list[str]) -> int:
    """Run the step that the first argument names on the folders after it; return the exit code."""
    steps: dict[str, Callable[..., None]] = {"detect": detect, "build": build, "release": release}
    step, *folders = arguments
    try:
        steps[step](*map(Path, folders))
    except (CannotBuild, OSError, ValueError) as error:
        print(f"{step}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
