"""Binary mixed models against R lme4 1.1-31 and glmmTMB 1.1.5; script `reference/scripts/ref_other.R` in the shared folder.

glmer's optimum and its errors by finite differences are good to about 1e-4; glmmTMB's to about 1e-6. glmer with more than
one node leaves a constant out of the log-likelihood, so that differences of two fits are compared.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import glmm
from ketaoutcomes.mixed import BinaryFit

RELAPSE = "relapse ~ trt * t + base"


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "glmm_binary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def relapse(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "reference" / "relapse_sim.csv")


def cbpp(shared: Path, nodes: int) -> BinaryFit:
    data = pd.read_csv(shared / "reference" / "cbpp.csv")
    levels = {"period": ["1", "2", "3", "4"]}
    return glmm(data, response="incidence", trials="size", fixed=[("period",)], levels=levels, subject="herd", nodes=nodes, df="asymptotic")


def sd(fit: BinaryFit) -> list[float]:
    return [float(value) for value in np.sqrt(np.diag(fit.covariances["subject"]))]


def same_coefficients(fit: BinaryFit, entry: dict[str, Any], beta: float, se: float) -> None:
    np.testing.assert_allclose(fit.params, entry["coef"]["Estimate"], rtol=0, atol=beta)
    np.testing.assert_allclose(fit.bse, entry["coef"]["Std. Error"], rtol=se)


@pytest.mark.parametrize("nodes", [1, 5, 7, 10, 25])
def test_cbpp(shared: Path, reference: dict[str, Any], nodes: int) -> None:
    fit, entry = cbpp(shared, nodes), reference[f"cbpp_nAGQ{nodes}"]
    same_coefficients(fit, entry, 1e-7, 5e-6)
    np.testing.assert_allclose(sd(fit), [entry["theta"]], rtol=1e-6)
    np.testing.assert_allclose(fit.random_effects()["subject"]["estimate"], [value for value in entry["ranef"] if value is not None], atol=1e-6)
    constant = 0.0 if nodes == 1 else cbpp(shared, 25).loglik - reference["cbpp_nAGQ25"]["logLik"]
    np.testing.assert_allclose(fit.loglik - constant, entry["logLik"], rtol=0, atol=2e-8)


def test_cbpp_against_glmmtmb(shared: Path, reference: dict[str, Any]) -> None:
    fit, entry = cbpp(shared, 1), reference["cbpp_glmmTMB"]
    same_coefficients(fit, entry, 2e-6, 1e-6)
    np.testing.assert_allclose(fit.loglik, entry["logLik"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("nodes", [1, 7, 10, 25])
def test_relapse(relapse: pd.DataFrame, reference: dict[str, Any], nodes: int) -> None:
    fit, entry = glmm(relapse, RELAPSE, subject="id", nodes=nodes, df="asymptotic"), reference[f"relapse_ri_nAGQ{nodes}"]
    same_coefficients(fit, entry, 1e-5, 1e-4)
    np.testing.assert_allclose(sd(fit), [entry["theta"]], rtol=1e-5)
    # a higher likelihood is a better optimum
    assert entry["logLik"] - 1e-8 < fit.loglik < entry["logLik"] + 1e-4
    ranef = [value for value in entry["ranef"] if value is not None]
    np.testing.assert_allclose(fit.random_effects()["subject"]["estimate"][: len(ranef)], ranef, atol=2e-4)


def test_relapse_against_glmmtmb(relapse: pd.DataFrame, reference: dict[str, Any]) -> None:
    fit, entry = glmm(relapse, RELAPSE, subject="id", nodes=1, df="asymptotic"), reference["relapse_glmmTMB_id"]
    same_coefficients(fit, entry, 1e-7, 1e-6)
    np.testing.assert_allclose(sd(fit), [entry["sd_id"]], rtol=1e-8)
    np.testing.assert_allclose(fit.loglik, entry["logLik"], rtol=0, atol=1e-10)


def test_relapse_with_a_slope(relapse: pd.DataFrame, reference: dict[str, Any]) -> None:
    """lme4 calls it singular: the correlation is 1."""
    fit, entry = glmm(relapse, RELAPSE, subject="id", random=("1", "t"), nodes=1, df="asymptotic"), reference["relapse_ri_rs_nAGQ1"]
    same_coefficients(fit, entry, 1e-5, 1e-4)
    assert "boundary" in fit.flags
    assert fit.proof.boundary_slope is not None
    assert fit.proof.boundary_slope >= -1e-7
    np.testing.assert_allclose(sd(fit), entry["varcorr"]["sdcor"][:2], rtol=2e-5)
    assert entry["logLik"] < fit.loglik < entry["logLik"] + 1e-4


def test_the_default_is_stable_in_the_number_of_nodes(relapse: pd.DataFrame) -> None:
    fit, finer = (glmm(relapse, RELAPSE, subject="id", nodes=nodes) for nodes in (None, 101))
    assert fit.nodes == 25
    assert abs(fit.proof.quadrature_error) < 1e-5
    assert abs(fit.loglik - finer.loglik) < 1e-6
    np.testing.assert_allclose(fit.params, finer.params, atol=1e-6)


def test_participants_within_clinics(relapse: pd.DataFrame, reference: dict[str, Any]) -> None:
    fit, entry = glmm(relapse, RELAPSE, subject="id", site="clinic", nodes=1, df="asymptotic"), reference["relapse_glmmTMB_clinic_id"]
    same_coefficients(fit, entry, 1e-5, 1e-4)
    np.testing.assert_allclose([sd(fit)[0], float(np.sqrt(fit.covariances["site"].iloc[0, 0]))], [entry["sd_id"], entry["sd_clinic"]], rtol=1e-5)
    assert entry["logLik"] - 1e-9 < fit.loglik < entry["logLik"] + 1e-7
    same_coefficients(fit, reference["relapse_id_in_clinic_nAGQ1"], 1e-5, 1e-4)
