"""What a benchmark found, as a table that can be pasted into a page."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Table:
    """Some measurements with what one has to know to read them.

    Attributes
    ----------
    columns
        The columns' headings, with units.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---", *["---:"] * (len(self.columns) - 1)])]
        lines += map(_line, self.rows)
        if self.note:
            lines += ["", self.note]
        return "\n".join(lines) + "\n"


def circumstances(load_before: float) -> str:
    """Say on which machine and under which load something was measured: the load is of the minute before and after."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        processor = models[0] if models else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Measured with version {version('energy-market')} on {cores} cores ({processor}), {platform.system()}, Python "
        f"{platform.python_version()}; load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after."
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
