"""Design, visits, endpoints and analyses of a proposed study file."""

from __future__ import annotations

from ketaoutcomes.domain.instruments import instruments
from ketaoutcomes.ingest.propose.draft import Draft, mark, text_of
from ketaoutcomes.ingest.propose.scales import When

_CONTROLS = ("placebo", "control", "tau", "usual", "sham", "saline", "midazolam", "waitlist", "waiting", "none", "standard", "patch")
#: Which of several scores is the main one.
_FIRST = ("madrs", "hamd17", "phq9", "bdi2", "qids_sr16", "ids_sr30", "hamd6", "gad7", "hama", "pcl5", "ssi", "bss")


def head(study: str) -> list[str]:
    """The keys above the tables."""
    return [
        "# Proposed from the files. Each line that says confirm is a guess with its evidence: correct the line where it is wrong,",
        "# then take the comment away. Nothing runs while one is left. config/README.md explains every key.",
        f"study: {study}",
        'title: "confirm"  # what the report is called',
        'drug: "confirm"  # what was given, to whom, how',
        "source: real" + mark("or simulated"),
        'obtain: "confirm"  # who to ask for the data',
        "status: confidential" + mark("or open: then everything is released exactly"),
        "privacy: {profile: opensafely}",
        "",
    ]


def instruments_of(draft: Draft) -> list[str]:
    """Scales of the study's own."""
    if not draft.own:
        return []
    lines = ["instruments:"]
    for key, column in draft.own.items():
        seen = mark(f"observed {column.low:g} to {column.high:g}; the lowest possible score. Or name an instrument of the catalogue above")
        highest = f"    maximum: {max(column.high, column.low + 1):g}" + mark("as above")
        lines += [
            f"  {key}:", f"    name: {text_of(column.header)}", f"    label: {text_of(column.header)}", "    measures: confirm", "    kind: continuous",
            f"    minimum: {column.low:g}" + seen, highest, "    unit: points" + mark("as printed"),
            "    better: confirm  # lower or higher", "    rater: confirm  # clinician, self or device", "    source: assumed",
        ]  # fmt: skip
    return [*lines, ""]


def design(draft: Draft) -> list[str]:
    """Arms, periods and visits."""
    arms = draft.arms or {"treated": "Treated"}
    several = len(arms) > 1
    kind = "crossover" if len(draft.arm_columns) > 1 else "parallel" if several else "single_arm"
    lines = ["design:", f"  kind: {kind}" + mark("parallel, withdrawal, crossover, single_arm or observational"), "  arms:"]
    lines += [f"    {name}: {{label: {text_of(label)}}}" + mark("as printed") for name, label in arms.items()]
    if several:
        control = next((name for word in _CONTROLS for name, label in arms.items() if word in label.casefold()), next(iter(arms)))
        lines.append(f"  reference: {control}" + mark("the arm that others are compared with"))
    lines.append(f"  randomised: {'true' if several else 'false'}" + (mark("were the arms drawn by lot?") if several else ""))
    lines += [f"  site: {draft.site}"] if draft.site else []
    baseline = "baseline" if "baseline" in draft.visits or not draft.visits else next(iter(_ordered(draft)))
    lines += ["", "periods:"]
    columns = draft.arm_columns or [""]
    for at, arm in enumerate(columns):
        period = "main" if len(columns) == 1 else f"period{at + 1}"
        said = f", arm: {arm}" if arm and several else ""
        lines.append(
            f"  - {{id: {period}, label: {'Treatment' if period == 'main' else f'Period {at + 1}'}{said}, baseline: {{period: {period}, visit: {baseline}}}}}"
        )
        lines[-1] += mark("the scores at this visit are the baseline")
    if draft.visits:
        lines += ["", "visits:"]
        for at in range(len(columns)):
            lines += _visit_lines(draft, "main" if len(columns) == 1 else f"period{at + 1}")
    return [*lines, ""]


def _ordered(draft: Draft) -> dict[str, tuple[When, str]]:
    return dict(sorted(draft.visits.items(), key=lambda pair: pair[1][0].day))


def _visit_lines(draft: Draft, period: str) -> list[str]:
    lines: list[str] = []
    for name, (visit, label) in _ordered(draft).items():
        window = f", window: [{draft.windows[name][0]:g}, {draft.windows[name][1]:g}]" if name in draft.windows else ""
        said = "days from the start, as its name says" if visit.sure else "days from the start: nothing says how many"
        lines.append(f"  - {{id: {name}, period: {period}, label: {text_of(label)}, time: {visit.day:g}{window}}}" + mark(said))
    return lines


def plan(draft: Draft) -> list[str]:
    """Populations, endpoints, rules and analyses."""
    period = "main" if len(draft.arm_columns) < 2 else "period1"
    main = next((name for name in [*_FIRST, *draft.scales] if name in draft.scales), "")
    lines = ["populations:", "  everybody: {label: Everybody in the files}" + mark("whom the report calls so"), ""]
    survival = bool(draft.time and draft.event)
    later = [name for name in _ordered(draft) if name != "baseline"]
    scored = bool(main and len(draft.visits) > 1 and later)
    based = "baseline" in draft.visits
    lines += ["endpoints:"] if survival or scored else []
    responds = scored and based and _responds(draft, main)
    if scored:
        lines.append(f"  {main}_main: {{kind: {'change' if based else 'value'}, parameter: {main}}}")
        lines += (
            [f"  {main}_response: {{kind: cutoff, parameter: {main}, cutoff: response_50, missing: observed}}" + mark("or missing: nonresponse")]
            if responds
            else []
        )
    if survival:
        lines += ["  time_to_event: {kind: time_to_event, rule: recorded_event}", "", "rules:", "  recorded_event:"]
        lines += [
            "    kind: recorded",
            f"    period: {period}",
            f"    time: {draft.time}",
            f"    event: {draft.event}" + mark("is the flag yes for the event, or for the end without one?"),
        ]
        lines += ["    censored_as: no event by the last contact", '    source: "confirm"  # where the definition of the event stands']
    return [*lines, "", "analyses:", *_analyses(draft, period, main if scored else "", responds=responds, survival=survival, last=later[-1] if later else "")]


def _responds(draft: Draft, main: str) -> bool:
    scale = instruments().get(draft.scales[main])
    return scale is not None and "response_50" in scale.cutoffs


def _title(draft: Draft, main: str) -> str:
    scale = instruments().get(draft.scales[main])
    return text_of(scale.name if scale else draft.own[draft.scales[main]].header)


def _analyses(draft: Draft, period: str, main: str, *, responds: bool, survival: bool, last: str) -> list[str]:
    several = len(draft.arms) > 1
    common = ["    population: everybody", f"    period: {period}"]
    primary = "    primary: true" + mark("the main question of the study")
    lines = ["  description:", "    model: descriptive", "    title: Participants and observed scores", *common]
    lines += [f"    parameters: [{main}]"] if main else []
    lines += [f"    baseline: [{', '.join(draft.baseline[:12])}]"] if draft.baseline else []
    lines += [] if main or survival else [primary]
    if main:
        lines += [
            "  main:",
            f"    model: {'mmrm' if several else 'lmm'}",
            primary,
            f"    title: {_title(draft, main)} over the visits",
            f"    endpoint: {main}_main",
        ]
        lines += [*common, *([] if several else ["    time: categorical"]), f"    visit: {last}" + mark("the visit of the main result")]
    if responds:
        lines += [
            "  response:",
            "    model: proportions",
            "    title: Response, observed cases",
            f"    endpoint: {main}_response",
            *common,
            f"    visits: [{last}]",
        ]
    if survival:
        first = [] if main else [primary]
        model = "cox" if several else "kaplan_meier"
        every = f"    at_risk_every: {max(1, round(draft.last / 6))}"
        lines += ["  event:", f"    model: {model}", *first, "    title: Time to the event", "    endpoint: time_to_event", *common]
        lines += [] if several else [every]
        curve = ["  curve:", "    model: kaplan_meier", "    title: Time without the event", "    endpoint: time_to_event", *common, every]
        lines += curve if several else []
    return lines
