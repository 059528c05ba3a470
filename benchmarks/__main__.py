"""``python -m benchmarks [NAME ...]``: run all benchmarks, or those named, and print their tables.

Of several each runs in a process of its own: what one has warmed up would be measured by the next.
"""

import argparse
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.table import Table, circumstances
from fabric_network import ProgramsMissing

Benchmark = Callable[[], Iterable[Table]]


def benchmarks() -> dict[str, Benchmark]:
    """Return the functions ``tables`` of this package's modules by the modules' names."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__"]
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return {name: module.tables for name, module in modules.items() if hasattr(module, "tables")}


def main() -> int:
    """Print every table as soon as it is measured; return the exit code, 1 if something could not be measured."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=sys.modules["benchmarks"].__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}; default: all")
    names = parser.parse_args().names
    if unknown := sorted(set(names) - known.keys()):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    if len(names) == 1:
        return 0 if _print_tables(names[0], known[names[0]]) else 1
    apart = [subprocess.run([sys.executable, "-m", "benchmarks", name], check=False) for name in names or known]
    return max(process.returncode for process in apart)


def _print_tables(name: str, benchmark: Benchmark) -> bool:
    load = os.getloadavg()[0]
    try:
        for table in benchmark():
            print(table.markdown(), circumstances(load), "", sep="\n", flush=True)
            load = os.getloadavg()[0]
    except ProgramsMissing as missing:
        print(f"left out {name}: {missing.code}: {missing}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
