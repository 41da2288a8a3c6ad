"""{title}: {response}, the next score {low:g} to {high:g} days after a session, was related in {population} to {exposure} by a linear mixed model with a
random intercept for each participant: a person's mean over the sessions (between people), each session's deviation from it (within a person), the
number of the session{covariates}; restricted maximum likelihood; {df}. Both coefficients are associations: people who experience or receive more
differ in other ways, and doses follow the response to earlier ones."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import DF_WORDS, Association
from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import MixedModelError, lmm
from ketaoutcomes.models import _binary, _mixed
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import people_of
from ketaoutcomes.models._words import population_words, response_words

_VALUE = {"value": "aval", "change": "chg", "percent_change": "pchg"}
BETWEEN, WITHIN, SESSION = "between people", "within a person", "session number"
#: Later sessions that fewer people have share a level with the one before.
_FEWEST = 20


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Association between people and within them, per unit of the exposure; what was left out; proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Association)
    rows = results(study, name, parameter=analysis.endpoint)
    _conclude(rows, study, analysis)
    people = people_of(analysis, data)
    pairs = _pairs(study, analysis, data, people)
    needed = [*analysis.covariates, "response", "exposure"]
    known = pairs[pairs[needed].notna().all(axis=1)].reset_index(drop=True)
    own = known.groupby("participant")["exposure"]
    mean, varies = own.transform("mean"), own.transform("nunique") > 1
    number, numbers = _numbered(known["session"])
    # a mean of equal numbers need not be that number: who does not vary is exactly 0 from it
    frame = known.assign(**{BETWEEN: mean.where(varies, known["exposure"]), WITHIN: (known["exposure"] - mean).where(varies, 0.0), SESSION: number})
    varied = frame["participant"][varies].nunique()
    seen = frame["participant"].nunique()
    if not varied or frame[BETWEEN].nunique() < 2:
        who = "within people" if not varied else "between people"
        _mixed.refused(rows, f"{analysis.exposure} does not vary {who} in sessions that a score follows", term=WITHIN if not varied else BETWEEN)
        return rows.frame()
    terms = [(BETWEEN,), (WITHIN,), *([(SESSION,)] if len(numbers) > 1 else []), *((name,) for name in analysis.covariates)]
    levels = {name: known for name, known in _binary.levels_of(study, analysis.covariates, frame).items() if name in analysis.covariates}
    try:
        fit = lmm(
            frame,
            response="response",
            fixed=terms,
            levels={**levels, **({SESSION: numbers} if len(numbers) > 1 else {})},
            subject="participant",
            random=["1"],
            df=analysis.df,
        )
        rows.status, rows.note = fit.status, _mixed.flags(fit)
        for term, n in ((BETWEEN, seen), (WITHIN, varied)):
            rows.interval(fit.coefficient(term, analysis.conf_level), analysis.conf_level, n=n, term=f"association: {term}")
    except MixedModelError as error:
        _mixed.refused(rows, error, term=WITHIN)
        return rows.frame()
    rows.add("n", people["participant"].nunique() - seen, n=people["participant"].nunique() - seen, term="left out: without a session that a score follows")
    _mixed.proof(rows, fit)
    return rows.frame()


def _numbered(session: pd.Series) -> tuple[list[str], list[str]]:
    """The session's number as a level, and the levels: what changes from session to session for everybody must not pass for the exposure."""
    counts = session.value_counts()
    last = max((int(one) for one in counts.index[counts >= _FEWEST]), default=int(session.min()) if len(session) else 1)
    levels = sorted({min(int(one), last) for one in session})
    names = {one: f"{one} or later" if one == last and (session > last).any() else f"{one}" for one in levels}
    return [names[min(int(one), last)] for one in session], list(names.values())


def _pairs(study: Study, analysis: Association, data: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """A row for each session with a day and the next score after it: ``participant, session, exposure, response, base`` and covariates.

    A score follows one session only, the last before it.
    """
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, ScoreEndpoint)
    sessions = data["adex"][(data["adex"]["period"] == analysis.period) & data["adex"]["ady"].notna() & data["adex"]["session"].notna()]
    given = _exposed(analysis, data, sessions).rename(columns={"ady": "session_day"})
    scores = data["adqd"][(data["adqd"]["paramcd"] == endpoint.parameter) & (data["adqd"]["period"] == analysis.period) & (data["adqd"]["anl"] == "yes")]
    scores = scores.assign(response=scores[_VALUE[endpoint.kind]])[["participant", "ady", "response", "base"]]
    low, high = analysis.within
    merged = given.merge(scores, on="participant")
    following = merged[(merged["ady"] > merged["session_day"]) & (merged["ady"] - merged["session_day"]).between(low, high)]
    first = following.sort_values(["participant", "session_day", "ady"], kind="stable").drop_duplicates(["participant", "session_day"])
    last = first.sort_values(["participant", "ady", "session_day"], kind="stable").drop_duplicates(["participant", "ady"], keep="last")
    columns = [name for name in analysis.covariates if name != "base"]
    return last.merge(people[["participant", "arm", *columns]], on="participant")


def _exposed(analysis: Association, data: dict[str, pd.DataFrame], sessions: pd.DataFrame) -> pd.DataFrame:
    """Each session's exposure: a column of the sessions, the highest reading within it after the dose, or a score of its day."""
    name = analysis.exposure
    if name in sessions:
        return sessions.assign(exposure=sessions[name].astype("float64"))[["participant", "session", "ady", "exposure"]]
    if name in data["adrd"]:
        readings = data["adrd"][(data["adrd"]["period"] == analysis.period) & data["adrd"][name].notna()]
        peak = readings[readings["minute"] > 0].groupby(["participant", "session"])[name].max().astype("float64").rename("exposure").reset_index()
        return sessions.merge(peak, on=["participant", "session"])[["participant", "session", "ady", "exposure"]]
    scores = data["adqd"][(data["adqd"]["paramcd"] == name) & (data["adqd"]["period"] == analysis.period)]
    return sessions[["participant", "session", "ady"]].merge(
        scores[["participant", "ady", "aval"]].rename(columns={"aval": "exposure"}), on=["participant", "ady"]
    )


def _conclude(rows: Results, study: Study, analysis: Association) -> None:
    named = study.scale(analysis.exposure).name if analysis.exposure in study.parameters else analysis.exposure.replace("_", " ")
    peak = any(table.provides == "readings" and analysis.exposure in table.columns for table in study.tables.values())
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        low=analysis.within[0],
        high=analysis.within[1],
        population=population_words(study, analysis.population),
        exposure=f"the highest {named} of the session" if peak else f"{named} in the session",
        covariates="".join(f", {'baseline score' if name == 'base' else name.replace('_', ' ')}" for name in analysis.covariates),
        df=DF_WORDS[analysis.df],
    )
