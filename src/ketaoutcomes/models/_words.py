"""Words that several method sentences share."""

from __future__ import annotations

from ketaoutcomes.domain.endpoints import CutoffEndpoint, ScoreEndpoint
from ketaoutcomes.domain.instruments import ASSUMED, instruments
from ketaoutcomes.domain.study import Study


def response_words(study: Study, endpoint: str) -> str:
    """What a score endpoint is, in words."""
    entry = study.endpoints[endpoint]
    assert isinstance(entry, ScoreEndpoint)
    scale = instruments()[study.parameters[entry.parameter]].name
    return {"value": scale, "change": f"change of {scale} from baseline", "percent_change": f"percent change of {scale} from baseline"}[entry.kind]


def likelihood_words(method: str) -> str:
    """Which likelihood."""
    return "restricted maximum likelihood" if method == "reml" else "full maximum likelihood"


def cutoff_words(study: Study, endpoint: str) -> str:
    """What a cut-off endpoint is, with its source and what a missing score means."""
    entry = study.endpoints[endpoint]
    assert isinstance(entry, CutoffEndpoint)
    scale = instruments()[study.parameters[entry.parameter]]
    cutoff = scale.cutoffs[entry.cutoff]
    rule = {
        "percent_reduction": f"{scale.name} improved by at least {cutoff.value:g} % from baseline",
        "at_most": f"{scale.name} of {cutoff.value:g} or less",
        "at_least": f"{scale.name} of {cutoff.value:g} or more",
    }[cutoff.rule]
    source = "cut-off assumed, no source found" if cutoff.source == ASSUMED else cutoff.source
    missing = "missing scores left out of numerator and denominator" if entry.missing == "observed" else "a missing score counts as not met"
    return f"{rule} ({source}; {missing})"
