"""The tables of the original hstlc, from an SQL dump or from CSV files, as plain values.

A dump is text that is read, never run: of its statements ``INSERT INTO`` and ``CREATE TABLE`` of the four tables are
taken apart by a small tokenizer, all others are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TABLES", "Problem", "Row", "read_tables"]

Value = str | int | float | bool | None

#: The tables and their columns in the order in which the original made them.
TABLES: Mapping[str, tuple[str, ...]] = {
    "metadata": (
        *("id", "filename", "path", "ingest_date", "telescop", "instrume", "targname", "cal_ver", "obstype"),
        *("cenwave", "aperture", "detector", "opt_elem", "fppos"),
    ),
    "outputs": (
        *("id", "metadata_id", "individual_path", "individual_filename", "composite_path", "composite_filename"),
    ),
    "bad_data": ("id", "filename", "ingest_date", "reason"),
    "stats": (
        *("id", "lightcurve_path", "lightcurve_filename", "total", "mean", "mu", "stdev", "poisson_factor"),
        *("pearson_r", "pearson_p", "periodogram", "deliver"),
    ),
}

#: A column that no other of the tables has.
_OWN = {"targname": "metadata", "metadata_id": "outputs", "reason": "bad_data", "lightcurve_filename": "stats"}

_CSV = (".csv", ".tsv")
_NULLS = ("", "NULL", "\\N")


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was found, not yet judged.

    Attributes
    ----------
    table : str
    place : str
        File and line.
    values : mapping of str to str, int, float, bool or None
        By column; of a CSV file texts alone.
    """

    table: str
    place: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be taken over.

    Attributes
    ----------
    place, message : str
    """

    place: str
    message: str


def read_tables(path: Path) -> Iterator[Row | Problem]:
    """Yield the rows of the four tables in a file, and what is wrong in it.

    Parameters
    ----------
    path : Path
        CSV where the name ends in ``.csv`` or ``.tsv`` (with a header line; nothing and NULL are NULL), else
        a dump in the language of MySQL, in UTF-8 or Latin-1.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return _csv_rows(path.name, text) if path.suffix.lower() in _CSV else _dump_rows(path.name, text)


def _csv_rows(name: str, text: str) -> Iterator[Row | Problem]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in text.partition("\n")[0] else ",")
    try:
        header = [column.strip().lower() for column in next(lines, [])]
        tables = {_OWN[column] for column in header if column in _OWN}
        if len(tables) != 1:
            yield Problem(f"{name}, line 1", f"expected the columns of one of {', '.join(TABLES)}, found {header}")
            return
        (table,) = tables
        for fields in lines:
            place = f"{name}, line {lines.line_num}"
            if not fields:
                continue
            if len(fields) != len(header):
                yield Problem(place, f"expected {len(header)} fields as in the header, found {len(fields)}")
                continue
            yield Row(table, place, {c: None if v in _NULLS else v for c, v in zip(header, fields, strict=True)})
    except csv.Error as error:
        yield Problem(f"{name}, line {lines.line_num}", f"not CSV from here on: {error}")


# --- dumps

_TOKEN = re.compile(
    r"""(?P<blank>\s++ | --(?=\s|\Z)[^\n]*+ | \#[^\n]*+ | /\*.*?(?:\*/|\Z))
    | '(?P<single>(?:[^'\\]++|\\.|'')*+)(?P<end1>'|\\?\Z)
    | "(?P<double>(?:[^"\\]++|\\.|"")*+)(?P<end2>"|\\?\Z)
    | `(?P<name>(?:[^`]++|``)*+)(?P<end3>`|\Z)
    | (?P<number>[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?(?![\w.]))
    | (?P<word>[^\W\d][\w$]*+)
    | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_ESCAPED = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_WORDS: Mapping[str, Value] = {"NULL": None, "TRUE": True, "FALSE": False}
_MODIFIERS = {
    *("INTO", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "TABLE", "TEMPORARY", "IF", "NOT", "EXISTS")
}
_NO_COLUMN = {"PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "INDEX", "FULLTEXT", "FOREIGN", "CHECK", "SPATIAL"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # text, name, number, word or mark
    text: str
    at: int


def _dump_rows(name: str, text: str) -> Iterator[Row | Problem]:
    ends = [match.start() for match in re.finditer("\n", text)]

    def place(at: int) -> str:
        return f"{name}, line {bisect_right(ends, at - 1) + 1}"

    columns = dict(TABLES)
    statement: list[_Token] = []
    cut: list[Problem] = []
    for token in _tokens(text):
        if token.kind == "open":
            cut = [Problem(place(token.at), f"the dump ends within what begins here: {token.text[:20]!r}")]
            break
        if (token.kind, token.text) != ("mark", ";"):
            statement.append(token)
            continue
        yield from _statement_rows(statement, columns, place)
        statement = []
    last = list(_statement_rows(statement, columns, place))
    unfinished = [one for one in last if isinstance(one, Problem) and one.message.startswith("the dump ends")]
    yield from last
    yield from () if unfinished else cut


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind == "blank":
            continue
        if kind.startswith("end"):
            content = next(match[group] for group in ("single", "double", "name") if match[group] is not None)
            if match[kind] in ("", "\\"):
                yield _Token("open", match[0], match.start())
            elif kind == "end3":
                yield _Token("name", content.replace("``", "`"), match.start())
            else:
                yield _Token("text", _unescaped(content, match[0][0]), match.start())
        else:
            yield _Token(kind, match[0], match.start())


def _unescaped(content: str, quote: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] is not None:
            return _ESCAPES.get(match[1], match[1])
        return match[0][0] if match[0][0] == quote else match[0]

    return _ESCAPED.sub(plain, content) if "\\" in content or quote in content else content


def _statement_rows(
    tokens: Sequence[_Token], columns: dict[str, tuple[str, ...]], place: Callable[[int], str]
) -> Iterator[Row | Problem]:
    """Yield the rows of an INSERT; take note of the columns of a CREATE TABLE."""
    first = tokens[0].text.upper() if tokens and tokens[0].kind == "word" else ""
    if first not in ("INSERT", "REPLACE", "CREATE"):
        return
    start = 1
    while start < len(tokens) and tokens[start].kind == "word" and tokens[start].text.upper() in _MODIFIERS:
        start += 1
    while start + 2 < len(tokens) and tokens[start + 1].text == ".":  # the database comes before the table
        start += 2
    table = tokens[start].text.lower() if start < len(tokens) else ""
    if table not in TABLES:
        return
    before, after = _groups(tokens[start + 1 :])
    if first == "CREATE":
        named = [_column(element) for element in _elements(before[0])] if before else []
        columns[table] = tuple(name for name in named if name) or columns[table]
        return
    names = tuple(_column(element) for element in _elements(before[0])) if before else columns[table]
    if not after:
        yield Problem(place(tokens[0].at), f"expected rows after VALUES of {table}, found none")
    for group in after:
        at = place(group[0].at)
        if group[-1].text != ")":
            yield Problem(at, f"the dump ends within a row of {table}")
            return
        elements = _elements(group)
        if len(elements) != len(names):
            yield Problem(at, f"expected {len(names)} values for {table}, found {len(elements)}")
            continue
        try:
            yield Row(table, at, {name: _constant(one) for name, one in zip(names, elements, strict=True)})
        except ValueError as error:
            yield Problem(at, f"{table}: {error}")


def _groups(tokens: Sequence[_Token]) -> tuple[list[Sequence[_Token]], list[Sequence[_Token]]]:
    """Return what stands in brackets before and after the word VALUES, brackets included; ON ends it."""
    before: list[Sequence[_Token]] = []
    after: list[Sequence[_Token]] = []
    found, depth, start = before, 0, 0
    for i, token in enumerate(tokens):
        if token.kind == "mark" and token.text == "(":
            start, depth = (i if depth == 0 else start), depth + 1
        elif token.kind == "mark" and token.text == ")" and depth:
            depth -= 1
            if depth == 0:
                found.append(tokens[start : i + 1])
        elif depth == 0 and token.kind == "word" and token.text.upper() in ("VALUES", "VALUE"):
            found = after
        elif depth == 0 and token.kind == "word" and token.text.upper() == "ON":
            break
    if depth:
        found.append(tokens[start:])
    return before, after


def _elements(group: Sequence[_Token]) -> list[list[_Token]]:
    """Return what stands between the commas of a group in brackets."""
    elements: list[list[_Token]] = [[]]
    depth = 0
    for token in group[1:-1]:
        mark = token.text if token.kind == "mark" else ""
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            elements.append([])
        else:
            elements[-1].append(token)
    return elements


def _column(element: Sequence[_Token]) -> str:
    """Return the name of the column that an element of CREATE or INSERT begins with, '' where that is a key."""
    if not element or element[0].kind not in ("name", "word"):
        return ""
    is_key = element[0].kind == "word" and element[0].text.upper() in _NO_COLUMN
    return "" if is_key else element[0].text.lower()


def _constant(element: Sequence[_Token]) -> Value:
    """Return the value of an element of a row.

    Raises
    ------
    ValueError
        It is no constant.
    """
    if len(element) == 2 and element[0].kind == "word" and element[1].kind == "text":
        word, content = element[0].text, element[1].text
        if word.startswith("_"):  # the character set of the text
            return content
        if word.lower() == "b" and re.fullmatch("[01]{1,64}", content):
            return int(content, 2)
    if len(element) == 1:
        (token,) = element
        if token.kind == "text":
            return token.text
        if token.kind == "number":
            whole = re.fullmatch(r"[-+]?\d{1,30}", token.text)
            return int(token.text) if whole else float(token.text)
        if token.kind == "word" and token.text.upper() in _WORDS:
            return _WORDS[token.text.upper()]
    raise ValueError(f"expected a constant, found {' '.join(token.text for token in element)[:60]!r}")
