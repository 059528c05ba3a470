"""The commands of a shell's block: enough of a shell to know what is run with which words."""

import re
import shlex
from collections.abc import Iterator

Words = tuple[str, ...]

_OPERATORS = {"|", "||", "&", "&&", ";", "(", ")"}
_REDIRECTION = re.compile(r"[0-9]?[<>]+&?")
_KEYWORDS = {"do", "done", "else", "fi", "for", "if", "then", "until", "while"}
_HEREDOC = re.compile(r"<<'?(?P<end>\w+)'?[^\n]*\n(?P<text>.*?)^(?P=end)$", re.DOTALL | re.MULTILINE)


def heredocs(text: str) -> list[tuple[str, str]]:
    """Return the command's line and the text of each document that a block feeds to a command."""
    return [
        (text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip(), found["text"])
        for found in _HEREDOC.finditer(text)
    ]


def commands(text: str) -> Iterator[Words]:
    """Yield each simple command, without settings before it, redirections and comments."""
    for line in _HEREDOC.sub("\n", text).replace("\\\n", " ").splitlines():
        # A substitution's command counts as well, whatever quotes it stands in.
        for inner in re.findall(r"\$\(([^()]*)\)", line):
            yield from _simple(inner)
        yield from _simple(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", line))


def _simple(line: str) -> Iterator[Words]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    found: list[str] = []
    skips_next = False
    for word in [*lexer, ";"]:
        if word in _OPERATORS:
            if found:
                yield tuple(found)
            found = []
        elif _REDIRECTION.fullmatch(word):
            skips_next = True
            if found and re.fullmatch(r"\d", found[-1]):  # a descriptor, as in 2>&1
                found.pop()
        elif skips_next:
            skips_next = False
        elif not (not found and (word in _KEYWORDS or re.match(r"[A-Z_]+=", word))):
            found.append(word)
