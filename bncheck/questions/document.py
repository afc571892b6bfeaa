"""A Markdown file as front matter, sections, and blocks that know their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from bncheck.questions.problems import Problems

MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A part of a section, from line `line` on, counted from 1.

    kind: "code", "table", "list", or "text" for all else.  info: what follows a code block's
    fence, such as "python".  source: the Markdown; for code what stands between the fences.
    rows: a table's cells, or a list's items, each with its line.
    """

    kind: str
    line: int
    source: str
    info: str = ""
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass
class Section:
    """A heading, what stands under it, and the sections below it."""

    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)
    below: list[Section] = field(default_factory=list)
    source: str = ""  # of all, without the heading

    def of(self, kind: str) -> list[Block]:
        """Its own blocks of a kind."""
        return [block for block in self.blocks if block.kind == kind]

    def text(self) -> str:
        """Its own text, without code."""
        return "\n\n".join(block.source for block in self.blocks if block.kind != "code")


@dataclass
class Document:
    """A file.  lines: of the names in the front matter.  start: what stands before any heading."""

    path: Path
    front: dict[str, Any]
    lines: dict[str, int]
    start: Section
    sections: list[Section]
    problems: Problems


def read(path: Path) -> Document:
    """Read a file.  Raises BrokenQuestion without front matter that can be read."""
    problems = Problems(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise problems.stop(0, f"need a text file in UTF-8: {error}") from None
    front, names, begin = _front(lines, problems)
    start, sections = _sections(lines, begin)
    return Document(path, front, names, start, sections, problems)


def _front(lines: list[str], problems: Problems) -> tuple[dict[str, Any], dict[str, int], int]:
    """What stands between the first two lines `---`, and where the text begins."""
    if not lines or lines[0].rstrip() != "---" or "---" not in [x.rstrip() for x in lines[1:]]:
        got = repr(lines[0]) if lines else "an empty file"
        raise problems.stop(1, f"need front matter between two lines `---`, got {got}")
    end = [line.rstrip() for line in lines].index("---", 1)
    try:
        front = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 2 if mark else 1
        raise problems.stop(line, f"need YAML in the front matter: {error.problem}") from None
    if not isinstance(front, dict):
        raise problems.stop(1, f"need `name: value` lines in the front matter, got {front!r}")
    names = {}
    for number, line in enumerate(lines[1:end], start=2):
        if name := re.match(r"(\w+):", line):
            names[name[1]] = number
    return front, names, end + 1


def _sections(lines: list[str], begin: int) -> tuple[Section, list[Section]]:
    tokens = MARKDOWN.parse("\n".join(lines[begin:]))
    start, top = Section("", begin + 1), list[Section]()
    current, starts = start, [(start, begin)]
    for number, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        first, last = token.map[0] + begin, token.map[1] + begin
        if token.type == "heading_open" and token.tag in ("h2", "h3"):
            current = Section(tokens[number + 1].content, first + 1)
            (top[-1].below if token.tag == "h3" and top else top).append(current)
            starts.append((current, last))
        else:
            current.blocks.append(_block(tokens, number, lines, first, last, begin))
    ends = [section.line - 1 for section, _ in starts[1:]] + [len(lines)]
    for (section, first), last in zip(starts, ends, strict=True):
        section.source = "\n".join(lines[first:last]).strip("\n")
    return start, top


def _block(
    tokens: list[Any], number: int, lines: list[str], first: int, last: int, begin: int
) -> Block:
    token = tokens[number]
    if token.type == "fence":
        return Block("code", first + 1, token.content, token.info.strip())
    source = "\n".join(lines[first:last]).strip("\n")
    if token.type == "table_open":
        return Block("table", first + 1, source, rows=tuple(_rows(tokens, number, begin)))
    if token.type in ("ordered_list_open", "bullet_list_open"):
        return Block("list", first + 1, source, rows=tuple(_items(tokens, number, begin)))
    return Block("text", first + 1, source)


def _rows(tokens: list[Any], number: int, begin: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    cells: list[str] = []
    line = 0
    for token in tokens[number + 1 :]:
        if token.type == "table_close":
            return
        if token.type == "tr_open":
            cells, line = [], token.map[0] + begin + 1
        elif token.type == "inline":
            cells.append(token.content)
        elif token.type == "tr_close":
            yield line, tuple(cells)


def _items(tokens: list[Any], number: int, begin: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    parts: list[str] = []
    line = 0
    for token in tokens[number + 1 :]:
        if token.level == tokens[number].level and token.nesting < 0:
            return
        if token.type == "list_item_open" and token.level == tokens[number].level + 1:
            parts, line = [], token.map[0] + begin + 1
        elif token.type == "inline":
            parts.append(token.content.replace("\n", " "))
        elif token.type == "list_item_close" and token.level == tokens[number].level + 1:
            yield line, ("\n\n".join(parts),)
