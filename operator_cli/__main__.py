"""The entry of ``energy-market``: Ctrl-C ends it with a word from the first import on."""

import sys

_STOPPED = 130


def main() -> None:
    """Run the command line."""
    try:
        from operator_cli.main import main as run  # takes a moment, in which somebody may change their mind
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(_STOPPED)
    run()


if __name__ == "__main__":
    main()
