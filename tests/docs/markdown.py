"""Read Markdown pages: their fenced blocks, commands, links, headings, tables and code spans."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^ *```(?P<tag>\S*)\s*$")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ +(?P<title>.+)$")
_SEPARATORS = {"&&", "||", ";", "|"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block. `line` is the number of its first fence, from 1."""

    page: str
    line: int
    tag: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of an example, as the shell splits it into words."""

    at: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.at} {' '.join(self.words)}"


def tracked(*patterns: str) -> list[str]:
    """Return the paths of the files that git tracks, such as those of "*.py"."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> list[Block]:
    found, fence, lines = [], None, path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        match = _FENCE.match(line)
        if match and fence is None:
            fence = (number, match["tag"])
        elif match and fence is not None:
            text = "\n".join(lines[fence[0] : number - 1])
            found.append(Block(page=page_name(path), line=fence[0], tag=fence[1], text=text))
            fence = None
    assert fence is None, f"{page_name(path)}:{fence}: the fenced block does not end"
    return found


def prose(path: Path) -> list[str]:
    """Return the page's lines, those of fenced blocks as empty ones."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for block in blocks(path):
        for number in range(block.line - 1, block.line + block.text.count("\n") + 2):
            lines[number] = ""
    return lines


def links(path: Path) -> list[str]:
    return [match["target"] for line in prose(path) for match in _LINK.finditer(line)]


def code_spans(text: str) -> list[str]:
    return _SPAN.findall(text)


def anchors(path: Path) -> set[str]:
    """Return the anchors of the page's headings, as GitHub makes them."""
    titles = [match["title"] for line in prose(path) if (match := _HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def section(path: Path, title: str) -> str:
    """Return the text below the heading `title`, up to the next heading of the same level or a higher one."""
    text = path.read_text(encoding="utf-8")
    match = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, f"{page_name(path)} has no section {title!r}"
    rest = text[match.end() :]
    following = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in `text`, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = [number for number, line in enumerate(lines) if re.fullmatch(r"[|\-: ]+", line)]
    body = [line for number, line in enumerate(lines) if number not in rules and number + 1 not in rules]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def commands(path: Path) -> Iterator[Command]:
    """Yield the commands of the page's shell blocks, and of lines that are indented as a block is."""
    for block in blocks(path):
        if block.tag == "sh":
            yield from shell_commands(block.text, at=str(block))
    for number, line in enumerate(prose(path), 1):
        if match := re.match(r"^ {4,}((?:\.venv/bin/python )?(?:manage\.py|make|python -m) .*)", line):
            example = re.split(r"\s{2,}|\s#", match[1])[0]
            yield from shell_commands(example, at=f"{page_name(path)}:{number}")


def shell_commands(text: str, *, at: str) -> Iterator[Command]:
    for line in text.replace("\\\n", " ").splitlines():
        if inner := re.fullmatch(r"\w+=\$\((.*)\)", line.strip()):
            line = inner[1]  # noqa: PLW2901
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in _SEPARATORS:
                words.append(word)
            elif words:
                yield Command(at=at, words=tuple(words))
                words = []
