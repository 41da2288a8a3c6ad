"""Words that several method sentences share."""

from __future__ import annotations

from ketaoutcomes.domain.endpoints import Numeric, score_words
from ketaoutcomes.domain.study import Study


def response_words(study: Study, endpoint: str) -> str:
    """What a numeric endpoint is, in words."""
    entry = study.endpoints[endpoint]
    assert isinstance(entry, Numeric)
    return score_words(entry, study.scale(entry.parameter), study.visit_labels)


def likelihood_words(method: str) -> str:
    """Which likelihood."""
    return "restricted maximum likelihood" if method == "reml" else "full maximum likelihood"


def population_words(study: Study, population: str) -> str:
    """A population within a sentence."""
    label = study.populations[population].label
    return label[:1].lower() + label[1:]
