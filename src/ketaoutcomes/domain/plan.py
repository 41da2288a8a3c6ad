"""A study file as a plan that can be locked, and every key that changed since.

The canonical study is what the file says: in its own keys, defaults left out, mappings in no order. Comments,
spaces and the order of keys do not change it; a later version of this package that knows more keys does not either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.study import Reasoned, Study

Plan = dict[str, Any]
#: What names an entry of a list, tried in this order.
_NAMES = ("id", "from", "instrument", "event", "key")
ABSENT = "not said"
#: Said after the fact: no part of the plan.
_LATER = "deviations"
_ORDER = " (order)"


def plan(study: Study) -> Plan:
    """The canonical study as a value."""
    return study.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def digest(of: Plan) -> str:
    """The sha256 of a canonical study."""
    text = json.dumps(of, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class PlanLock(BaseModel):
    """A study file as it was on a day: `config/studies/<study>.lock`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    study: str
    """Name of the study."""
    study_sha256: str
    """The sha256 of `plan`, which is the canonical study."""
    version: str
    """Version of the package."""
    code: str
    """Digest of the package's code."""
    locked_on: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    """The day."""
    analysed_before: bool
    """Did results of the study exist in this folder already?"""
    plan: Plan
    """What the study file said."""

    @property
    def whole(self) -> bool:
        """Is the plan the one whose checksum was written?"""
        return digest(self.plan) == self.study_sha256


@dataclass(frozen=True, slots=True)
class Change:
    """A key that is not as it was locked, with the JSON text of its value then and now."""

    key: str
    then: str
    now: str
    reason: str


def changes(then: Plan, now: Study) -> list[Change]:
    """Every key of the study file that changed, in order of keys; the reason is that of `deviations`, if it names the key or one above it."""
    before, after = _flat(then), _flat(plan(now))
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    return [
        Change(key=key, then=before.get(key, ABSENT), now=after.get(key, ABSENT), reason=_reason(key, now.deviations))
        for key in changed
        if not key.endswith(_ORDER) or _moved(before.get(key, ""), after.get(key, ""))
    ]


def _moved(then: str, now: str) -> bool:
    """Is it the same list in another order? What came or went has keys of its own."""
    return sorted(then.split(", ")) == sorted(now.split(", "))


def _reason(key: str, deviations: list[Reasoned]) -> str:
    """The reason given for a key: the longest name of it or of what holds it."""
    named = [entry for entry in deviations if key == entry.key or key.startswith(f"{entry.key}.")]
    return max(named, key=lambda entry: len(entry.key)).reason if named else "no reason given"


def _flat(of: Plan) -> dict[str, str]:
    return dict(_items({name: value for name, value in of.items() if name != _LATER}, ""))


def _items(value: object, key: str) -> Iterator[tuple[str, str]]:
    """Dotted key and JSON text of everything within a value. Entries of a list have the name they give themselves, else the list is one value."""
    entries = _entries(value)
    if not entries:
        yield key, json.dumps(value, ensure_ascii=False, sort_keys=True)
        return
    for name, entry in entries.items():
        yield from _items(entry, f"{key}.{name}" if key else name)
    if isinstance(value, list):
        yield f"{key}{_ORDER}", ", ".join(entries)


def _entries(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in cast("list[object]", value)):
        return {}
    entries = cast("list[dict[str, object]]", value)
    for name in _NAMES:
        named = {str(entry.get(name)): {k: v for k, v in entry.items() if k != name} for entry in entries if isinstance(entry.get(name), str)}
        if entries and len(named) == len(entries):
            return cast("dict[str, object]", named)
    return {}
