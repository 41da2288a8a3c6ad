"""Two-arm relapse trials with sites: the plan, what is simulated, and truths in closed form.

Everybody is randomised in stable remission, so that nothing but the arm and the site moves the hazard: the hazard ratio given
the site is the parameter, and the risk of the population is an integral over the sites.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from replicates import study_with
from scipy.integrate import quad

from ketaoutcomes.domain.study import Study
from ketaoutcomes.simulate import Withdrawal

#: Ends of the intervals of the model of hazards, in days.
ENDS = (168.0, 336.0)
IN_SITES = replace(Withdrawal(), n=160, stable=1.0, remitters=1.0, sites=8, site_sd=0.4)


def relapse_plan(strata: Sequence[str] = ()) -> Study:
    """The committed withdrawal study with its Cox regression, perhaps in strata, and its model of hazards, without covariates; scores are not read."""
    plan = study_with("esketamine_withdrawal", ["relapse_hazard", "relapse_intervals"])
    cox = plan.analyses["relapse_hazard"].model_copy(update={"strata": list(strata), "landmarks": [ENDS[-1]]})
    hazard = plan.analyses["relapse_intervals"].model_copy(update={"covariates": [], "intervals": list(ENDS)})
    tables = {name: table for name, table in plan.tables.items() if table.provides != "assessments"}
    return plan.model_copy(update={"analyses": {"relapse_hazard": cox, "relapse_intervals": hazard}, "tables": tables})


def relapse_risk(truth: Withdrawal, esketamine: bool, day: float) -> float:
    """Share of everybody with a relapse by a day, integrated over the sites."""
    hazard = math.log(2) / truth.median_days * (truth.hazard_ratio if esketamine else 1.0)

    def without(z: float) -> float:
        return math.exp(-hazard * day * math.exp(truth.site_sd * z) - z**2 / 2) / math.sqrt(2 * math.pi)

    return 1 - float(quad(without, -9, 9, epsabs=1e-12)[0])


def risk_difference(truth: Withdrawal) -> float:
    """Of relapse by the end of the last interval, in percentage points."""
    return 100 * (relapse_risk(truth, True, ENDS[-1]) - relapse_risk(truth, False, ENDS[-1]))
