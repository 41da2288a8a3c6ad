"""Counts, means and standard deviations describe {population} as observed; nothing is imputed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Descriptive
from ketaoutcomes.domain.instruments import Instrument, Threshold
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Column
from ketaoutcomes.models import _standardised
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import people_of
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.ard import AT_BASELINE, GONE


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Flow, baseline, observed scores, missing values, sessions and courses within them, by arm and together."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Descriptive)
    people = people_of(analysis, data)
    rows = results(study, name)
    _flow(rows, analysis, data, people)
    _counted(rows, study, data, people)
    for variable in analysis.baseline:
        _baseline(rows, study, variable, people)
    for parameter in analysis.parameters:
        _observed(rows, study, parameter, people, data["adqs"])
    _sessions(rows, study, people, data["adex"], data["adrd"])
    _courses(rows, study, people, data["adrd"])
    rows.method(__doc__, population=population_words(study, analysis.population))
    rows.verdict("ok", "counted")
    return rows.frame()


def _groups(people: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each arm, and everybody under the empty name where there is more than one arm."""
    arms = [(str(arm), part) for arm, part in people.groupby("arm", sort=True)]
    return [("", people), *(arms if len(arms) > 1 else [])]


def _flow(rows: Results, analysis: Descriptive, data: dict[str, pd.DataFrame], people: pd.DataFrame) -> None:
    everybody = int(data["adsl"]["participant"].nunique())
    for arm, part in _groups(people):
        n = int(part["participant"].nunique())
        rows.add("n", n, n=n, parameter="people", arm=arm)
        _ends(rows, arm, part)
        for parameter in analysis.parameters[:1]:
            _analysed(rows, arm, part, parameter, data["adqs"])
    entered = int(people["participant"].nunique())
    rows.add("n", everybody, n=everybody, parameter="enrolment")
    rows.add("n", entered, n=entered, parameter="enrolment", term="entered")
    rows.add("n", everybody - entered, n=everybody - entered, parameter="enrolment", term="did not enter")


def _counted(rows: Results, study: Study, data: dict[str, pd.DataFrame], people: pd.DataFrame) -> None:
    """People of each population, and with each intercurrent event in the period, by arm."""
    events = data["adae"].merge(people[["participant", "period", "arm", "start", "last_day"]], on="participant")
    events = events[(events["ady"] >= events["start"]) & ~(events["ady"] - events["start"] > events["last_day"])]
    for arm, part in _groups(people):
        for name, population in study.populations.items():
            n = int(part[part[f"pop_{name}"] == "yes"]["participant"].nunique())
            _part(rows, n, len(part), parameter="population", arm=arm, term=population.label)
        for entry in study.intercurrent:
            found = events[(events["event"] == entry.event) & events["participant"].isin(part["participant"])]
            n = int(found["participant"].nunique())
            _part(rows, n, len(part), parameter="intercurrent event", arm=arm, term=f"{entry.event} ({entry.strategy.replace('_', ' ')})")


def _part(rows: Results, n: int, of: int, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """People, and their share of the arm."""
    rows.add("n", n, n=n, **key)
    rows.add("percent", 100 * n / of if of else None, n=of, events=n, **key)


def _ends(rows: Results, arm: str, part: pd.DataFrame) -> None:
    """How the period ended for whom; reasons add up to the arm."""
    if part["status"].isna().all():
        return
    reason = part["reason"].fillna("")
    ended = part["status"].fillna("no disposition recorded")
    label = ended.where((reason == "") | (ended == "completed"), ended + ": " + reason)
    rows.add("n", len(part), n=len(part), parameter="disposition", arm=arm)
    for term, count in label.value_counts().sort_index().items():
        _part(rows, int(count), len(part), parameter="disposition", arm=arm, term=str(term))


def _analysed(rows: Results, arm: str, part: pd.DataFrame, parameter: str, adqs: pd.DataFrame) -> None:
    """Who has a baseline and a later score; the four groups add up to the arm."""
    scores = adqs[adqs["paramcd"] == parameter].merge(part[["participant", "period"]], on=["participant", "period"])
    base = set(scores["participant"][scores["base"].notna()])
    later = set(scores["participant"][scores["aval"].notna() & (scores["ablfl"] == "no")])
    everybody = set(part["participant"])
    groups = {
        "baseline and a later score": base & later,
        "no score after baseline": base - later,
        "no baseline": later - base,
        "neither": everybody - base - later,
    }
    rows.add("n", len(everybody), n=len(everybody), parameter="analysis set", arm=arm)
    for term, members in groups.items():
        _part(rows, len(members & everybody), len(everybody), parameter="analysis set", arm=arm, term=term)


def _baseline(rows: Results, study: Study, variable: str, people: pd.DataFrame) -> None:
    column = study.participant_columns[variable]
    once = people.drop_duplicates("participant")
    # in a crossover everybody has one baseline and stands in every arm
    groups = [("", once)] if study.design.kind == "crossover" else _groups(once)
    if column.is_number:
        for arm, part in groups:
            values = part[variable].dropna().astype(float)
            rows.add("n", len(values), n=len(values), parameter=variable, arm=arm)
            _mean(rows, values, parameter=variable, arm=arm)
        _apart(rows, study, once, variable, parameter=variable)
        return
    levels = column.levels or sorted(once[variable].dropna().unique())
    if variable == study.design.site:
        for arm, part in groups:
            rows.add("n_sites", int(part[variable].nunique()), n=len(part), parameter="sites", arm=arm)
        return
    for arm, part in groups:
        known = int(part[variable].notna().sum())
        rows.add("n", known, n=known, parameter=variable, arm=arm)
        for level in levels:
            count = int((part[variable] == level).sum())
            rows.add("n", count, n=known, events=count, parameter=variable, arm=arm, term=level)
            rows.add("percent", 100 * count / known if known else None, n=known, events=count, parameter=variable, arm=arm, term=level)
    for arm, reference in _compared(study, once):
        ours, theirs = ([int(((once["arm"] == one) & (once[variable] == level)).sum()) for level in levels] for one in (arm, reference))
        cells = [count for counts in (ours, theirs) for one in counts for count in (one, sum(counts) - one) if count]
        key: dict[str, Any] = {"parameter": variable, "term": AT_BASELINE, "arm": arm, "comparator": reference}
        rows.add("std_difference", _standardised.of_levels(ours, theirs), n=min(cells, default=0), **key)


def _compared(study: Study, people: pd.DataFrame) -> list[tuple[str, str]]:
    """Each arm and the reference, where the study compares arms of different people."""
    reference, present = study.design.reference, set(people["arm"])
    if reference is None or reference not in present or study.design.kind == "crossover":
        return []
    return [(str(arm), reference) for arm in study.design.arms if arm in present - {reference}]


def _apart(rows: Results, study: Study, people: pd.DataFrame, column: str, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """Standardised differences of a number between the arms."""
    for arm, reference in _compared(study, people):
        ours, theirs = (people.loc[people["arm"] == one, column].dropna().astype(float) for one in (arm, reference))
        distance = _standardised.of_means(ours, theirs)
        rows.add("std_difference", distance, n=min(len(ours), len(theirs)), term=AT_BASELINE, arm=arm, comparator=reference, **key)


def _mean(rows: Results, values: pd.Series, suffix: str = "", **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    n = len(values)
    if n:
        rows.add(f"mean{suffix}", float(values.mean()), n=n, **key)
        # a row also where there is none: its absence would say that the mean is one person's
        rows.add(f"sd{suffix}", float(values.std(ddof=1)), n=n, **key)


def _observed(rows: Results, study: Study, parameter: str, people: pd.DataFrame, adqs: pd.DataFrame) -> None:
    """Observed means by visit, and how many of those expected were seen."""
    scores = adqs[adqs["paramcd"] == parameter].drop(columns="trtp")
    joined = scores.merge(people[["participant", "period", "arm"]], on=["participant", "period"])
    scale = study.scale(parameter)
    if scale.averaged and not (joined["ablfl"] == "yes").any():
        _earlier_baseline(rows, study, parameter, joined)
    for arm, part in _groups(joined):
        for (day, visit), at in part.groupby(["avisitn", "avisit"]):
            key: dict[str, Any] = {"parameter": parameter, "arm": arm, "visit": str(visit), "day": float(str(day))}
            if not scale.averaged:
                _shares(rows, scale, at["aval"].dropna(), key)
            else:
                _mean(rows, at["aval"].dropna(), **key)
            if scale.averaged and (at["ablfl"] == "no").all():
                _mean(rows, at["chg"].dropna(), "_change", **key)
            seen, expected = int(at["aval"].notna().sum()), len(at)
            rows.add("n_expected", expected, n=expected, **key)
            rows.add("n_observed", seen, n=seen, **key)
            rows.add("n_missing", expected - seen, n=expected - seen, **key)
            rows.add("percent_missing", 100 * (expected - seen) / expected, n=expected, events=expected - seen, **key)
            gone = _gone(part, at, float(str(day)))
            rows.add("percent", 100 * gone / expected, n=expected, events=gone, term=GONE, **key)
    first = joined[joined["ablfl"] == "yes"] if scale.averaged else joined[:0]
    for (day, visit), at in first.groupby(["avisitn", "avisit"]):
        _apart(rows, study, at, "aval", parameter=parameter, visit=str(visit), day=float(str(day)))


def _gone(scores: pd.DataFrame, at: pd.DataFrame, day: float) -> int:
    """How many of those expected at a visit have no score there and none later in the period."""
    last = scores[scores["aval"].notna()].groupby(["participant", "period"])["avisitn"].max()
    return int((~(last.reindex(pd.MultiIndex.from_frame(at[["participant", "period"]])) >= day)).sum())


def _shares(rows: Results, scale: Instrument, values: pd.Series, key: dict[str, Any]) -> None:
    """How many stand at each score of a scale that is never averaged."""
    n = len(values)
    rows.add("n_events", n, n=n, events=n, **key)
    for term, count in _levels(scale, values).items():
        rows.add("n_events", count, n=n, events=count, term=term, **key)
        rows.add("percent", 100 * count / n if n else None, n=n, events=count, term=term, **key)


def _levels(scale: Instrument, values: pd.Series) -> dict[str, int]:
    if scale.kind == "binary":
        return {"no": int((values == scale.minimum).sum()), "yes": int((values == scale.maximum).sum())}
    return {f"{level:g}": int((values == level).sum()) for level in range(int(scale.minimum), int(scale.maximum) + 1)}


def _earlier_baseline(rows: Results, study: Study, parameter: str, joined: pd.DataFrame) -> None:
    """The baseline where it lies in an earlier period than the one described."""
    visit = next(period.baseline.visit for period in reversed(study.periods))
    once = joined.dropna(subset=["base"]).drop_duplicates("participant")
    for arm, part in [("", once)] if study.design.kind == "crossover" else _groups(once):
        _mean(rows, part["base"], parameter=parameter, arm=arm, visit=visit)
    _apart(rows, study, once, "base", parameter=parameter, visit=visit)


_NOT_MEASURED = {"participant", "period", "session", "day", "arm", "visit", "minute"}
_SESSION = ["participant", "period", "session"]


def _measured(study: Study, part: str) -> dict[str, Column]:
    """What the tables of sessions or of readings hold besides whose and when."""
    return {name: column for table in study.tables.values() if table.provides == part for name, column in table.columns.items() if name not in _NOT_MEASURED}


def _sessions(rows: Results, study: Study, people: pd.DataFrame, adex: pd.DataFrame, adrd: pd.DataFrame) -> None:
    """What was given and measured at each treatment session; of several readings the worst after the dose."""
    columns, readings = _measured(study, "sessions"), _measured(study, "readings")
    after = adrd[adrd["minute"] > 0].groupby(_SESSION)
    worst = {name: after[name].max() if _scale(study, column).better == "lower" else after[name].min() for name, column in readings.items()}
    given = adex.drop(columns="trtp").merge(pd.DataFrame(worst, index=after.size().index).reset_index(), on=_SESSION, how="outer")
    joined = given.merge(people[["participant", "period", "arm"]], on=["participant", "period"])
    columns |= readings
    for name, column in columns.items():
        for arm, part in _groups(joined):
            for session, at in part.groupby("session"):
                number = int(float(str(session)))
                key: dict[str, Any] = {"parameter": name, "arm": arm, "visit": f"session {number}", "day": float(number)}
                scale = study.scales[column.instrument] if column.instrument else None
                _session(rows, column, scale, at[name].dropna(), key)
    if len(joined):
        _together(rows, study, joined, columns)


def _scale(study: Study, column: Column) -> Instrument:
    assert column.instrument is not None, "table_rules: a reading has an instrument"
    return study.scales[column.instrument]


def _courses(rows: Results, study: Study, people: pd.DataFrame, adrd: pd.DataFrame) -> None:
    """Readings by minute of each session, and their change from the last one before the dose."""
    joined = adrd.drop(columns="trtp").merge(people[["participant", "period", "arm"]], on=["participant", "period"])
    before = joined[joined["minute"] <= 0].sort_values("minute").groupby(_SESSION)
    for name, column in _measured(study, "readings").items():
        first = before[name].last().rename("before")
        for arm, part in _groups(joined.merge(first, on=_SESSION, how="left")):
            for (session, minute), at in part.groupby(["session", "minute"]):
                number = int(float(str(session)))
                key: dict[str, Any] = {"parameter": name, "arm": arm, "visit": f"session {number}", "day": float(number)}
                key |= {"subgroup": "minute", "level": f"{float(str(minute)):g}"}
                values = at[name].dropna()
                rows.add("n", len(values), n=len(values), **key)
                if not _scale(study, column).averaged:
                    _shares(rows, _scale(study, column), values, key)
                    continue
                _mean(rows, values.astype(float), **key)
                if float(str(minute)) > 0:
                    _mean(rows, (at[name] - at["before"]).dropna().astype(float), "_change", **key)


def _together(rows: Results, study: Study, joined: pd.DataFrame, columns: dict[str, Column]) -> None:
    """Each person's sessions taken together: how many, the worst value of a measurement, the sum of doses and other numbers without a scale."""
    for arm, part in _groups(joined):
        key: dict[str, Any] = {"arm": arm, "visit": "sessions together"}
        _person(rows, part.groupby("participant").size().astype(float), parameter="number_of_sessions", **key)
        for name, column in columns.items():
            if not column.is_number:
                continue
            scale = study.scales[column.instrument] if column.instrument else None
            by_person = part.dropna(subset=[name]).assign(value=lambda frame, name=name: frame[name].astype(float)).groupby("participant")["value"]
            if scale is None or scale.measures == "dose":
                _person(rows, by_person.sum(), parameter=name, **key)
            elif scale.averaged:
                worst = by_person.max() if scale.better == "lower" else by_person.min()
                _person(rows, worst, parameter=name, **key)
                _beyond(rows, scale, worst, parameter=name, **key)


def _person(rows: Results, values: pd.Series, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    rows.add("n", len(values), n=len(values), **key)
    _mean(rows, values, **key)


def _beyond(rows: Results, scale: Instrument, values: pd.Series, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """How many values meet a safety cut-off."""
    for term, rule in scale.cutoffs.items():
        if isinstance(rule, Threshold) and rule.rule in {"at_least", "above"}:
            count = int(((values >= rule.value) if rule.rule == "at_least" else (values > rule.value)).sum())
            rows.add("n_events", count, n=len(values), events=count, term=term, **key)
            rows.add("percent", 100 * count / len(values) if len(values) else None, n=len(values), events=count, term=term, **key)


def _session(rows: Results, column: Column, scale: Instrument | None, values: pd.Series, key: dict[str, Any]) -> None:
    """Mean of a number and its share at or above a safety cut-off; shares of categories."""
    n = len(values)
    rows.add("n", n, n=n, **key)
    if scale is not None and not scale.averaged:
        met = _levels(scale, values.astype(float))
    elif column.is_number:
        _mean(rows, values.astype(float), **key)
        if scale is not None:
            _beyond(rows, scale, values.astype(float), **key)
        return
    else:
        met = {level: int((values == level).sum()) for level in column.levels or sorted(values.unique())}
    for term, count in met.items():
        rows.add("n_events", count, n=n, events=count, term=term, **key)
        rows.add("percent", 100 * count / n if n else None, n=n, events=count, term=term, **key)
