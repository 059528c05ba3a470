"""Fabric's own programs, built from source with the ordinary Go client and kept in the project's folder.

``python -m fabric_network.programs`` builds them; :func:`fabric_programs` says where they are.
"""

from fabric_network.programs.build import build_programs
from fabric_network.programs.folder import (
    DEFAULT_RELEASE,
    PROGRAMS,
    RELEASES,
    ProgramsMissing,
    Release,
    fabric_programs,
    release_named,
)

__all__ = [
    "DEFAULT_RELEASE",
    "PROGRAMS",
    "RELEASES",
    "ProgramsMissing",
    "Release",
    "build_programs",
    "fabric_programs",
    "release_named",
]
