"""The order of a report: what each section asks, and which displays answer it.

The order follows CONSORT 2025 (Hopewell et al., BMJ 2025;389:e081123) for trials and STROBE (von Elm et al., PLoS Med
2007;4:e296) with RECORD (Benchimol et al., PLoS Med 2015;12:e1001885) for clinics: who, what happened, harms, limits, methods.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes
    ----------
    id
        Anchor in the page.
    heading
        What it answers.
    displays
        Displays as stage/name, in reading order.
    absent
        What is said where none of them has anything to show; empty: the section is left out.
    """

    id: str
    heading: str
    displays: tuple[str, ...]
    absent: str = ""


def _of(stage: str, names: str) -> tuple[str, ...]:
    return tuple(f"{stage}/{name}" for name in names.split())


SECTIONS = (
    Section(
        "who",
        "Who was studied",
        (*_of("figures", "flow"), *_of("tables", "disposition baseline"), *_of("figures", "balance")),
        "The plan describes no participants.",
    ),
    Section(
        "happened",
        "What happened",
        (
            *_of("figures", "trajectory over_visits forest"),
            *_of("tables", "outcome over_time response risks weighting ranks categories testing"),
        ),
        "No analysis of scores or of response has anything to show.",
    ),
    Section(
        "lasts",
        "Does it last",
        (*_of("figures", "relapse_curve cumulative_incidence"), *_of("tables", "relapse answers incidence landmark")),
        "The plan holds no analysis of relapse or of time to an event: this report says nothing about durability.",
    ),
    Section(
        "whom",
        "For whom, where and at what dose",
        (*_of("figures", "site_means site_sizes doses"), *_of("tables", "subgroups sites exposure associations")),
        "The plan holds no analysis by subgroup, site or dose.",
    ),
    Section(
        "safe",
        "Is it safe",
        (*_of("figures", "session_courses"), *_of("tables", "sessions courses adverse_events")),
        "The data hold no sessions, measures around them or adverse events: this report says nothing about safety.",
    ),
    Section(
        "sure",
        "How sure are we",
        (*_of("figures", "missing_scores dropout model_checks"), *_of("tables", "missing seen models")),
        "No display of missing scores or of models has anything to show.",
    ),
)
#: Anchor to heading, of every section of the page.
PLACES = {
    "result": "Main result",
    **{section.id: section.heading for section in SECTIONS},
    "methods": "How it was done",
    "published": "Published numbers",
    "deviations": "Deviations from the plan",
    "disclosure": "Disclosure and provenance",
}
#: Displays of the sections that are words first, and all of them in their order.
PUBLISHED = _of("figures", "agreement") + _of("tables", "published")
METHODS = _of("tables", "definitions")
DEVIATIONS = _of("tables", "deviations")
WITHHELD = _of("tables", "withheld")
LAST = METHODS + PUBLISHED + DEVIATIONS + WITHHELD
#: Displays that are left out, not explained, where a study has nothing for them.
WHERE_THERE_ARE = set(_of("tables", "testing categories courses over_time sites answers subgroups disposition")) | set(
    _of("figures", "balance over_visits cumulative_incidence site_means site_sizes doses session_courses missing_scores dropout model_checks agreement")
)
