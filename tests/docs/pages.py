"""What stands in the documentation: its pages, and their fenced blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"]*)")?\n(?P<text>.*?)^```$', re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its title where it has one (a file's name, or a terminal's), and its text."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["title"], found["text"])
        for found in _FENCED.finditer(text)
    ]


def all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCED.sub("", text)


def spans(text: str) -> list[str]:
    """Return what stands in backticks, outside of fenced blocks."""
    return re.findall(r"`([^`]+)`", prose(text))


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one of its level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"there is no {heading}"
    return found[1]


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of the rows of each table in a text, without the heads."""
    found: list[list[list[str]]] = []
    above = ""
    for line in text.splitlines():
        if re.fullmatch(r"\|[\s:|-]+\|", line):
            found[-1].clear()  # what stands above the line is a head
        elif line.startswith("|"):
            if not above.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line.removesuffix("|").split("|")[1:]])
        above = line
    return found


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of all tables in a text, without the heads."""
    return [row for table in tables(text) for row in table]
