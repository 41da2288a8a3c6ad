"""Outcome scales: items, range, direction, cut-offs and minimal important changes, each with the source it was read in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

#: Stands in place of a source where none was found; reports print it so.
ASSUMED = "assumed"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Threshold(BaseModel):
    """A cut-off on a score or on its change."""

    model_config = _STRICT

    rule: Literal["percent_reduction", "reduction", "at_most", "at_least", "above"]
    """`percent_reduction`, `reduction`: improved from baseline by at least `value` percent or units; `at_most`, `at_least`, `above`: the score itself."""
    value: float
    """Meets the rule itself, but for `above`."""
    source: str
    """Where it was read, or `assumed`."""


class AllOf(BaseModel):
    """A cut-off that is met when several are."""

    model_config = _STRICT

    rule: Literal["all_of"]
    """`all_of`."""
    of: list[str] = Field(min_length=2)
    """Cut-offs of the same instrument."""
    source: str
    """Where it was read, or `assumed`."""


Cutoff = Annotated[Threshold | AllOf, Field(discriminator="rule")]


class Change(BaseModel):
    """A minimal important change: the improvement from baseline that a population needs to notice."""

    model_config = _STRICT

    rule: Literal["percent_reduction", "reduction"]
    """In percent of baseline, or in units."""
    value: float
    """Inclusive."""
    population: str
    """In whom, and how it was found."""
    compares: Literal["patient", "groups"] = "patient"
    """A change within a patient, which an endpoint may ask for, or a difference between groups' means, which it may not."""
    source: str
    """Where it was read, or `assumed`."""


class Recall(BaseModel):
    """The stretch of time a score speaks of."""

    model_config = _STRICT

    text: str
    """In words."""
    source: str
    """Where it was read, or `assumed`."""


class Bands(BaseModel):
    """Severity bands, ordered from the lowest score up."""

    model_config = _STRICT

    starts: dict[str, float] = Field(min_length=2)
    """Band to its lowest score."""
    source: str
    """Where they were read, or `assumed`."""


class Reliability(BaseModel):
    """Test-retest reliability, for reliable change."""

    model_config = _STRICT

    value: float = Field(gt=0, lt=1)
    """Correlation of two scores of unchanged people."""
    population: str
    """In whom, and over which interval."""
    source: str
    """Where it was read, or `assumed`."""


class Items(BaseModel):
    """How items make the score."""

    model_config = _STRICT

    number: int = Field(gt=0)
    """How many."""
    ranges: list[Annotated[tuple[float, float, list[int]], Strict(strict=False)]]
    """Lowest value, highest value, items."""
    score: Literal["sum", "mean", "highest", "any"]
    """`highest`: number of the highest item that is met (0: none); `any`: 1 when one is met."""
    highest_of: list[list[int]] = Field(default_factory=list[list[int]])
    """Groups of items that enter as their highest."""
    either: list[list[int]] = Field(default_factory=list[list[int]])
    """Items of a group of which only one is answered; one alone is not missing."""
    asked_if: list[Annotated[tuple[int, list[int]], Strict(strict=False)]] = Field(default_factory=list[tuple[int, list[int]]])
    """An item, and those asked only where it is met; where it is not, they count as 0."""
    may_miss: int = Field(default=0, ge=0)
    """Missing items that are filled with the mean of the others; with more missing there is no score."""
    unanswered_source: str | None = None
    """Where `either` and `asked_if` were read, or `assumed`."""
    missing_source: str
    """Where that rule was read, or `assumed`."""
    source: str
    """Where number and ranges were read, or `assumed`."""

    @property
    def groups(self) -> list[list[int]]:
        """Items by what enters the score, in order: groups that count as their highest, other items alone."""
        grouped = {item: group for group in self.highest_of for item in group}
        return [grouped.get(item, [item]) for item in range(1, self.number + 1) if item == min(grouped.get(item, [item]))]

    def range_of(self, item: int) -> tuple[float, float]:
        """Lowest and highest value of an item, counted from 1."""
        return next((low, high) for low, high, items in self.ranges if item in items)

    def span(self, takes: list[int] | None = None) -> tuple[float, float]:
        """The range of the score that the items' ranges imply, over all items or those named."""
        groups = [group for group in self.groups if takes is None or set(group) & set(takes)]
        lows, highs = ([max(self.range_of(item)[end] for item in group) for group in groups] for end in (0, 1))
        if self.score == "highest":
            return 0.0, float(max(takes or [self.number]))
        if self.score == "any":
            return 0.0, 1.0
        per = len(groups) if self.score == "mean" else 1
        return sum(lows) / per, sum(highs) / per


class Instrument(BaseModel):
    """An outcome scale or measurement."""

    model_config = _STRICT

    name: str
    """Short name, as printed."""
    label: str
    """Full name, as printed."""
    measures: str
    """What it measures."""
    kind: Literal["continuous", "ordinal", "binary", "count"]
    """Ordinal and binary scores are never averaged."""
    minimum: float
    """Lowest possible score."""
    maximum: float
    """Highest possible score."""
    unit: str
    """Unit, as printed."""
    better: Literal["lower", "higher"]
    """Direction of improvement."""
    rater: Literal["clinician", "self", "device"]
    """Who rates."""
    source: str
    """Where the range was read, or `assumed`."""
    recall: Recall | None = None
    """None for a reading of the moment."""
    items: Items | None = None
    """None for a single reading, and for a part."""
    part_of: str | None = None
    """Instrument of whose items this is a measure of its own."""
    takes: list[int] = Field(default_factory=list[int])
    """Items of a part, scored as the whole is; a part needs all of its items."""
    lowest_of: list[str] = Field(default_factory=list[str])
    """In place of `takes`: parts of whose scores this is the lowest."""
    cutoffs: dict[str, Cutoff] = Field(default_factory=dict[str, Cutoff])
    """Named cut-offs."""
    changes: dict[str, Change] = Field(default_factory=dict[str, Change])
    """Named minimal important changes."""
    bands: Bands | None = None
    """Severity bands."""
    reliability: Reliability | None = None
    """Test-retest reliability."""

    @property
    def criteria(self) -> dict[str, Threshold | AllOf | Change]:
        """Cut-offs and important changes within a patient: what an endpoint may name."""
        return {**self.cutoffs, **{name: change for name, change in self.changes.items() if change.compares == "patient"}}

    def asks_change(self, name: str) -> bool:
        """Does a cut-off ask how much a score has changed?"""
        criterion = self.criteria[name]
        return any(map(self.asks_change, criterion.of)) if isinstance(criterion, AllOf) else criterion.rule in {"percent_reduction", "reduction"}

    @property
    def averaged(self) -> bool:
        """May scores be averaged and subtracted?"""
        return self.kind in {"continuous", "count"}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Refuse an entry that contradicts itself."""
        if not self.minimum < self.maximum:
            raise ValueError("minimum must lie below maximum")
        if bool(self.part_of) != bool(self.takes or self.lowest_of) or (self.takes and self.lowest_of) or (self.part_of and self.items):
            raise ValueError("a part has `part_of`, either `takes` or `lowest_of`, and no `items` of its own")
        if set(self.cutoffs) & set(self.changes):
            raise ValueError("a cut-off and a change have the same name")
        for cutoff in self.cutoffs.values():
            if isinstance(cutoff, AllOf) and not all(isinstance(self.criteria.get(name), Threshold | Change) for name in cutoff.of):
                raise ValueError("`all_of` names plain cut-offs of the same instrument")
        if self.minimum < 0 and any(not isinstance(c, AllOf) and c.rule == "percent_reduction" for c in [*self.cutoffs.values(), *self.changes.values()]):
            raise ValueError("a percentage of a baseline has no meaning where scores may be negative")
        if self.bands:
            starts = list(self.bands.starts.values())
            if starts != sorted(set(starts)) or starts[0] != self.minimum or starts[-1] > self.maximum:
                raise ValueError("bands start at the minimum and ascend within the range")
        if self.items:
            self._items_agree(self.items)
        return self

    def _items_agree(self, items: Items) -> None:
        listed = sorted(item for _, _, members in items.ranges for item in members)
        if listed != list(range(1, items.number + 1)):
            raise ValueError("`ranges` must list each item once")
        grouped = [item for group in items.highest_of for item in group]
        if len(set(grouped)) < len(grouped) or not set(grouped) <= set(listed):
            raise ValueError("`highest_of` lists items of the instrument, each once")
        paired = [item for pair in items.either for item in pair]
        if len(set(paired)) < len(paired) or not all(any(set(pair) <= set(group) for group in items.highest_of) for pair in items.either):
            raise ValueError("`either` lists items of one group of `highest_of`, each once")
        if not {item for asked, others in items.asked_if for item in (asked, *others)} <= set(listed):
            raise ValueError("`asked_if` lists items of the instrument")
        if items.score in {"highest", "any"} and items.ranges != [(0, 1, listed)]:
            raise ValueError("`highest` and `any` need items from 0 to 1")
        low, high = items.span()
        # an intensity that is asked only where there is ideation may start above its items' sum
        if high != self.maximum or low > self.minimum:
            raise ValueError(f"the items give {low:g} to {high:g}, the instrument says {self.minimum:g} to {self.maximum:g}")


Criterion = Threshold | AllOf | Change


def parts(scales: dict[str, Instrument], instrument: str) -> dict[str, Instrument]:
    """The measures of their own that an instrument's items also give."""
    return {name: scale for name, scale in scales.items() if scale.part_of == instrument}


def contradictions(scales: dict[str, Instrument]) -> dict[str, str]:
    """Parts that do not fit their instrument: id to what is wrong."""
    found: dict[str, str] = {}
    for name, scale in scales.items():
        if scale.part_of is None:
            continue
        parent = scales.get(scale.part_of)
        if parent is None or parent.items is None or not set(scale.takes) <= set(range(1, parent.items.number + 1)):
            found[name] = "`part_of` must name an instrument with these items"
        elif scale.lowest_of:
            others = [scales.get(other) for other in scale.lowest_of]
            if any(o is None or o.part_of != scale.part_of or not o.takes or (o.minimum, o.maximum) != (scale.minimum, scale.maximum) for o in others):
                found[name] = "`lowest_of` names parts of the same instrument with this range"
        elif any(set(group) & set(scale.takes) and not set(group) <= set(scale.takes) for group in parent.items.highest_of):
            found[name] = "items that count as their highest are taken together"
        elif parent.items.span(scale.takes) != (scale.minimum, scale.maximum):
            found[name] = "the items' ranges do not give this range"
    return found


@cache
def instruments() -> dict[str, Instrument]:
    """Every instrument by id, read from ``instruments.yaml``."""
    text = files("ketaoutcomes.domain").joinpath("instruments.yaml").read_text(encoding="utf-8")
    return {key: Instrument.model_validate(entry) for key, entry in yaml.safe_load(text).items()}


def criterion_words(scale: Instrument, name: str) -> str:
    """What a cut-off or change asks of a score, with its source."""
    criterion = scale.criteria[name]
    source = "cut-off assumed, no source found" if criterion.source == ASSUMED else criterion.source
    if isinstance(criterion, Change):
        source = f"minimal important change, {criterion.population}; {source}"
    return f"{plain_words(scale, name)} ({source})"


def plain_words(scale: Instrument, name: str) -> str:
    """What a cut-off or change asks of a score."""
    criterion = scale.criteria[name]
    if isinstance(criterion, AllOf):
        return " and ".join(plain_words(scale, part) for part in criterion.of)
    return {
        "percent_reduction": f"{scale.name} improved by at least {criterion.value:g} % from baseline",
        "reduction": f"{scale.name} improved by at least {criterion.value:g} {scale.unit} from baseline",
        "at_most": f"{scale.name} of {criterion.value:g} or less",
        "at_least": f"{scale.name} of {criterion.value:g} or more",
        "above": f"{scale.name} above {criterion.value:g}",
    }[criterion.rule]
