"""Read a study file, or refuse it with file, line and key.

YAML is read as JSON with comments: true, false, null, numbers and text. `no` is text, dates are
text, duplicate keys, aliases and files over 1 MB are refused (a YAML alias bomb is small).
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
KeyPath = tuple[str | int, ...]
Marks = dict[KeyPath, tuple[int, int]]
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+|\.)?([eE][-+]?[0-9]+)?$")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_study(path: Path) -> Study:
    """Read and validate a study file.

    Raises
    ------
    Refused
        Not readable as YAML, unknown or missing keys, wrong types, references to things that
        do not exist; each with line and key.
    """
    value, marks = _parse(path)
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


def _parse(path: Path) -> tuple[Value, Marks]:
    if not path.is_file():
        raise Refused([Finding(str(path), 0, "", "E-STUDY-FILE", "no such study file")])
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-SIZE", "more than 1 MB: not a study file")])
    try:
        text = data.decode("utf-8-sig")
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Refused([_at(path, event, "E-STUDY-YAML", "aliases (*name) are not allowed: repeat the text")])
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused([Finding(str(path), line, "", "E-STUDY-YAML", "not UTF-8; save the file as UTF-8")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"not readable as YAML: {error.problem or 'unexpected text'}"
        raise Refused([Finding(str(path), line, "", "E-STUDY-YAML", message)]) from None
    except yaml.YAMLError:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-YAML", "not readable as YAML")]) from None
    if root is None:
        raise Refused([Finding(str(path), 0, "", "E-STUDY-YAML", "the file is empty")])
    marks: Marks = {}
    return _construct(path, root, (), marks), marks


def _at(path: Path, event: yaml.AliasEvent, code: str, message: str) -> Finding:
    return Finding(str(path), (event.start_mark.line + 1) if event.start_mark else 0, "", code, message)


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
        name = str(name_node.value)
        line = name_node.start_mark.line + 1
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
    }
    text = kinds.get(problem["type"], problem["msg"])
    if problem["type"].endswith("_type"):
        text += " (quote it if it is text)" if "string" in problem["type"] else ""
    return _place(path, marks, problem["loc"], "E-STUDY-KEY", text)


def _place(path: Path, marks: Marks, loc: KeyPath, code: str, message: str) -> Finding:
    """Put a finding at the deepest key of `loc` that stands in the file.

    pydantic's `loc` also holds names that are not keys (the member of a union): they are skipped.
    """
    key: KeyPath = ()
    for part in loc:
        key = (*key, part) if (*key, part) in marks else key
    missing = loc[-1] if loc and (not key or key[-1] != loc[-1]) else None
    shown = (*key, missing) if missing is not None else key
    return Finding(str(path), marks[key][0], _dotted(shown), code, message)
