"""Read a study file, or refuse it with file, line and key.

YAML is read as JSON with comments: true, false, null, numbers and text. `no` is text, dates are
text, duplicate keys, aliases, tags, control characters, nesting deeper than any study file needs and
files over 1 MB are refused (a YAML alias bomb is small).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.references import unresolved
from ketaoutcomes.domain.study import Study

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
KeyPath = tuple[str | int, ...]
Marks = dict[KeyPath, tuple[int, int]]
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

#: A longer number is no whole number of this field, and Python refuses to read thousands of digits.
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+|\.)?([eE][-+]?[0-9]+)?\Z")
#: Characters that no text of a study holds: controls, direction marks and invisible ones, halves of characters.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
_CONFIRM = re.compile(r"(^|\s)#\s*confirm\b|[:\[{,-]\s+[\"']?confirm[\"']?\s*($|[#,}\]])")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_study(path: Path) -> Study:
    """Read and validate a study file.

    Raises
    ------
    Refused
        Not readable as YAML, unknown or missing keys, wrong types, references to things that
        do not exist; each with line and key.
    """
    value, marks, guesses = _parse(path)
    if guesses:
        lines = ", ".join(map(str, guesses[:50])) + (", ..." if len(guesses) > 50 else "")
        text = f"guesses nobody has confirmed, in lines {lines}: mend each line where it is wrong, then take the word confirm away"
        raise Refused([Finding(str(path), guesses[0], "", "E-STUDY-CONFIRM", text)])
    try:
        study = Study.model_validate(value)
    except ValidationError as error:
        raise Refused(_finding(path, marks, problem) for problem in error.errors()) from None
    problems = list(unresolved(study))
    if study.study != path.stem:
        problems.append((("study",), f"the file is called {path.name}: they must agree"))
    if problems:
        raise Refused(_place(path, marks, key, "E-STUDY-REF", text) for key, text in problems)
    return study


def _parse(path: Path) -> tuple[Value, Marks, list[int]]:
    if not path.is_file():
        raise Refused([Finding(str(path), 0, "", "E-STUDY-FILE", "no such study file")])
    try:
        data = path.read_bytes()
    except OSError:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-FILE", "the file cannot be read; look at its permissions")]) from None
    if len(data) > MAX_BYTES:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-SIZE", "more than 1 MB: not a study file")])
    text = _decoded(path, data)
    try:
        for place, problem in _forbidden(text):
            raise _refused(path, text, place.line, problem)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise _refused(path, text, line, f"not readable as YAML: {error.problem or 'unexpected text'}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise _refused(path, text, line, "a control character (such as NUL) stands in this line; remove it") from None
    except yaml.YAMLError:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-YAML", "not readable as YAML")]) from None
    if root is None:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-YAML", "the file is empty")])
    marks: Marks = {}
    return _construct(path, root, (), marks), marks, _guesses(text)


def _guesses(text: str) -> list[int]:
    """Lines with a guess nobody has confirmed: the word as a value, or at the beginning of a comment."""
    return [at for at, line in enumerate(text.splitlines(), start=1) if _CONFIRM.search(line)]


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused([Finding(str(path), line, "", "E-STUDY-YAML", "not UTF-8; save the file as UTF-8")]) from None


def _refused(path: Path, text: str, line: int, message: str) -> Refused:
    """A refusal at a line counted from 0; the parser's end of the file is the last line."""
    last = max(len(text.splitlines()), 1)
    return Refused([Finding(str(path), min(line + 1, last), "", "E-STUDY-YAML", message)])


def _forbidden(text: str) -> Iterator[tuple[yaml.Mark, str]]:
    """What YAML can say and a study file may not: found before anything is built from the text."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = cast("yaml.Mark", event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            yield place, "aliases (*name) are not allowed: repeat the text"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            yield place, f"nested more than {MAX_DEPTH} levels deep; look for brackets or indents that do not end"
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            yield place, "tags (!name) are not allowed; quote the text if the mark is part of it"
        if isinstance(event, yaml.ScalarEvent) and _UNPRINTABLE.search(str(event.value)):
            yield place, "this text holds a character that cannot be printed; remove it"


def _construct(path: Path, node: yaml.Node, key: KeyPath, marks: Marks) -> Value:
    marks.setdefault(key, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return dict(_items(path, node, key, marks))
    if isinstance(node, yaml.SequenceNode):
        items = cast("list[yaml.Node]", node.value)
        return [_construct(path, item, (*key, at), marks) for at, item in enumerate(items)]
    scalar = cast("yaml.ScalarNode", node)
    return _scalar(str(scalar.value), quoted=scalar.style is not None)


def _items(path: Path, node: yaml.MappingNode, key: KeyPath, marks: Marks) -> Iterator[tuple[str, Value]]:
    seen: set[str] = set()
    for name_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            raise Refused([Finding(str(path), line, _dotted(key), "E-STUDY-YAML", "a key must be one word; quote it if brackets are part of it")])
        name = str(name_node.value)
        if name in seen:
            text = "this key appears twice; keep one"
            raise Refused([Finding(str(path), line, _dotted((*key, name)), "E-STUDY-YAML", text)])
        seen.add(name)
        marks[(*key, name)] = (line, name_node.start_mark.column + 1)
        yield name, _construct(path, value_node, (*key, name), marks)


def _scalar(text: str, *, quoted: bool) -> Value:
    if quoted:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if any(char.isdigit() for char in text) and _FLOAT.match(text):
        return float(text)
    return text


def _dotted(key: KeyPath) -> str:
    return ".".join(str(part) for part in key)


def _finding(path: Path, marks: Marks, problem: ErrorDetails) -> Finding:
    kinds = {
        "extra_forbidden": "unknown key; remove it or mend its spelling (config/README.md lists the keys)",
        "missing": "this key is required and not there",
        "union_tag_not_found": "the key that names the kind is missing",
        "string_pattern_mismatch": "a name is small letters, digits and _, starts with a letter and has 48 characters at most",
    }
    text = kinds.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"].endswith("_type"):
        text += " (quote it if it is text)" if "string" in problem["type"] else ""
    return _place(path, marks, problem["loc"], "E-STUDY-KEY", text)


def _place(path: Path, marks: Marks, loc: KeyPath, code: str, message: str) -> Finding:
    """Put a finding at the deepest key of `loc` that stands in the file.

    pydantic's `loc` also holds names that are not keys (the member of a union): they are skipped.
    """
    key: KeyPath = ()
    loc = tuple(part for part in loc if part != "[key]")
    for part in loc:
        key = (*key, part) if (*key, part) in marks else key
    missing = loc[-1] if loc and (not key or key[-1] != loc[-1]) else None
    shown = (*key, missing) if missing is not None else key
    return Finding(str(path), marks[key][0], _dotted(shown), code, message)
