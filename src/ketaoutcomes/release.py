"""The one choke point: bind the ARDs of a study, compare published targets, apply disclosure control.

Every number that leaves a site passes here. `release` returns one ARD per audience: the team's
exact one (confidential studies only) and the released one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from ketaoutcomes import disclosure
from ketaoutcomes.confirmatory import carried_out
from ketaoutcomes.domain.analyses import Ancova, Cox, Lmm, Mmrm
from ketaoutcomes.domain.endpoints import Numeric, TimeEndpoint, score_words, yes_no_words
from ketaoutcomes.domain.findings import printable
from ketaoutcomes.domain.plan import PlanLock, changes
from ketaoutcomes.domain.study import Hypothesis, Period, Population, Published, Study, Visit
from ketaoutcomes.schema import ard
from ketaoutcomes.schema.labels import STUDY


@dataclass(frozen=True, slots=True)
class Released:
    """What `release` hands on.

    Attributes
    ----------
    release
        The ARD that may leave.
    internal
        The exact ARD for the study team; None for an open study, whose release is exact.
    disclosure
        What was withheld or rounded, by rule.
    verdicts
        Analysis to status, note and whether it is primary.
    """

    release: pd.DataFrame
    internal: pd.DataFrame | None
    disclosure: dict[str, Any]
    verdicts: dict[str, dict[str, Any]]


def release(
    study: Study,
    frames: Iterable[pd.DataFrame],
    *,
    left_out: Mapping[str, int] | None = None,
    unread: Mapping[str, list[str]] | None = None,
    lock: PlanLock | None = None,
    blinded_seed: int | None = None,
) -> Released:
    """One checked ARD for each audience.

    Parameters
    ----------
    study
        The study file.
    frames
        The ARD of each analysis.
    left_out
        What ingest left out or warned of: reason to number of records.
    unread
        File to headers of columns that were not read.
    lock
        The plan as it was locked; None where it never was.
    blinded_seed
        Seed of the permutation, where the arms are permuted.
    """
    words = labels(study, lock, blinded_seed)
    results = _primary_or_nothing(study, ard.bind([words, _unread(study, unread or {}), _left_out(study, left_out or {}), *frames]))
    results = ard.check(carried_out(study, results))
    compared = targets(study, results, blinded=blinded_seed is not None)
    exact = ard.bind([results, compared])
    if not study.profile:
        verdicts = {name: _verdict(exact, name, study) for name in study.analyses}
        sheet: dict[str, Any] = {"profile": "none: the study is open", "rows": len(exact), "withheld": {}, "rounded": 0}
        return Released(exact, None, sheet, verdicts)
    controlled = disclosure.apply(study.profile, results)
    shown = _forbidden(study, compared, controlled.frame)
    sheet = {**controlled.sheet, "rows": controlled.sheet["rows"] + len(shown), "published_withheld": int((shown["status"] == "withheld").sum())}
    verdicts = {name: _verdict(controlled.frame, name, study) for name in study.analyses}
    return Released(ard.bind([controlled.frame, shown]), exact, sheet, verdicts)


def _left_out(study: Study, reasons: Mapping[str, int]) -> pd.DataFrame:
    rows = [
        {"study": study.study, "analysis": STUDY, "parameter": "left out", "term": reason, "statistic": "n_rows", "value": float(n), "n": n, "status": "ok"}
        for reason, n in sorted(reasons.items())
    ]
    return ard.check(pd.DataFrame(rows, columns=list(ard.ARD.columns)))


def _unread(study: Study, columns: Mapping[str, list[str]]) -> pd.DataFrame:
    key = {"study": study.study, "analysis": STUDY, "parameter": "not read", "statistic": "label", "status": "ok"}
    rows = [
        {**key, "term": Path(file).name, "text": f"{len(names)} columns: {', '.join(map(printable, names))}", "value": float(at)}
        for at, (file, names) in enumerate(sorted(columns.items()))
    ]
    return ard.check(pd.DataFrame(rows, columns=list(ard.ARD.columns)))


def _forbidden(study: Study, compared: pd.DataFrame, controlled: pd.DataFrame) -> pd.DataFrame:
    """The published targets without ours wherever the profile withholds or rounds what ours is, or shows fewer decimals."""
    compared = compared.copy()
    for target in study.published:
        row = _found(target, controlled)
        word = ard.STATISTICS.get(target.key["statistic"])
        open_ = word is not None and word.kind == "number" and len(row) == 1 and row["status"].iloc[0] in {"ok", "flagged"}
        if word is None or not open_ or -_exponent(target) > word.digits:
            ours = (compared["term"] == target.id) & compared["statistic"].isin(["reproduced", "difference", "agreement"])
            compared.loc[ours, ["value", "n", "events"]] = None
            compared.loc[ours, ["text", "status"]] = ["", "withheld"]
        compared.loc[compared["term"] == target.id, ["n", "events"]] = None
    return compared


def _found(target: Published, frame: pd.DataFrame) -> pd.DataFrame:
    return ard.match(frame, **{column: float(text) if column in {"day", "conf_level"} else text for column, text in target.key.items()})


def _exponent(target: Published) -> int:
    """Place of the last printed digit: -3 for three decimals."""
    return int(_printed(target).as_tuple().exponent)


def _printed(target: Published) -> Decimal:
    return Decimal(target.value.replace("−", "-"))


def _primary_or_nothing(study: Study, results: pd.DataFrame) -> pd.DataFrame:
    """`results`, where a primary analysis without its declared result is not estimable.

    A model may fit well and yet hold no contrast (one arm is empty) or none at the primary visit:
    another contrast or visit must not stand in for it.
    """
    analysis = study.analyses[study.primary]
    rows = ard.match(results, analysis=study.primary)
    verdict = rows.index[(rows["statistic"] == "verdict") & rows["status"].isin(["ok", "flagged"])]
    visit = str(getattr(analysis, "visit", None) or "")
    compared = len(study.design.arms) > 1
    fits = isinstance(analysis, Mmrm | Lmm | Ancova | Cox)
    if not fits or not (visit or compared):
        return results
    found = rows[(rows["term"] == ("contrast" if compared else "ls_mean")) & rows["value"].notna()]
    if visit in set(found["visit"]) or (not visit and len(found)):
        return results
    what = f"the {'contrast' if compared else 'mean'}{f' at {visit}' if visit else ''} cannot be estimated: nobody with a score there"
    results = results.copy()
    results.loc[verdict, ["status", "text", "note"]] = ["not_estimable", "not_estimable", what]
    return results


def _verdict(exact: pd.DataFrame, name: str, study: Study) -> dict[str, Any]:
    row = ard.match(exact, analysis=name, statistic="verdict").iloc[0]
    return {"status": str(row["status"]), "note": str(row["note"]), "primary": study.analyses[name].primary}


def labels(study: Study, lock: PlanLock | None = None, blinded_seed: int | None = None) -> pd.DataFrame:
    """The study's words as ARD rows, among them how it stands to its lock; see `schema.labels`."""
    rows: list[dict[str, Any]] = []

    def add(kind: str, term: str, text: str, **key: object) -> None:
        rows.append(
            {
                "study": study.study,
                "analysis": STUDY,
                "statistic": "label",
                "status": "ok",
                "parameter": kind,
                "term": term,
                "text": text,
                "value": float(len(rows)),
                **key,
            }
        )

    design = study.design
    plain = {
        "title": study.title if blinded_seed is None else f"BLINDED: {study.title}", "drug": study.drug, "source": study.source,
        "status": study.status, "citation": study.citation or "",
        "design": design.kind, "randomised": "yes" if design.randomised else "no", "time_unit": study.time_unit,
        "profile": study.profile, "name": study.study, "reference": design.reference or "",
        "blinded": "" if blinded_seed is None else str(blinded_seed),
    }  # fmt: skip
    for term, text in plain.items():
        add("study", term, text)
    for name, arm in design.arms.items():
        add("arm", name, arm.label)
    for period in study.periods:
        add("period", period.id, period.label)
        for visit in study.visits_of(period.id):
            add("visit", "", visit.label, period=period.id, visit=visit.id, day=visit.time)
            if visit.window:
                add("window", f"{period.label}, {visit.label}", f"days {visit.window[0]:g} to {visit.window[1]:g} of the period, {_taken(visit)}")
        add("baseline", period.label, _baseline_words(study, period))
    for name, population in study.populations.items():
        add("population", name, population.label)
        add("who", population.label, _who(study, population))
    for name, column in study.participant_columns.items():
        word = column.label or name.replace("_", " ").capitalize()
        add("variable", name, word + (f" ({column.unit})" if column.unit else ""))
    _scales(study, add)
    for name, analysis in study.analyses.items():
        add("analysis", name, analysis.title)
        add("model", name, analysis.model)
        add("main visit", name, getattr(analysis, "visit", None) or "")
        if analysis.sensitivity_of:
            add("sensitivity", name, analysis.sensitivity_of)
        if analysis.primary:
            add("primary", "analysis", name)
            add("primary", "visit", getattr(analysis, "visit", None) or "")
    for entry in study.intercurrent:
        add("intercurrent", f"{entry.event}: {entry.strategy.replace('_', ' ')}", entry.reason)
    for entry in study.privacy.allow if study.privacy else []:
        add("identifier", entry.column, f"{entry.reason} (allowed by {entry.approver})")
    for at, entry in enumerate(study.assumptions):
        add("assumption", f"{at + 1}. {entry.key}", entry.reason)
    for at, entry in enumerate(study.deviations):
        add("deviation", f"{at + 1}. {entry.key}", entry.reason)
    changed = changes(lock.plan, study) if lock else []
    add("lock", "plan", _lock_words(lock, len(changed)))
    for change in changed:
        add("locked", change.key, change.then)
        add("changed", change.key, change.now)
        add("why changed", change.key, change.reason)
    if study.testing:
        steps = [" and ".join(_hypothesis_words(hypothesis) for hypothesis in step) for step in study.testing.steps]
        add("testing", "order", f"two-sided alpha {study.testing.alpha:g}, in the order {', then '.join(steps)}")
    return ard.check(pd.DataFrame(rows).reindex(columns=list(ard.ARD.columns)))


def _lock_words(lock: PlanLock | None, changed: int) -> str:
    if lock is None:
        return "not pre-specified: the study file was not locked before the analysis"
    words = f"analysed as locked on {lock.locked_on}"
    if changed:
        words = f"locked on {lock.locked_on}; {changed} {'keys' if changed > 1 else 'key'} changed since, listed under Deviations from the plan"
    return words + ("; results already existed when it was locked" if lock.analysed_before else "")


def _taken(visit: Visit) -> str:
    """Which score of a window counts."""
    nearest = f"the score nearest to day {visit.time:g}, the {visit.tie} of two as near"
    words = {"nearest": nearest, "mean": "the mean of its scores", "first": "the first score", "last": "the last score"}
    return words.get(visit.take, f"the {visit.take} score, the {visit.tie} of two equal ones")


def _baseline_words(study: Study, period: Period) -> str:
    rule = period.baseline
    labels = {visit.id: visit.label for visit in study.visits_of(rule.period)}
    named = [labels.get(visit, visit) for visit in (rule.visit, *rule.otherwise)]
    return f"{', else '.join(named)}, of {study.period(rule.period).label.lower()}"


def _who(study: Study, population: Population) -> str:
    """Everything that a population asks of a person."""
    columns = study.participant_columns
    asked = [f"{(columns[name].label or name.replace('_', ' ')).lower()}: {' or '.join(allowed)}" for name, allowed in population.where.items()]
    asked += [f"a baseline of {study.scale(population.baseline_of).name}"] if population.baseline_of else []
    asked += [f"at least one later score of {study.scale(population.post_baseline_of).name}"] if population.post_baseline_of else []
    return "; ".join(asked) or "everybody"


def _hypothesis_words(hypothesis: Hypothesis) -> str:
    return " ".join(part for part in (hypothesis.analysis, hypothesis.arm, hypothesis.visit) if part)


def _scales(study: Study, add: Any) -> None:  # noqa: ANN401 - a local closure
    """Names, units, direction and sources of parameters and endpoints."""
    scales = dict(study.parameters)
    for table in study.tables.values():
        if table.provides in {"sessions", "readings"}:
            scales |= {name: column.instrument for name, column in table.columns.items() if column.instrument}
        if table.provides == "sessions":
            for name, column in table.columns.items():
                if not column.instrument:
                    add("unit", name, column.unit or "")
    for name, key in scales.items():
        scale = study.scales[key]
        add("parameter", name, scale.name)
        add("unit", name, scale.unit)
        better = "" if scale.measures == "dose" else scale.better
        add("better", name, better)
        direction = f", {better} is better" if better else ""
        add("scale", name, f"{scale.label}, {scale.minimum:g} to {scale.maximum:g} {scale.unit}{direction} (range: {scale.source})")
        add("source", name, scale.source)
    for name, endpoint in study.endpoints.items():
        for at, source in enumerate(study.sources_of(name)):
            add("source", name, source, level=f"{at + 1}")
        if isinstance(endpoint, TimeEndpoint):
            add("parameter", name, name.replace("_", " ").capitalize())
            add("definition", name, study.rule_words(endpoint.rule))
            continue
        scale = study.scale(endpoint.parameter)
        add("of", name, endpoint.parameter)
        add("unit", name, scale.unit)
        add("better", name, scale.better)
        if isinstance(endpoint, Numeric):
            words = score_words(endpoint, scale, study.visit_labels)
            add("parameter", name, words[:1].upper() + words[1:])
            if endpoint.derived:
                add("definition", name, words)
        else:
            add("parameter", name, f"{scale.name}: {name.replace('_', ' ')}")
            add("definition", name, yes_no_words(endpoint, scale, study.visit_labels))


def targets(study: Study, exact: pd.DataFrame, *, blinded: bool = False) -> pd.DataFrame:
    """Published numbers beside ours, compared on exact values at the printed precision."""
    context = blinded or study.source == "simulated"
    rows = [row for target in study.published for row in _target(study, target, exact, context=context)]
    return ard.check(pd.DataFrame(rows, columns=list(ard.ARD.columns)))


def _target(study: Study, target: Published, exact: pd.DataFrame, *, context: bool) -> list[dict[str, Any]]:
    found = _found(target, exact)
    printed = _printed(target)
    key = {"study": study.study, "analysis": "published", "term": target.id, "note": target.printed_in}
    shown = {**key, "statistic": "published", "value": float(printed), "text": target.value, "status": "ok"}
    if len(found) != 1 or not math.isfinite(found["value"].iloc[0]):
        reason = "no such result" if not len(found) else "several results have this key" if len(found) > 1 else "not estimable"
        return [shown, {**key, "statistic": "agreement", "text": reason, "status": "not_estimable"}]
    row = found.iloc[0]
    ours = Decimal(repr(float(row["value"])))
    rounded = ours.quantize(Decimal(1).scaleb(_exponent(target)), rounding=ROUND_HALF_UP)
    behind = {"n": row["n"], "events": row["events"], "status": row["status"]}
    return [
        shown,
        {**key, **behind, "statistic": "reproduced", "value": float(ours), "text": str(rounded)},
        {**key, **behind, "statistic": "difference", "value": float(rounded - printed), "text": str(rounded - printed)},
        {**key, **behind, "statistic": "agreement", "text": _agreement(same=rounded == printed, context=context)},
    ]


def _agreement(*, same: bool, context: bool) -> str:
    """Simulated data, and permuted arms, reproduce nothing: a published number beside them is context, and chance agreement no proof."""
    if context:
        return "context"
    return "PASS" if same else "DIFF"
