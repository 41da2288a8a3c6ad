"""Cluster-robust errors against R clubSandwich 0.5.8; data, values and their precision: `sandwich/README.md`.

CR0 and CR3 are the same in both. CR2 is not: with S = V - X C X', the covariance of a participant's residuals under the
working model, both take a matrix A with A S A' = V, of which there are many. clubSandwich (Pustejovsky & Tipton 2018)
takes the only symmetric positive definite one, A = S^-1 # V, whatever root it whitens with; we, like R's mmrm, take
A = (V S^-1)^1/2 = (I - H)^-1/2 with H = X C X'V^-1 (Kauermann & Carroll 2001). They are one where V and X C X' commute,
so for independent rows of one variance. Here the errors differ by 3e-4 to 5e-3, the degrees of freedom by 7e-6 to 1e-3. Both are
done densely below, at our V: the one must give R's numbers, the other ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from ketaoutcomes.mixed import Fit, InvalidTerms, lmm, mmrm

HERE = Path(__file__).parent
R = json.loads((HERE / "sandwich" / "sandwich.json").read_text())["fits"]
ARMS = {"arm": ["placebo", "ketamine"]}
VISITS = {"trial_small": ["1", "3", "7", "14"], "negative_cs": ["1", "2", "3", "4"]}
TOLERANCE = 1e-8


@cache
def data(name: str) -> pd.DataFrame:
    folder = {"clinic": "lmm", "trial_small": "simulated", "negative_cs": "gls"}
    return pd.read_csv(HERE / folder[name] / f"{name}.csv", keep_default_na=False).rename(columns={"day": "visit"})


@cache
def fitted(entry: str) -> Fit:
    name, structure = entry.rsplit("_", 1)
    name = name.removesuffix("_weighted")
    if name == "clinic":
        random = "1" if structure == "intercept" else ("1", "time")
        weights = "w" if "weighted" in entry else None
        return lmm(data(name), "y ~ base + arm * time", levels=ARMS, subject="id", random=random, weights=weights, df="satterthwaite")
    formula = f"{'chg' if name == 'trial_small' else 'y'} ~ base + arm * visit"
    levels = {**ARMS, "visit": VISITS[name]}
    return mmrm(data(name), formula, levels=levels, subject="id", visit="visit", covariance=structure, df="satterthwaite")


def assert_errors(vcov: np.ndarray, df: np.ndarray, theirs: Any, tolerance: float = TOLERANCE) -> None:
    se = np.array(theirs["se"])
    np.testing.assert_allclose(np.sqrt(np.diag(vcov)), se, rtol=tolerance)
    np.testing.assert_allclose(vcov / np.outer(se, se), theirs["vcov"] / np.outer(se, se), rtol=0, atol=2 * tolerance)
    np.testing.assert_allclose(df, theirs["df"], rtol=tolerance)


@pytest.mark.parametrize("kind", ["cr0", "cr3"])
@pytest.mark.parametrize("entry", R)
def test_against_clubsandwich(entry: str, kind: str, in_r_order: Callable[..., np.ndarray]) -> None:
    fit, theirs = fitted(entry).with_inference("satterthwaite", kind), R[entry]
    order = in_r_order(fit, theirs["term"])
    se = fit.bse.to_numpy()[order]
    np.testing.assert_allclose(fit.params.to_numpy()[order] / se, theirs["estimate"] / se, rtol=0, atol=TOLERANCE)
    assert_errors(fit.cov_params().to_numpy()[np.ix_(order, order)], fit.df.to_numpy()[order], theirs[kind.upper()])
    # p has the relative error of t times t squared
    np.testing.assert_allclose(fit.pvalues.to_numpy()[order], theirs[kind.upper()]["p"], rtol=1e-5)
    assert (fit.errors, fit.df_method) == (kind, "satterthwaite")


def principal(v: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(V S^-1)^1/2."""
    return np.real(sqrtm(v @ np.linalg.inv(s)))


def symmetric(v: np.ndarray, s: np.ndarray) -> np.ndarray:
    """The symmetric A with A S A = V."""
    root = np.linalg.cholesky(v)
    values, vectors = np.linalg.eigh(root.T @ s @ root)
    return root @ (vectors / np.sqrt(values)) @ vectors.T @ root.T


def identity(v: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.eye(len(v))


def jackknife(v: np.ndarray, s: np.ndarray) -> np.ndarray:
    return v @ np.linalg.inv(s)


def dense(entry: str, adjustment: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Covariance and degrees of freedom from the formulas, rows and V in full, in R's order of the coefficients."""
    fit = fitted(entry)
    x, y, v, who = rows_of(entry, fit)
    inverse = np.linalg.inv(v)
    c = np.linalg.inv(x.T @ inverse @ x)
    hat = x @ c @ x.T @ inverse
    residual = y - hat @ y
    scores, maps = [], []
    for person in np.unique(who):
        at = np.flatnonzero(who == person)
        own = v[np.ix_(at, at)]
        moved = c @ x[at].T @ np.linalg.inv(own) @ adjustment(own, own - x[at] @ c @ x[at].T)
        scores.append(moved @ residual[at])
        maps.append(moved @ (np.eye(len(y))[at] - hat[at]))
    through = np.array(maps)
    middle = np.einsum("ikn,nm,jkm->kij", through, v, through, optimize=True)
    df = np.array([np.trace(p) ** 2 / (p**2).sum() for p in middle])
    return np.einsum("ik,il->kl", scores, scores), df


def rows_of(entry: str, fit: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X in R's order, y, V and participants."""
    frame = data("clinic" if entry.startswith("clinic") else entry.rsplit("_", 1)[0])
    drug, base, who = (frame["arm"] == "ketamine").to_numpy(float), frame["base"].to_numpy(float), pd.factorize(frame["id"])[0]
    same = who[:, None] == who
    if entry.startswith("clinic"):
        time = frame["time"].to_numpy(float)
        z = np.column_stack([np.ones(len(frame)), time])[:, : len(fit.covariances["subject"])]
        noise = fit.covariances["residual"].iloc[0, 0] / (frame["w"] if "weighted" in entry else np.ones(len(frame)))
        v = z @ fit.covariances["subject"].to_numpy() @ z.T * same + np.diag(noise)
        return np.column_stack([np.ones(len(frame)), base, drug, time, drug * time]), frame["y"].to_numpy(), v, who
    k = frame["visit"].rank(method="dense").to_numpy().astype(int) - 1
    later = np.eye(4)[k][:, 1:]
    v = fit.covariances["residual"].to_numpy()[np.ix_(k, k)] * same
    return np.column_stack([np.ones(len(frame)), base, drug, later, drug[:, None] * later]), frame["chg" if "chg" in frame else "y"].to_numpy(), v, who


@pytest.mark.parametrize("entry", R)
def test_the_two_kinds_of_cr2(entry: str, in_r_order: Callable[..., np.ndarray]) -> None:
    theirs = R[entry]["CR2"]
    assert_errors(*dense(entry, symmetric), theirs)
    fit = fitted(entry).with_inference("satterthwaite", "cr2")
    order = in_r_order(fit, R[entry]["term"])
    vcov, df = dense(entry, principal)
    ours = {"vcov": fit.cov_params().to_numpy()[np.ix_(order, order)], "se": fit.bse.to_numpy()[order], "df": fit.df.to_numpy()[order]}
    assert_errors(vcov, df, ours)
    difference = np.abs(ours["se"] / theirs["se"] - 1).max()
    assert 2e-4 < difference < 6e-3


def test_both_kinds_give_residuals_the_variance_they_should_have() -> None:
    """A S A' = V for both, and neither depends on the root of V."""
    rng = np.random.default_rng(1)
    half, x = rng.normal(size=(4, 4)), rng.normal(size=(4, 2))
    v = half @ half.T + np.eye(4)
    s = v - x @ np.linalg.inv(x.T @ np.linalg.inv(v) @ x + np.eye(2)) @ x.T
    one, other = principal(v, s), symmetric(v, s)
    for a in (one, other):
        np.testing.assert_allclose(a @ s @ a.T, v, rtol=1e-10)
    np.testing.assert_allclose(other, other.T, rtol=1e-12)
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize(("kind", "adjustment"), [("cr0", identity), ("cr2", principal), ("cr3", jackknife)])
@pytest.mark.parametrize("entry", ["clinic_weighted_intercept", "clinic_weighted_slope"])
def test_weighted_rows_from_the_formulas(entry: str, kind: str, adjustment: Callable[..., np.ndarray], in_r_order: Callable[..., np.ndarray]) -> None:
    """No R package has these; rounding only."""
    fit = fitted(entry).with_inference("satterthwaite", kind)
    order = in_r_order(fit, R["clinic_slope"]["term"])
    vcov, df = dense(entry, adjustment)
    assert_errors(fit.cov_params().to_numpy()[np.ix_(order, order)], fit.df.to_numpy()[order], {"vcov": vcov, "se": np.sqrt(np.diag(vcov)), "df": df})


def test_sites_are_refused() -> None:
    fit = lmm(data("clinic"), "y ~ base + arm * time", levels=ARMS, subject="id", site="site", df="satterthwaite")
    with pytest.raises(InvalidTerms, match="independent"):
        fit.with_inference("satterthwaite", "cr2")
