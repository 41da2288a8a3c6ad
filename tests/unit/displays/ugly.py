"""ARDs that are hard to draw: few and many visits and arms, long labels, withheld cells, huge intervals, one person at a site.

Numbers are made up by a formula; what matters is their shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from ketaoutcomes.schema import ard

LONG = "Esketamine 84 mg nasal spray twice weekly with a new antidepressant"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the data look like."""

    arms: int = 2
    visits: int = 5
    long: bool = False
    huge: bool = False
    times: tuple[float, ...] = ()
    withheld: bool = False
    people: int = 104
    randomised: bool = True
    labels: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def arm_labels(self) -> dict[str, str]:
        """Arm to label."""
        names = ("Placebo", "Esketamine", "Ketamine", "Midazolam", "Lanicemine", "Rapastinel")
        return {f"arm{at}": (f"{LONG}, {at}" if self.long else names[at]) for at in range(self.arms)}

    @property
    def visit_times(self) -> tuple[float, ...]:
        """Study day of each visit."""
        return self.times or tuple(7.0 * (at + 1) for at in range(self.visits))


SHAPES = {
    "usual": Shape(),
    "two_visits": Shape(visits=2),
    "fourteen_visits": Shape(visits=14),
    "thirty_visits": Shape(visits=30),
    "uneven_visits": Shape(times=(0.08, 1.0, 2.0, 8.0, 168.0)),
    "one_arm": Shape(arms=1, randomised=False),
    "five_arms": Shape(arms=5),
    "long_labels": Shape(long=True),
    "five_long_arms_fourteen_visits": Shape(arms=5, visits=14, long=True),
    "huge": Shape(huge=True),
    "withheld": Shape(withheld=True),
    "thousands": Shape(people=48_211),
}


class _Rows:
    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.order = 0

    def add(self, analysis: str, statistic: str, value: float | None = None, **key: object) -> None:
        self.rows.append({"study": "ugly", "analysis": analysis, "statistic": statistic, "value": value, "status": "ok", **key})

    def label(self, kind: str, term: str, text: str, **key: object) -> None:
        self.rows.append(
            {
                "study": "ugly",
                "analysis": "study",
                "statistic": "label",
                "parameter": kind,
                "term": term,
                "text": text,
                "value": float(self.order),
                "status": "ok",
                **key,
            }
        )
        self.order += 1


def make(shape: Shape) -> pd.DataFrame:
    """The ARD of a shape: every model a figure may need."""
    rows = _Rows()
    _labels(rows, shape)
    _description(rows, shape)
    _means(rows, shape)
    _proportions(rows, shape)
    _survival(rows, shape)
    _sessions(rows, shape)
    _checks(rows, shape)
    raw = pd.DataFrame(rows.rows).reindex(columns=list(ard.ARD.columns))
    frame = ard.check(raw.fillna({"text": "", "note": ""}))
    return _hide(frame) if shape.withheld else frame


def _labels(rows: _Rows, shape: Shape) -> None:
    long = shape.long
    words = {
        "title": "A study that is hard to draw", "source": "real", "status": "open", "design": "parallel" if shape.arms > 1 else "single_arm",
        "randomised": "yes" if shape.randomised else "no", "time_unit": "days", "profile": "", "name": "ugly", "reference": "arm0" if shape.arms > 1 else "",
    }  # fmt: skip
    for term, text in words.items():
        rows.label("study", term, text)
    for arm, name in shape.arm_labels.items():
        rows.label("arm", arm, name)
    rows.label("period", "p", "Double-blind treatment")
    rows.label("visit", "", "Baseline", period="p", visit="v0", day=0.0)
    for at, day in enumerate(shape.visit_times, 1):
        rows.label("visit", "", f"End of the double-blind week {at}" if long else f"Week {at}", period="p", visit=f"v{at}", day=day)
    score = "Montgomery-Asberg Depression Rating Scale, total" if long else "MADRS"
    for name, text in (("madrs", score), ("change", f"Change of {score} from baseline"), ("response", f"{score}: response")):
        rows.label("parameter", name, text)
        rows.label("unit", name, "points")
        rows.label("better", name, "lower")
        rows.label("of", name, "madrs")
    rows.label("definition", "response", "MADRS improved by at least 50 %")
    rows.label("variable", "sex", "Sex")
    rows.label("variable", "site", "Site")
    for name, model in (
        ("description", "descriptive"),
        ("main", "mmrm"),
        ("tipping", "mmrm"),
        ("response", "proportions"),
        ("hazard", "cox"),
        ("curve", "kaplan_meier"),
        ("groups", "subgroups"),
        ("competing", "cumulative_incidence"),
        ("exposure", "exposure"),
        ("weighted", "weighted"),
        ("sites", "lmm"),
    ):
        extra = ", adjusted for every covariate of the protocol" if long else ""
        rows.label(
            "analysis",
            name,
            {"main": "Change from baseline", "tipping": "The same, missing at the bottom", "hazard": "Relapse"}.get(name, name.capitalize()) + extra,
        )
        rows.label("model", name, model)
        rows.label("main visit", name, f"v{len(shape.visit_times)}" if model in {"mmrm", "proportions", "subgroups"} else "")
    rows.label("primary", "analysis", "main")
    rows.label("primary", "visit", f"v{len(shape.visit_times)}")
    rows.label("sensitivity", "tipping", "main")


def _arms(shape: Shape) -> list[str]:
    return list(shape.arm_labels) if shape.arms > 1 else [""]


def _description(rows: _Rows, shape: Shape) -> None:
    n = shape.people
    for term, value in (("", n * shape.arms + 31), ("entered", n * shape.arms), ("did not enter", 31)):
        rows.add("description", "n", value, parameter="enrolment", period="p", term=term)
    reason = "Withdrew consent because of the distance to the clinic" if shape.long else "Withdrew consent"
    for arm in dict.fromkeys(["", *_arms(shape)]):
        size = n if arm or shape.arms == 1 else n * shape.arms
        key = {"period": "p", "arm": arm}
        rows.add("description", "n", size, parameter="people", **key)
        for term, share in (("", 1.0), ("completed", 0.7), (f"discontinued: {reason}", 0.2), ("discontinued: Adverse event", 0.1)):
            rows.add("description", "n", round(size * share), parameter="disposition", term=term, **key)
        for term, share in (("baseline and a later score", 0.95), ("no score after baseline", 0.05)):
            rows.add("description", "n", round(size * share), parameter="analysis set", term=term, **key)
        for term in ("Everybody randomised", "Everybody with a baseline and at least one later score of the scale" if shape.long else "Full analysis set"):
            rows.add("description", "n", size, parameter="population", term=term, **key)
        for at in range(len(shape.visit_times) + 1):
            missing = round(size * 0.02 * at)
            here = {"parameter": "madrs", "visit": f"v{at}", **key}
            for statistic, value in (
                ("n_expected", size),
                ("n_observed", size - missing),
                ("n_missing", missing),
                ("percent_missing", 100 * missing / size),
                ("mean", 34.0 - 2 * at),
                ("sd", 6.0),
            ):
                rows.add("description", statistic, value, n=size, **here)
            rows.add("description", "percent", 100 * missing / size, n=size, events=missing, term=ard.GONE, **here)
            if at:
                rows.add("description", "mean_change", -2.2 * at, n=size - missing, **here)


def _interval(rows: _Rows, analysis: str, statistic: str, value: float, low: float, high: float, **key: object) -> None:
    for name, number in ((statistic, value), ("conf_low", low), ("conf_high", high)):
        rows.add(analysis, name, number, conf_level=0.95, **key)


def _means(rows: _Rows, shape: Shape) -> None:
    for analysis in ("main", "tipping"):
        for place, arm in enumerate(_arms(shape)):
            for at, day in enumerate(shape.visit_times, 1):
                mean = -12 * (1 - math.exp(-0.2 * day)) - 1.5 * place
                wide = 2.0 + 0.3 * at + (260.0 if shape.huge and at == 2 else 0.0)
                key = {"parameter": "change", "period": "p", "arm": arm, "visit": f"v{at}", "n": shape.people - at}
                _interval(rows, analysis, "estimate", mean, mean - wide, mean + wide, term="ls_mean", **key)
                if place:
                    _interval(rows, analysis, "estimate", -1.5 * place, -1.5 * place - wide, -1.5 * place + wide, term="contrast", comparator="arm0", **key)
        rows.add(analysis, "verdict", text="ok")
    last = {"parameter": "change", "period": "p", "visit": f"v{len(shape.visit_times)}", "term": "contrast", "comparator": "arm0"}
    for arm in _arms(shape)[1:]:
        for level, value in (("female", -2.5), ("male", 0.4), ("not recorded in the case report form" if shape.long else "other", -30.0)):
            wide = 900.0 if value == -30.0 and shape.huge else 4.0
            _interval(rows, "groups", "estimate", value, value - wide, value + wide, arm=arm, subgroup="sex", level=level, n=12, **last)
        rows.add("groups", "p_value", 0.21, arm=arm, subgroup="sex", term="interaction", comparator="arm0", period="p", parameter="change", visit=last["visit"])
    rows.add("groups", "verdict", text="ok")


def _proportions(rows: _Rows, shape: Shape) -> None:
    for at in range(1, len(shape.visit_times) + 1):
        for place, arm in enumerate(_arms(shape)):
            met = round(shape.people * min(0.08 * at + 0.05 * place, 0.9))
            key = {"parameter": "response", "period": "p", "arm": arm, "visit": f"v{at}"}
            for statistic, value in (("n", shape.people), ("n_events", met), ("percent", 100 * met / shape.people)):
                rows.add("response", statistic, value, n=shape.people, events=met, **key)
            if place:
                _interval(
                    rows,
                    "response",
                    "risk_difference",
                    5.0 * place,
                    -4.0,
                    14.0 + 5 * place,
                    term="contrast: risk difference",
                    comparator="arm0",
                    method="newcombe",
                    **key,
                )
    rows.add("response", "verdict", text="ok")


def _survival(rows: _Rows, shape: Shape) -> None:
    for place, arm in enumerate(_arms(shape)):
        key = {"parameter": "relapse", "period": "p", "arm": arm}
        for day in range(0, 170, 4):
            share = math.exp(-day * 0.006 / (1 + 0.4 * place))
            _interval(rows, "curve", "survival", share, max(share - 0.08, 0.0), min(share + 0.08, 1.0), term="curve", day=float(day), n=30, events=9, **key)
        for day in range(0, 170, 14):
            left = round(shape.people * math.exp(-day * 0.009))
            for statistic, value in (
                ("n_at_risk", left),
                ("n_censored", round((shape.people - left) * 0.3)),
                ("n_events", shape.people - left - round((shape.people - left) * 0.3)),
            ):
                rows.add("curve", statistic, value, term="at risk", day=float(day), **key)
        rows.add("curve", "median", 80.0, term="median", **key)
        if place:
            high = 4000.0 if shape.huge else 1.1
            _interval(rows, "hazard", "hazard_ratio", 0.7, 0.001 if shape.huge else 0.5, high, term="contrast", comparator="arm0", n=30, **key)
    rows.add("curve", "verdict", text="ok")
    rows.add("hazard", "verdict", text="ok")


def _sessions(rows: _Rows, shape: Shape) -> None:
    pressure = "Systolic blood pressure, worst reading after the dose" if shape.long else "Systolic BP"
    for name, text, unit in (("cadss", "CADSS", "points"), ("systolic", pressure, "mmHg")):
        rows.label("parameter", name, text)
        rows.label("unit", name, unit)
        rows.label("better", name, "lower")
        for place, arm in enumerate(_arms(shape)):
            for session in range(1, shape.visits + 1):
                key = {"parameter": name, "arm": arm, "visit": f"session {session}", "day": float(session), "n": shape.people - session}
                rows.add("description", "mean", 120 + 6 * place - 0.3 * session + (900 if shape.huge and session == 2 else 0), **key)
    for place, arm in enumerate(_arms(shape)):
        for at, band in enumerate(("none", "1 to 2 sessions", "3 to 6 sessions", "7 to 12 sessions", "more than 12 sessions")):
            rows.add("exposure", "mean_change", -2.0 * at - place, parameter="madrs", arm=arm, term=band, n=max(shape.people - 20 * at, 9))
        for day in range(0, 190, 5):
            value = min(0.001 * day * (1 + 0.2 * place), 0.9)
            key = {"arm": arm, "day": float(day)}
            limits = (value * 0.6, 1.0 if shape.huge else min(value * 1.5, 1.0))
            _interval(rows, "competing", "incidence", value, *limits, term="curve", n=40, events=9, **key)
            if day in {30, 90, 180}:
                _interval(rows, "competing", "incidence", value, *limits, term="incidence", n=40, events=9, **key)
            if day in {0, 30, 90, 180}:
                for statistic, share in (("n_at_risk", 1.0 - 0.005 * day), ("n_events", 0.003 * day), ("n_competing", 0.001 * day)):
                    rows.add("competing", statistic, round(share * shape.people), term="at risk", **key)
    for analysis in ("exposure", "competing"):
        rows.add(analysis, "verdict", text="ok")


def _checks(rows: _Rows, shape: Shape) -> None:
    for at in range(10):
        for statistic, value in (("fitted", -12.0 + at), ("mean_residual", 0.1 * math.sin(at)), ("sd_residual", 1.0)):
            rows.add("main", statistic, value, term="check: residuals", level=f"bin {at}", n=40)
        for statistic, value in (("normal_quantile", (at - 4.5) / 2), ("residual_quantile", (at - 4.5) / 2 + (60.0 if shape.huge and at == 9 else 0.05))):
            rows.add("main", statistic, value, term="check: quantiles", level=f"{0.1 * at:g}", n=40)
    covariates = ("base", "age", "sex: female", "Number of antidepressants that failed in the current episode" if shape.long else "drugs")
    for at, name in enumerate(covariates):
        for method, value in (("before", -0.4 + 0.2 * at), ("after", 0.02)):
            rows.add("weighted", "std_difference", value, term=f"balance: {name}", method=method, arm="arm1", n=50)
    rows.add("weighted", "verdict", text="ok")
    count = 1 if shape.visits == 2 else 24
    rows.add("sites", "sd_between", 1.7, term="site", parameter="change", n=shape.people)
    rows.add("sites", "n_sites", count, term="site", parameter="change", n=shape.people)
    for at in range(count):
        # a site of one person: its own deviation is wild, its error huge
        value, error = (9.0, 8.0) if at == count - 1 else (0.2 * at - 2, 0.6 + 0.05 * at)
        key = {"level": f"site {at + 1:02d}", "parameter": "change", "n": 8 + at}
        _interval(rows, "sites", "estimate", value / 2, value / 2 - error, value / 2 + error, term="site effect", **key)
        rows.add("sites", "estimate", value, term="site deviation", **key)
        rows.add("sites", "std_error", error, term="site deviation", **key)
    rows.add("sites", "verdict", text="ok")
    for at, text in enumerate(("5.59", "0.640", "-2.4", "1.36", "57.8")):
        name = f"estimate_{at}_of_the_second_table_of_the_publication_by_visit" if shape.long else f"estimate_{at}"
        ours = float(text) + (0.31 if at == 2 else 0.0003)
        compared = (("published", float(text), text), ("reproduced", ours, text), ("difference", ours - float(text), "0.0"))
        for statistic, value, word in (*compared, ("agreement", None, "DIFF" if at == 2 else "PASS")):
            rows.add("published", statistic, value, term=name, text=word)


def _hide(frame: pd.DataFrame) -> pd.DataFrame:
    """One cell of each kind of result withheld, and the end of a curve."""
    frame = frame.copy()
    one = frame["visit"].eq("v2") & frame["arm"].isin(["arm1", ""]) & frame["analysis"].isin(["main", "description", "response"])
    late = frame["term"].isin(["curve"]) & frame["day"].gt(60) & frame["arm"].eq("arm1")
    counts = frame["term"].eq("at risk") & frame["day"].gt(60) & frame["arm"].eq("arm1")
    flow = frame["term"].str.startswith("discontinued") & frame["arm"].eq("arm1")
    frame.loc[one | counts | flow, ["value", "n", "events"]] = None
    frame.loc[one | counts | flow, "status"] = "withheld"
    frame.loc[frame["term"].eq("curve"), "note"] = "drawn once more than 7 events have gathered since the step before"
    return frame[~late].reset_index(drop=True)
