"""``python -m benchmarks.profiled``: the service that BENCHMARK_MODULE names, and where its threads spend their time.

When it ends it writes the profile to the file that BENCHMARK_PROFILE names; :func:`top_costs` reads it.
"""

import cProfile
import importlib
import os
import pstats
import runpy
import sys
import threading
from pathlib import Path

_WAITS = {"acquire", "run", "run_until_complete", "_next_group", "<method 'poll' of 'select.epoll' objects>"}
"""Functions in which a thread waits: for a lock, and, with uvloop, for whatever happens next.

With uvloop the time between two callbacks is the last one's, and after a commit that is the store's ``_next_group``.
"""


def top_costs(file: Path, number: int) -> list[tuple[str, float]]:
    """Return the functions that took most, with the share of the service's own time that was spent in each."""
    profile: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]  # not in the stubs
    own = {key: values[2] for key, values in profile.items() if not _waits(key)}
    total = sum(own.values())
    most = sorted(own.items(), key=lambda item: -item[1])[:number]
    return [(_name(key), seconds / total) for key, seconds in most]


def _waits(key: tuple[str, int, str]) -> bool:
    return key[2] in _WAITS or "acquire" in key[2] or "get' of '_queue" in key[2]


def _name(key: tuple[str, int, str]) -> str:
    file, _, function = key
    return function.strip("{}<>") if file == "~" else f"{'/'.join(Path(file).parts[-2:])}:{function}"


def main() -> None:
    """Run the module as a program under the profiler."""
    profiles: list[cProfile.Profile] = []

    def profile_this_thread(*_: object) -> None:
        sys.setprofile(None)
        profiles.append(cProfile.Profile())
        profiles[-1].enable()

    module = os.environ["BENCHMARK_MODULE"]
    importlib.import_module(f"{module}.__main__")  # what starting costs is not asked for
    threading.setprofile(profile_this_thread)
    profile_this_thread()
    try:
        runpy.run_module(module, run_name="__main__")
    finally:
        stats = pstats.Stats(profiles[0])
        for profile in profiles[1:]:
            stats.add(profile)
        stats.dump_stats(os.environ["BENCHMARK_PROFILE"])


if __name__ == "__main__":
    main()
