"""How people came to be seen. Quartiles are the lower, the middle and the upper. People of a band: those who had it as the score seen last at
some time; they stand in several. Seen per 30 days: scores over the time in which people had that score as their last. Not seen again: of the people
who could have been, by their last score until then. A score that goes along with being seen makes observed means those of the people who come."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import ci, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, model_analyses, titled

NEEDS = ("visit_process",)
_QUARTILES = ("scores per person", "scores of a person per 30 days", "days between two scores")


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis: numbers, spacing, rates by band, people not seen again."""
    labels = Labels.of(ard)
    lines: list[Row] = []
    for analysis in model_analyses(labels, "visit_process"):
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines += _numbers(rows)
        bands = [str(term) for term in dict.fromkeys(match(rows, level="score seen last")["term"])]
        lines += _by_band(rows, bands, f"{labels.text('parameter', str(rows['parameter'].iloc[0]))} seen last")
    return Table("How people came to be seen", "", ("Result",), tuple(lines), footnotes(__doc__))


def _numbers(rows: pd.DataFrame) -> Iterator[Row]:
    yield Row("People with a baseline", (value_of(match(rows, term="fit"), "n"),))
    never = match(rows, term="never seen again")
    yield Row("Never seen again", (f"{value_of(never, 'n_events')} ({value_of(never, 'percent')} %)",))
    for term in _QUARTILES:
        own = match(rows, term=term)
        if len(own):
            yield Row(f"{term.capitalize()}, quartiles", (", ".join(value_of(own, statistic) for statistic in ("q25", "q50", "q75")),))
    found = match(rows, statistic="rate_ratio")
    if not len(found):
        return
    rate = match(rows, term=str(found["term"].iloc[0]))
    yield Row(f"{str(rate['term'].iloc[0]).capitalize()}, ratio ({ci(rate)})", (f"{interval(rate, 'rate_ratio')}; p {value_of(rate, 'p_value')}",))


def _by_band(rows: pd.DataFrame, bands: list[str], name: str) -> Iterator[Row]:
    stretches = [str(level) for level in dict.fromkeys(match(rows, statistic="per_month")["level"])]
    for band in bands:
        own = match(rows, term=band)
        people, wait = value_of(match(own, level="score seen last"), "n"), value_of(match(own, level="days to the next score"), "q50")
        yield Row(f"{name} {band}: people; median days to the next", (f"{people}; {wait}",))
        for stretch in stretches:
            yield Row(f"{name} {band}: seen per 30 days, {stretch}", (value_of(match(own, level=stretch), "per_month"),))
    gone = match(rows, level="not seen after")
    for day in sorted(set(gone["day"])):
        for band in ("", *bands):
            own = match(gone, day=float(day), term=band)
            who = f"{name} {band}" if band else "all"
            yield Row(f"Not seen after day {day:g}, {who}", (f"{value_of(own, 'n_events')} of {value_of(own, 'n')} ({value_of(own, 'percent')} %)",))
