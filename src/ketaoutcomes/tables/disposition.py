"""Disposition of participants. n (% of the arm). How the period ended, by the disposition the data hold; whose scores can be analysed; who is
in which population; who had an event after which a score means something else, and what the analyses do about it."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, WITHHELD, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis

NEEDS = ("descriptive",)
_GROUPS = {
    "disposition": "How the period ended",
    "analysis set": "Scores",
    "population": "Populations",
    "intercurrent event": "Intercurrent events (what the analyses do about them)",
}


def build(ard: pd.DataFrame) -> Table:
    """Who was enrolled and entered, then a group of lines for each way of counting them."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    nothing = "The data hold no disposition."
    if not len(match(rows, parameter="disposition")):
        return Table("Disposition of participants", "", (), (), nothing=nothing)
    arms = arm_columns(labels, match(rows, parameter="people"), together=True)
    lines = [_enrolled(match(rows, parameter="enrolment", term=term), words, list(arms)) for term, words in _ENROLLED.items()]
    randomised = labels.text("study", "randomised") == "yes" and len(arms) > 1
    people = tuple(value_of(match(rows, parameter="people", arm=arm), "n") for arm in arms)
    lines.append(Row("Randomised" if randomised else "Entered the period", people))
    for parameter, heading in _GROUPS.items():
        of = match(rows, parameter=parameter)
        terms = [str(term) for term in dict.fromkeys(of["term"]) if term and (match(of, term=str(term), statistic="n")["value"] != 0).any()]
        if terms:
            lines.append(Row(heading, heading=True))
            lines += [Row(term[0].upper() + term[1:], tuple(_share(match(of, term=term, arm=arm)) for arm in arms)) for term in terms]
    return Table("Disposition of participants", "", tuple(arms.values()), tuple(lines), footnotes(__doc__), nothing=nothing)


_ENROLLED = {"": "Enrolled", "did not enter": "Not in this period or population"}


def _enrolled(rows: pd.DataFrame, words: str, arms: list[str]) -> Row:
    """A count that knows no arms stands under everybody, or under the one arm there is."""
    place = "" if "" in arms else arms[0]
    return Row(words, tuple(value_of(rows, "n") if arm == place else "" for arm in arms))


def _share(rows: pd.DataFrame) -> str:
    if not len(rows):
        return "0"
    n, percent = value_of(rows, "n"), value_of(rows, "percent")
    return n if percent in (NOTHING, WITHHELD) else f"{n} ({percent})"
