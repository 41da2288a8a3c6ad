"""Rules in words."""

from __future__ import annotations

from ketaoutcomes.domain.rules import AfterCourse, DaysRule, FirstEventRule, FirstOfRule, Looking, RecordedRule, Rule, RunRule, ShippedRule, shipped_rules


def rule_words(rule: Rule, cutoffs: dict[str, str]) -> str:
    """What a rule counts, when people without the event are censored, and its source.

    `cutoffs` gives the words of each cut-off of the rule's parameter.
    """
    if isinstance(rule, ShippedRule):
        return f"{shipped_rules()[rule.rule].label}: {rule_words(rule.resolved, cutoffs)}"
    if isinstance(rule, RecordedRule):
        return f"time and event as recorded; those without it are censored there: {rule.censored_as} ({rule.source})"
    if isinstance(rule, FirstEventRule):
        beside = f"; {_either(rule.competing)} is a competing event" if rule.competing else ""
        return f"the first {_either(rule.types)} from the start of the period on{beside}; without one, censored when follow-up ends ({rule.source})"
    if isinstance(rule, FirstOfRule):
        return f"the first of: {'; or '.join(_watched_words(part, cutoffs) for part in rule.of)} ({rule.source})"
    return f"{_watched_words(rule, cutoffs)} ({rule.source})"


def _either(events: list[str]) -> str:
    return " or ".join(event.replace("_", " ") for event in events)


def _watched_words(rule: Looking, cutoffs: dict[str, str]) -> str:
    words = [_run_words(rule, cutoffs) if isinstance(rule, RunRule) else _days_words(rule)]
    words += [f"or {_either(rule.events)}"] if rule.events else []
    words += [] if rule.origin == "period_start" else [_origin_words(rule, cutoffs)]
    words += [f"nothing counts before day {rule.grace:g}"] if rule.grace else []
    words += [f"dropping out counts as the event{f', {rule.dropout.plus:g} days later' if rule.dropout.plus else ''}"] if rule.dropout else []
    words += [f"{_either(rule.competing)} is a competing event"] if rule.competing else []
    ends = {"last_look": "the last assessment", "last_start": "the last assessment with which it could have begun", "follow_up": "the end of follow-up"}
    words.append(f"others are censored at {ends[rule.censored_at]}")
    open_ = [f"{key.replace('_', ' ')} ({chosen.reason})" for key, chosen in rule.chosen.items()]
    words += [f"chosen by us: {', '.join(open_)}"] if open_ else []
    return ", ".join(words[:2]) + "".join(f"; {part}" for part in words[2:])


def _run_words(rule: RunRule, cutoffs: dict[str, str]) -> str:
    state = {"met": cutoffs[rule.cutoff], "not_met": f"no longer {cutoffs[rule.cutoff]}", "missing": "no score"}[rule.when]
    number = "once" if rule.of == 1 else f"at {rule.met} {'consecutive' if rule.met == rule.of else f'of {rule.of} adjacent'} {rule.looks}"
    apart = f" {rule.gap[0]:g} to {rule.gap[1]:g} days apart" if rule.gap else ""
    missing = {"met": ", a missing one counts", "not_met": ", a missing one does not count", "skipped": ", missing ones are passed over"}[rule.missing]
    missing = "" if rule.looks == "records" or rule.when == "missing" else missing
    dated = f"dated by the {'first' if rule.dated == 'first' else 'last'} of them" if rule.met > 1 else "dated by it"
    return f"{state} {number}{apart}{missing}, {dated}"


def _days_words(rule: DaysRule) -> str:
    types = ", ".join(f"{name} as {days:g} day{'s' if days != 1 else ''}" for name, days in rule.types.items())
    return f"{rule.at_least:g} or more days of use within {rule.window:g} days ({types}), dated by the {'first' if rule.dated == 'first' else 'last'} of them"


def _origin_words(rule: Looking, cutoffs: dict[str, str]) -> str:
    assert not isinstance(rule.origin, str)
    if isinstance(rule.origin, AfterCourse):
        begin = f"counted from the last session before {rule.origin.course_gap:g} days without one"
        begin += f", in people with {cutoffs[rule.origin.cutoff]} at the last assessment until then" if rule.origin.cutoff else ""
        return begin + (", censored when treated again" if rule.retreatment == "censored" else ", whatever treatment follows")
    state = cutoffs.get(rule.origin.cutoff, rule.origin.cutoff)
    if rule.origin.otherwise == "event":
        return f"people without {state} at {rule.origin.visit} have the event there"
    return f"counted from the first {state} on, people who never meet it are not at risk"
