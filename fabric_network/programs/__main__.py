"""``python -m fabric_network.programs``: what ``make fabric`` does."""

import argparse
import sys

from fabric_network.programs.build import BuildFailed, GoMissing, build_programs
from fabric_network.programs.folder import DEFAULT_RELEASE, RELEASES, ProgramsMissing, release_named
from market_files import escape_unwritable


def main() -> int:
    """Build what is missing; return the exit code."""
    escape_unwritable()  # folders have the names that people gave them
    parser = argparse.ArgumentParser(
        prog="python -m fabric_network.programs", description="Build Hyperledger Fabric's programs."
    )
    parser.add_argument("--release", default=DEFAULT_RELEASE.name, choices=tuple(RELEASES), help="series of Fabric")
    release = release_named(parser.parse_args().release)
    try:
        build_programs(release)
    except (BuildFailed, GoMissing, ProgramsMissing) as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
