"""LS means, contrasts, joint tests, adjusted p values and likelihood ratios against R.

emmeans 1.8.4-1, lmerTest 3.1-3, pbkrtest 0.5.2, mvtnorm 1.1-3; data, values and their precision: `inference/README.md`.
Estimates, errors and Kenward-Roger df there hold to 1e-12 of the same V; V itself to 1e-9, as in `test_lmm_against_lme4`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtr
from scipy.stats import studentized_range

from ketaoutcomes.mixed import Contrasts, Estimate, Fit, JointTest, LsMean, NotComparable, likelihood_ratio, lmm, mmrm, moments, ols
from ketaoutcomes.mixed.multiplicity import adjust

HERE = Path(__file__).parent
R = json.loads((HERE / "inference" / "inference.json").read_text())
FAMILIES = json.loads((HERE / "inference" / "families.json").read_text())
ARMS = {"clinic": ["placebo", "ketamine"], "scheduled": ["placebo", "ketamine"], "three_arm": ["placebo", "ket_low", "ket_high"]}
FIXED = {"clinic": "base + arm * time", "scheduled": "base + arm * visit", "three_arm": "base + region + arm * day"}
VISITS = {"scheduled": [f"V{k}" for k in range(1, 7)], "three_arm": ["2", "8", "15", "22", "28"]}
VISIT = {"scheduled": "visit", "three_arm": "day"}
METHODS = {"satterthwaite": "satterthwaite", "kenward-roger": "kenward-roger-pbkrtest"}
TOLERANCE = 1e-8
# lmerTest's finite differences, through emmeans (1.5e-8) and anova (3e-7)
BY_DIFFERENCES = 5e-7


def read(name: str) -> pd.DataFrame:
    """The region "NA" is text."""
    file = HERE / ("simulated/trial_three_arm.csv" if name == "three_arm" else f"lmm/{name}.csv")
    return pd.read_csv(file, keep_default_na=False)


def levels(name: str) -> dict[str, list[str]]:
    found = {"arm": ARMS.get(name, ARMS["clinic"])}
    if name in VISIT:
        found[VISIT[name]] = VISITS[name]
    return {**found, "region": ["EU", "NA", "ROW"]} if name == "three_arm" else found


@cache
def fitted(name: str, df: str = "satterthwaite") -> Fit:
    if df != "satterthwaite":
        return fitted(name).with_inference(METHODS[df])
    return lmm(read(name), f"{'chg' if name == 'three_arm' else 'y'} ~ {FIXED[name]}", levels=levels(name), subject="id", df="satterthwaite")


DF = pytest.mark.parametrize("df", METHODS)


def assert_rows(ours: Sequence[Estimate], theirs: Any, closed: Any, df: str) -> None:
    """Estimates relative to their errors: a difference near 0 is no better than the coefficients it is made of."""
    short = "kr" if df == "kenward-roger" else df
    se, degrees = np.array(closed[f"{short}_se"]), closed[f"{short}_df"]
    estimate = theirs.get("emmean", theirs.get("estimate"))
    np.testing.assert_allclose([e.estimate for e in ours] / se, estimate / se, rtol=0, atol=TOLERANCE)
    for field, wanted, tolerance in (
        ("se", se, TOLERANCE),
        ("df", degrees, TOLERANCE),
        ("df", theirs["df"], BY_DIFFERENCES),
        # p of a large t has its relative error times t squared
        ("p", theirs["p.value"], 1e-5),
    ):
        np.testing.assert_allclose([getattr(e, field) for e in ours], wanted, rtol=tolerance, err_msg=field)
    for field, column in (("t", "t.ratio"), ("lower", "lower.CL"), ("upper", "upper.CL")):
        size = np.ones(len(se)) if field == "t" else se
        np.testing.assert_allclose([getattr(e, field) for e in ours] / size, theirs[column] / size, rtol=TOLERANCE, atol=TOLERANCE, err_msg=field)


def assert_linear_functions(fit: Fit, name: str, ours: Sequence[Any], theirs: Any, in_r_order: Callable[..., np.ndarray]) -> None:
    """The weights themselves, in R's order of the coefficients."""
    order = in_r_order(fit, [term.replace("visit", VISIT.get(name, "visit")) for term in R["fits"][name]["terms"]])
    np.testing.assert_allclose(np.array([e.weights for e in ours])[:, order], theirs, rtol=1e-12, atol=1e-14)


@DF
@pytest.mark.parametrize(
    ("entry", "name", "by", "at", "weights"),
    [
        ("scheduled_arm_visit", "scheduled", ("visit", "arm"), None, "equal"),
        ("scheduled_arm_visit_base30", "scheduled", ("visit", "arm"), {"base": 30}, "equal"),
        ("three_arm_visit_base30", "three_arm", ("day", "arm"), {"base": 30}, "equal"),
        *(
            (f"three_{what}_{theirs}", "three_arm", by, None, ours)
            for what, by in (("arm_visit", ("day", "arm")), ("arm", ("arm",)), ("region", ("region",)))
            for theirs, ours in (("equal", "equal"), ("proportional", "observed"))
        ),
    ],
)
def test_ls_means(entry: str, name: str, by: tuple[str, ...], at: Any, weights: Any, df: str, in_r_order: Callable[..., np.ndarray]) -> None:
    theirs, fit = R["means"][entry], fitted(name, df)
    ours = fit.ls_means(by, at=at, weights=weights)
    for factor in by:
        assert [m.cell[factor] for m in ours] == theirs[df]["visit" if factor == "day" else factor]
    assert_linear_functions(fit, name, ours, theirs["linfct"], in_r_order)
    assert_rows(list(ours), theirs[df], theirs["closed_form"], df)
    table = ours.tidy()
    assert list(table["estimate"]) == [m.estimate for m in ours]
    assert list(table[by[-1]]) == [m.cell[by[-1]] for m in ours]


@DF
def test_ls_means_at_times_of_a_trend(df: str, in_r_order: Callable[..., np.ndarray]) -> None:
    fit = fitted("clinic", df)
    grids = [fit.ls_means(("arm",), at={"base": 30, "time": time}) for time in (0, 4, 12, 24)]
    means: list[LsMean] = [mean for grid in grids for mean in grid]
    contrasts = [contrast for grid in grids for contrast in grid.against("arm")]
    for entry, ours in (("clinic_arm_time_base30", means), ("clinic_contrast_time_base30", contrasts)):
        theirs = R["means"][entry]
        assert_linear_functions(fit, "clinic", ours, theirs["linfct"], in_r_order)
        assert_rows(ours, theirs[df], theirs["closed_form"], df)


def contrasts_of(entry: str, fit: Fit) -> Contrasts:
    name, kind, over, *weights = entry.split("_")
    visit = "visit" if name == "scheduled" else "day"
    if over == "visit":
        means = fit.ls_means((visit, "arm"))
    elif weights == ["proportional"]:
        means = fit.ls_means(("arm",), weights="observed")
    else:
        means = fit.ls_means((visit, "arm")).averaged(visit)
    return means.pairwise("arm") if kind == "pairwise" else means.against("arm")


CONTRASTS = (
    "scheduled_contrast_visit",
    "scheduled_contrast_average",
    "three_contrast_visit",
    "three_pairwise_visit",
    "three_contrast_average_equal",
    "three_contrast_average_proportional",
    "three_pairwise_average",
)


@DF
@pytest.mark.parametrize("entry", CONTRASTS)
def test_contrasts(entry: str, df: str, in_r_order: Callable[..., np.ndarray]) -> None:
    """`averaged` weights the visits equally; in proportion is `weights="observed"`."""
    name = "scheduled" if entry.startswith("scheduled") else "three_arm"
    theirs, fit = R["means"][entry], fitted(name, df)
    ours = contrasts_of(entry, fit)
    by_visit = theirs[df].get("visit")
    labels = theirs[df]["contrast"]
    visit = VISIT[name]
    assert [c.label for c in ours] == ([f"{label}, {visit} {v}" for label, v in zip(labels, by_visit, strict=True)] if by_visit else labels)
    assert list(ours.tidy()["contrast"]) == [c.label for c in ours]
    assert_linear_functions(fit, name, list(ours), theirs["linfct"], in_r_order)
    assert_rows(list(ours), theirs[df], theirs["closed_form"], df)


@DF
def test_another_reference_and_pairs_the_other_way(df: str) -> None:
    """emmeans' revpairwise: every later level minus every earlier one."""
    fit, theirs = fitted("three_arm", df), R["means"]["three_revpairwise_visit"]
    means = fit.ls_means(("day", "arm"))
    reverse = {c.label: c for c in [*means.against("arm", "placebo"), *means.against("arm", "ket_low")]}
    ours = [reverse[f"{label}, day {visit}"] for label, visit in zip(theirs[df]["contrast"], theirs[df]["visit"], strict=True)]
    assert_rows(ours, theirs[df], theirs["closed_form"], df)


@DF
def test_pairs_of_cells(df: str) -> None:
    """All 105 pairs of arm and visit as differences of weights."""
    fit, theirs = fitted("three_arm", df), R["means"]["three_pairwise_all"]
    means = {(m.cell["arm"], m.cell["day"]): m for m in fit.ls_means(("day", "arm"))}
    pairs = [[cell.rsplit(" visit", 1) for cell in label.split(" - ")] for label in theirs[df]["contrast"]]
    ours = [fit.contrast(means[tuple(a)].weights - means[tuple(b)].weights) for a, b in pairs]
    assert_rows(ours, theirs[df], theirs["closed_form"], df)


def assert_joint(ours: JointTest | Any, theirs: Any, tolerance: float) -> None:
    f, ndf, ddf, p = ((ours.f, ours.numerator_df, ours.denominator_df, ours.p)) if isinstance(ours, JointTest) else ours
    assert ndf == theirs["ndf"]
    np.testing.assert_allclose([f, ddf], [theirs["F"], theirs["ddf"]], rtol=tolerance)
    # d log p / d log F is about -F times the numerator df, at most 150.
    np.testing.assert_allclose(p, theirs["p"], rtol=200 * tolerance)


def type3(name: str, df: str) -> dict[str, dict[str, float]]:
    theirs = R["joint"][name][df]["lmerTest_type3"]
    columns = {"F": "F value", "ndf": "NumDF", "ddf": "DenDF", "p": "Pr(>F)"}
    return {term: {short: theirs[column][k] for short, column in columns.items()} for k, term in enumerate(theirs["term"])}


@DF
@pytest.mark.parametrize("name", FIXED)
def test_joint_tests_of_every_term(name: str, df: str) -> None:
    """SAS type 3 (lmerTest) where it is the same hypothesis.

    lmerTest rounds its contrasts to seven digits: a sixth of each visit moves F by 3e-7, and with 0.1666667 ours is the same.
    In `clinic` the arm is not the same, which lmerTest takes at time 0 and we, as emmeans, at the mean time.
    """
    fit, theirs = fitted(name, df), type3(name, df)
    table = fit.joint_tests().set_index("term")
    assert [term.replace("day", "visit") for term in table.index] == list(FIXED_TERMS[name])
    for term, row in table.iterrows():
        label = str(term).replace("day", "visit")
        if (name, label) != ("clinic", "arm"):
            assert_joint((row["f"], row["numerator_df"], row["denominator_df"], row["p_value"]), theirs[label], BY_DIFFERENCES)


def test_lmertest_rounds_its_contrasts() -> None:
    """The reason for 3e-7 in F above: at 0.1666667 of each visit our F is lmerTest's to 1e-9."""
    fit = fitted("scheduled")
    row = [1.0 if term == "arm[ketamine]" else 0.1666667 * term.startswith("arm") for term in fit.terms]
    assert fit.joint_test([row]).f == pytest.approx(type3("scheduled", "satterthwaite")["arm"]["F"], rel=1e-9)


FIXED_TERMS = {
    "clinic": ("base", "arm", "time", "arm:time"),
    "scheduled": ("base", "arm", "visit", "arm:visit"),
    "three_arm": ("base", "region", "arm", "visit", "arm:visit"),
}


@DF
@pytest.mark.parametrize("name", FIXED)
def test_joint_tests_against_emmeans(name: str, df: str) -> None:
    """F as emmeans rounds it, to three decimals; it leaves numeric terms out unless they interact, and pools df its own way."""
    theirs = R["joint"][name][df]["joint_tests"]
    ours = fitted(name, df).joint_tests().set_index("term").rename(lambda term: str(term).replace("day", "visit"))
    for term, numerator, f in zip(theirs["model term"], theirs["df1"], theirs["F.ratio"], strict=True):
        assert ours.loc[term, "numerator_df"] == numerator
        if df == "satterthwaite" or numerator == 1:
            assert ours.loc[term, "f"] == pytest.approx(f, abs=5.1e-4)


@DF
@pytest.mark.parametrize("name", FIXED)
def test_joint_test_against_the_formulas(name: str, df: str) -> None:
    fit, theirs = fitted(name, df), R["joint"][name]["closed_form"]
    kind = "joint_kr" if df == "kenward-roger" else "joint_satterthwaite"
    rows = np.eye(len(fit.terms))
    arms = [k for k, term in enumerate(fit.terms) if term.startswith("arm")]
    interaction = [k for k in arms if ":" in fit.terms[k]]
    assert_joint(fit.joint_test(rows[arms]), theirs["arm_and_interaction"][kind], TOLERANCE)
    assert_joint(fit.joint_test(rows[interaction]), theirs["interaction"][kind], TOLERANCE)
    if name == "clinic":
        return
    means = fit.ls_means((VISIT[name], "arm"))
    family = means.against("arm")
    for visit, wanted in theirs["arm_at_visit"].items():
        members = [c.weights for c in family if c.label.endswith(f" {visit}")]
        assert_joint(fit.joint_test(members), wanted[kind], TOLERANCE)
    assert_joint(means.averaged(VISIT[name]).against("arm").joint_test(), theirs["arm_averaged"][kind], TOLERANCE)


def family(entry: str) -> tuple[Contrasts, Any]:
    which, df = entry.split("_", 1)
    fit = fitted("three_arm", df)
    means = fit.ls_means(("day", "arm")) if which == "all" else fit.ls_means(("arm",), at={"day": "28"})
    return means.against("arm"), FAMILIES["families"][entry]


@pytest.mark.parametrize("entry", FAMILIES["families"])
@pytest.mark.parametrize("method", ["holm", "hochberg", "bonferroni"])
def test_adjusted_p_values(entry: str, method: str) -> None:
    """R's p.adjust of p values that agree to 1e-8; Bonferroni's limits with each contrast's own df."""
    ours, theirs = family(entry)
    table = ours.adjusted(method)
    np.testing.assert_allclose([c.p for c in ours], theirs["p"], rtol=TOLERANCE)
    np.testing.assert_allclose(table["p_value"], theirs[method], rtol=TOLERANCE)
    assert list(table["contrast"]) == [c.label for c in ours]
    if method != "bonferroni":
        assert table[["conf_low", "conf_high"]].isna().all(axis=None)
        return
    se = table["std_error"].to_numpy()
    for limit, column in (("conf_low", "bonferroni_lower"), ("conf_high", "bonferroni_upper")):
        np.testing.assert_allclose(table[limit] / se, theirs[column] / se, rtol=0, atol=10 * TOLERANCE)


@pytest.mark.parametrize("entry", FAMILIES["families"])
def test_dunnett(entry: str) -> None:
    """Quasi-Monte Carlo with 50 000 points is good to 3e-5 in p, so to 3e-4 in the critical value.

    R's values of the ten-contrast families are good to 2e-5 themselves.
    """
    ours, theirs = family(entry)
    table, wanted = ours.adjusted("dunnett"), theirs["dunnett"]
    np.testing.assert_allclose(ours._inference.correlation(np.array([c.weights for c in ours])), theirs["correlation"], atol=TOLERANCE)
    np.testing.assert_allclose(min(c.df for c in ours), wanted["df"], rtol=TOLERANCE)
    np.testing.assert_allclose(table["p_value"], wanted["p"], rtol=0, atol=5e-5)
    se = table["std_error"].to_numpy()
    np.testing.assert_allclose((table["conf_high"] - table["conf_low"]) / 2 / se, wanted["critical"], rtol=0, atol=5e-4)
    np.testing.assert_allclose((table["conf_low"] - wanted["lower"]) / se, 0, atol=5e-4)
    np.testing.assert_allclose((table["conf_high"] - wanted["upper"]) / se, 0, atol=5e-4)
    if len(ours) == 2:
        assert table.equals(ours.adjusted("dunnett"))  # a fixed seed


@pytest.mark.parametrize("entry", FAMILIES["equicorrelated"])
def test_largest_t_of_equicorrelated_estimates(entry: str) -> None:
    """Quadrature; also for df that are not whole, where mvtnorm has none. Largest error found: 2e-5 in p, 2.2e-4 in the critical value."""
    theirs = FAMILIES["equicorrelated"][entry]
    k, df = theirs["k"], theirs["df"]
    at = np.arange(k) % 4
    t, p = np.array(theirs["t"][::-1])[at], np.array(theirs["p_quadrature"][::-1])[at]
    found = adjust("dunnett", t, 2 * stdtr(df, -t), np.full(k, df), 0.5 + 0.5 * np.eye(k), 0.95)
    np.testing.assert_allclose(found.p, p, rtol=0, atol=5e-5)
    np.testing.assert_allclose(found.critical, theirs["critical_quadrature"], rtol=0, atol=5e-4)


@pytest.mark.parametrize(("arms", "df"), [(3, 75.0), (4, 20.0), (5, 7.3)])
def test_all_pairs_of_equal_arms_are_tukeys_test(arms: int, df: float) -> None:
    """The studentised range; all pairs are of rank arms - 1, so their correlation is singular."""
    pairs = np.array([np.eye(arms)[i] - np.eye(arms)[j] for i in range(arms) for j in range(i)])
    m = len(pairs)
    t = np.resize([1.0, 2.4, 5.0], m)
    found = adjust("dunnett", t, 2 * stdtr(df, -t), np.full(m, df), pairs @ pairs.T / 2, 0.95)
    np.testing.assert_allclose(found.p, studentized_range.sf(t * np.sqrt(2), arms, df), rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.critical, studentized_range.ppf(0.95, arms, df) / np.sqrt(2), rtol=0, atol=1e-3)


def test_contrasts_that_depend_on_others() -> None:
    """All pairs of three arms: p values for the family, and the F test of two of them."""
    averaged = fitted("three_arm").ls_means(("day", "arm")).averaged("day")
    pairs, one_reference = averaged.pairwise("arm"), averaged.against("arm")
    table = pairs.adjusted("dunnett")
    single = np.array([c.p for c in pairs])
    assert ((single < table["p_value"]) & (table["p_value"] < np.minimum(3 * single, 1))).all()
    for df in ("satterthwaite", "kenward-roger", "kenward-roger-pbkrtest", "between-within", "residual"):
        fit = fitted("three_arm").with_inference(df)
        found, expected = (fit.joint_test([c.weights for c in family]) for family in (pairs, one_reference))
        assert found.numerator_df == 2
        assert found.f == pytest.approx(expected.f, rel=1e-9)


def test_small_p_values_stay_between_one_test_and_all() -> None:
    """Below the error of the integration its p would be 0 or worse; one test and Bonferroni bound it at every correlation."""
    t, df = np.array([0.3, 9.0, 12.0]), np.array([60.0, 50.0, 55.0])
    found = adjust("dunnett", t, 2 * stdtr(df, -t), df, 0.5 + 0.5 * np.eye(3), 0.95)
    single = 2 * stdtr(50.0, -t)
    assert (single <= found.p).all()
    assert (found.p <= 3 * single).all()


def test_dunnett_of_one_contrast_is_its_t_test() -> None:
    one = fitted("scheduled").ls_means(("visit", "arm")).averaged("visit").against("arm")
    table = one.adjusted("dunnett")
    assert table["p_value"].iloc[0] == pytest.approx(one[0].p, rel=1e-12)
    assert list(table[["conf_low", "conf_high"]].iloc[0]) == pytest.approx([one[0].lower, one[0].upper], rel=1e-12)


def parts(random: str) -> dict[str, Any] | None:
    """R's random part in our arguments; None for lm."""
    if random == "lm":
        return None
    return {
        "random": ("1", "time") if "time" in random else "1",
        "correlated": "||" not in random,
        "site": "site" if "site" in random else None,
    }


RATIO_LOGLIK = 1e-11


@cache
def by_random(data: str, random: str, reml: bool, formula: str = "y ~ base + arm * time") -> Fit:
    said = parts(random)
    assert said is not None
    return lmm(read(data), formula, levels=levels_of(formula, data), subject="id", reml=reml, df="satterthwaite", **said)


def levels_of(formula: str, data: str) -> dict[str, list[str]]:
    return {name: known for name, known in levels(data).items() if name in formula}


# Our least squares is REML only.
RATIOS = [name for name, entry in R["lrt_random"].items() if entry["without"] != "lm" or entry["reml"]]


@pytest.mark.parametrize("entry", RATIOS)
def test_likelihood_ratio_of_a_random_effect(entry: str) -> None:
    """A variance on the boundary: half chi-square of q, half of q + 1. The statistics hold to 1e-8, p to that times itself."""
    theirs = R["lrt_random"][entry]
    data = entry.split("_")[0] if entry.startswith(("clinic", "scheduled")) else "_".join(entry.split("_")[:2])
    reml = theirs["reml"]
    larger = by_random(data, theirs["full"], reml)
    smaller = least_squares(data) if theirs["without"] == "lm" else by_random(data, theirs["without"], reml)
    for fit, column in ((larger, "logLik_full"), (smaller, "logLik_without")):
        assert fit.loglik == pytest.approx(theirs[column], rel=RATIO_LOGLIK)
    found = likelihood_ratio(larger, smaller)
    assert found.df == (theirs["q"], theirs["q"] + 1)
    assert found.statistic == pytest.approx(theirs["statistic"], abs=2e-8)
    assert found.p == pytest.approx(theirs["p_mixture"], rel=1e-7)


def least_squares(data: str) -> Fit:
    return ols(read(data), "y ~ base + arm * time", levels={"arm": ARMS["clinic"]})


@pytest.mark.parametrize("seed", [1, 10, 28])
def test_rounding_does_not_reach_the_mixture(seed: int) -> None:
    """Half of the mixture is a point at 0: two fits that are one model must not differ by 1e-13 and halve p."""
    rng, n = np.random.default_rng(seed), 30
    data = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "time": np.tile(np.arange(4.0), n)})
    data["y"] = 50 + data["time"] + rng.normal(0, 2, n)[data["id"]] + rng.normal(0, 2, 4 * n)
    larger = lmm(data, "y ~ time", subject="id", random=("1", "time"), correlated=False)
    found = likelihood_ratio(larger, lmm(data, "y ~ time", subject="id"))
    assert larger.flags == ("boundary",)
    assert (found.statistic, found.p) == (0.0, 1.0)


@pytest.mark.parametrize("entry", R["lrt_fixed"])
def test_likelihood_ratio_of_fixed_effects(entry: str) -> None:
    theirs = R["lrt_fixed"][entry]
    name = "three_arm" if entry.startswith("three") else entry.split("_")[0]
    larger, smaller = (by_ml(name, theirs[which]) for which in ("full", "without"))
    found = likelihood_ratio(larger, smaller)
    assert larger.loglik == pytest.approx(theirs["logLik_full"], rel=RATIO_LOGLIK)
    assert smaller.loglik == pytest.approx(theirs["logLik_without"], rel=RATIO_LOGLIK)
    assert found.df == (theirs["df"],)
    assert found.statistic == pytest.approx(theirs["statistic"], abs=2e-8)
    assert found.p == pytest.approx(theirs["p"], rel=1e-7)


def by_ml(name: str, formula: str) -> Fit:
    fixed, random = formula.replace("visit", VISIT.get(name, "visit")).split(" + (")
    return by_random(name, f"({random}", False, fixed)


@dataclass(frozen=True)
class Refused:
    """Two fits that are not compared."""

    larger: Callable[[], Fit]
    smaller: Callable[[], Fit]
    said: str


def clinic(random: str = "(1 | id)", *, reml: bool = False, formula: str = "y ~ base + arm * time") -> Fit:
    return by_random("clinic", random, reml, formula)


def marginal(covariance: str, formula: str = "y ~ base + arm * visit", *, summed: bool = False) -> Fit:
    said: dict[str, Any] = {"levels": levels("scheduled"), "subject": "id", "visit": "visit"}
    if summed:
        return mmrm(moments(read("scheduled"), formula, **said), covariance=covariance, reml=False)
    return mmrm(read("scheduled"), formula, covariance=covariance, reml=False, **said)


def other_rows() -> Fit:
    return lmm(read("clinic").iloc[1:], "y ~ base + arm * time", levels={"arm": ARMS["clinic"]}, subject="id", reml=False)


def other_values() -> Fit:
    data = read("clinic")
    return lmm(data.assign(y=data["y"] + 1e-3 * (data.index == 0)), "y ~ base + arm * time", levels={"arm": ARMS["clinic"]}, subject="id", reml=False)


def other_people() -> Fit:
    data = read("clinic")
    shuffled = data.assign(other=data.index % 80)
    return lmm(shuffled, "y ~ base + arm * time", levels={"arm": ARMS["clinic"]}, subject="other", reml=False)


def other_slope() -> Fit:
    data = read("clinic")
    curved = data.assign(square=data["time"] ** 2)
    return lmm(curved, "y ~ base + arm * time", levels={"arm": ARMS["clinic"]}, subject="id", random=("1", "square"), reml=False)


def other_sites() -> Fit:
    data = read("clinic")
    moved = data.assign(site=data["id"].str[-1])
    return lmm(moved, "y ~ base + arm * time", levels={"arm": ARMS["clinic"]}, subject="id", site="site", reml=False)


def by_group(group: str, formula: str = "y ~ base + arm * visit") -> Fit:
    data = read("scheduled").assign(half=lambda d: d["id"].str[-1].isin(list("13579")).map({True: "odd", False: "even"}))
    known = {**levels("scheduled"), "half": ["even", "odd"]}
    return mmrm(data, formula, levels=known, subject="id", visit="visit", covariance="cs", group=group, reml=False)


def other_visits() -> Fit:
    swapped = read("scheduled").replace({"visit": {"V1": "V2", "V2": "V1"}})
    return mmrm(swapped, "y ~ base + arm + visit", levels=levels("scheduled"), subject="id", visit="visit", covariance="cs", reml=False)


SHORT = "y ~ base + arm + time"
REFUSED = {
    "other rows": Refused(clinic, other_rows, "same rows"),
    "other values": Refused(clinic, other_values, "same rows"),
    "other people": Refused(clinic, other_people, "same rows"),
    "other slope": Refused(lambda: clinic("(time | id) + (1 | site)"), other_slope, "not a part"),
    "other sites": Refused(lambda: clinic("(time | id) + (1 | site)"), other_sites, "not a part"),
    "groups and fixed effects": Refused(lambda: by_group("arm"), lambda: marginal("cs", "y ~ base + arm + visit"), "one at a time"),
    "other groups and fixed effects": Refused(lambda: by_group("arm"), lambda: by_group("half", "y ~ base + arm + visit"), "one at a time"),
    "random effects and a structure": Refused(lambda: by_random("scheduled", "(1 | id)", False, "y ~ base + arm * visit"), lambda: marginal("us"), "structure"),
    "other visits": Refused(lambda: marginal("cs"), other_visits, "same rows"),
    "another order of the same terms": Refused(clinic, lambda: clinic(formula="y ~ time * arm + base"), "0 random effects"),
    "REML and ML": Refused(clinic, lambda: clinic(reml=True), "same rows"),
    "REML, other fixed effects": Refused(lambda: clinic(reml=True), lambda: clinic(reml=True, formula=SHORT), "reml=False"),
    "two random effects": Refused(lambda: clinic("(time | id) + (1 | site)"), clinic, "2 random effects"),
    "the same twice": Refused(clinic, clinic, "0 random effects"),
    "slopes with and without correlation": Refused(lambda: clinic("(time | id)"), lambda: clinic("(time || id)"), "0 random effects"),
    "the wrong way round": Refused(clinic, lambda: clinic("(time | id)"), "not a part"),
    "site for slope": Refused(lambda: clinic("(time | id)"), lambda: clinic("(1 | id) + (1 | site)"), "not a part"),
    "fixed effects the wrong way round": Refused(lambda: clinic(formula=SHORT), clinic, "not a part"),
    "fixed effects side by side": Refused(lambda: clinic(formula="y ~ arm * time"), lambda: clinic(formula="y ~ base + arm"), "not a part"),
    "fixed and random at once": Refused(lambda: clinic("(time | id)"), lambda: clinic(formula=SHORT), "one at a time"),
    "structures": Refused(lambda: marginal("us"), lambda: marginal("cs"), "not tested against each other"),
    "structure and fixed effects": Refused(lambda: marginal("us"), lambda: marginal("cs", "y ~ base + arm + visit"), "one at a time"),
    "sums": Refused(lambda: marginal("us", summed=True), lambda: marginal("us", "y ~ base + arm + visit"), "not from moments"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_likelihood_ratios_that_are_refused(case: str) -> None:
    with pytest.raises(NotComparable, match=REFUSED[case].said):
        likelihood_ratio(REFUSED[case].larger(), REFUSED[case].smaller())
