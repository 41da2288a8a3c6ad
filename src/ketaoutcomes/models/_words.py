"""Words that several method sentences share."""

from __future__ import annotations

from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.instruments import instruments
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
