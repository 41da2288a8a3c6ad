"""Write what is generated from the code: `python docs/generate.py` (a test holds the committed files in step).

config/README.md            every key of a study file, from its types
workflow/schemas/*.json     the JSON schema of a study file, for editors
docs/how-to/*.md            pages whose code is run; their sources are in docs/sources/
docs/reference/*.md         instruments, rules and tallies with their sources, the ARD's vocabulary, the commands, hard and impossible data
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ketaoutcomes.cli import _parser
from ketaoutcomes.cli._table_formats import DEFAULT, FORMATS
from ketaoutcomes.domain.endpoints import published_tallies
from ketaoutcomes.domain.instruments import ASSUMED, AllOf, Change, Instrument, instruments, plain_words
from ketaoutcomes.domain.rule_words import rule_words
from ketaoutcomes.domain.rules import Definition, FirstOfRule, ShippedRule, shipped_rules
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import NAME
from ketaoutcomes.mixed import Fit, MixedModelError, lmm, mmrm
from ketaoutcomes.plugins import plugins
from ketaoutcomes.schema.ard import KEY, STATISTICS

ROOT = Path(__file__).resolve().parents[1]
_MADE = "<!-- made by docs/generate.py; edit the types it is made from -->\n"


def generated() -> dict[str, str]:
    """Path from the repository's root to text."""
    return {
        "config/README.md": _config(),
        "workflow/schemas/study.schema.json": json.dumps(Study.model_json_schema(by_alias=True), indent=1, sort_keys=True) + "\n",
        "workflow/schemas/config.schema.json": json.dumps(_CONFIG, indent=1) + "\n",
        "docs/reference/instruments.md": _instruments(),
        "docs/reference/rules.md": _rules(),
        "docs/reference/results.md": _results(),
        "docs/reference/commands.md": _commands(),
        "docs/reference/degenerate.md": _degenerate(),
        "docs/how-to/mixed-models.md": _page("mixed-models"),
        "docs/how-to/definitions.md": _page("definitions"),
        "docs/how-to/binary-outcomes.md": _page("binary-outcomes"),
        "docs/how-to/clinics.md": _page("clinics"),
        "docs/how-to/own-cohort.md": _page("own-cohort"),
        "docs/how-to/own-figure.md": _page("own-figure"),
        "docs/how-to/own-target.md": _page("own-target"),
    }


def _page(name: str) -> str:
    sys.path.insert(0, str(ROOT / "docs"))
    from how_to import page

    return f"<!-- made by docs/generate.py from docs/sources/{name}.md -->\n" + page(ROOT / "docs" / "sources" / f"{name}.md")


_CONFIG = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "description": "config/config.yaml: what runs when no study is named",
    "type": "object",
    "additionalProperties": False,
    "required": ["studies"],
    "properties": {
        "studies": {
            "description": "Studies to run, by the name of their file in config/studies/",
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": NAME},
        },
        "table_formats": {
            "description": "Files of each table besides HTML, which the report is made of; `rtf` needs the extra `rtf`",
            "type": "array",
            "uniqueItems": True,
            "items": {"enum": list(FORMATS)},
            "default": list(DEFAULT),
        },
        "blinded": {"description": "A dry run with permuted arms, in results/<study>/blinded/ only", "type": "boolean"},
        "seed": {"description": "Seed of its permutation; from the study's name when not given", "type": "integer", "minimum": 0},
        "inputs": {
            "description": "Set by `ketaoutcomes run`: study to digest of its files as they were when the run began",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    },
}


_SETS = {
    "ordinary": "nothing: the yardstick",
    "one_visit_each": "one visit for each participant",
    "empty_cell": "no values of ketamine at the last visit",
    "constant_outcome": "the outcome is constant",
    "perfect_fit": "the outcome is a linear function of the covariates",
    "zero_between": "no variance between people",
    "collinear": "base2 = 2 base + 3",
    "one_in_arm": "one participant with ketamine",
    "near_singular": "the last visit is the one before plus noise of 1e-5",
    "never_together": "visits 2 and 3 never in one person",
    "tiny_scores": "`ordinary`, scores times 1e-8",
    "huge_scores": "`ordinary`, scores times 1e8",
    "shifted_covariate": "`ordinary`, covariate + 1e8",
    "twelve_visits": "12 visits, 30 people",
}
_DEGENERATE = """# Hard and impossible data

What the engine does where a mixed model is hard or impossible, beside R on the same data: the arm contrast at the last visit
(standard error; df of Satterthwaite), or the refusal. lme4 1.1-31 with lmerTest 3.1-3 and their defaults, nlme 3.1-162 `gls` with an
unstructured covariance; data, scripts and R's full output are in `tests/reference/mixed/degenerate/`, and
`tests/reference/mixed/test_degenerate.py` holds the engine to this table. R's mmrm was not at hand. Its documentation says that a
rank-deficient design is reduced by default, the aliased coefficients being missing (`mmrm_control(accept_singular = TRUE)`).

"""


def _degenerate() -> str:
    folder = ROOT / "tests" / "reference" / "mixed" / "degenerate"
    sets = json.loads((folder / "degenerate.json").read_text(encoding="utf-8"))["sets"]
    rows = ["| data | `lmm`, random intercept | lmer | `mmrm`, unstructured | gls |\n|---|---|---|---|---|\n"]
    for name, words in _SETS.items():
        data = pd.read_csv(folder / f"{name}.csv")
        cells = [_ours(data, marginal=False), _in_r(sets[name]["lmer_default"]), _ours(data, marginal=True), _in_r(sets[name]["gls_unstructured"])]
        escaped = [cell.replace("|", "\\|") for cell in cells]
        rows.append(f"| {words} | {' | '.join(escaped)} |\n")
    return _MADE + _DEGENERATE + "".join(rows)


def _ours(data: pd.DataFrame, *, marginal: bool) -> str:
    visits = [str(visit) for visit in sorted(data["visit"].unique())]
    fixed = [("base",), *([("base2",)] if "base2" in data else []), ("arm",), ("visit",), ("arm", "visit")]
    said = {"response": "y", "fixed": fixed, "levels": {"arm": ["placebo", "ketamine"], "visit": visits}, "subject": "id", "df": "satterthwaite"}
    try:
        fit: Fit = mmrm(data, visit="visit", **said) if marginal else lmm(data, **said)
    except MixedModelError as error:
        return f"refused: {re.split('[:;,(.] |[(]', str(error))[0].strip()} (`{type(error).__name__}`)"
    last = fit.ls_means(["arm", "visit"]).against("arm")[-1]
    flags = f", flagged {', '.join(fit.flags)}" if fit.flags else ""
    return f"{last.estimate:.4g} ({last.se:.4g}; {last.df:.1f}){flags}"


def _in_r(found: dict[str, object]) -> str:
    if not found["returned"]:
        return f"error: {str(found['error']).splitlines()[0]}"
    df = f"; {float(str(found['df'])):.2g}" if "df" in found and float(str(found["df"])) < 1 else f"; {float(str(found['df'])):.1f}" if "df" in found else ""
    said = f"{float(str(found['estimate'])):.4g} ({float(str(found['se'])):.4g}{df})"
    warned = found["warnings"]
    assert isinstance(warned, list)
    if not found["contrast_estimable"]:
        said += ", of another visit"
    return said + (f", warning: {'; '.join(str(w).splitlines()[0] for w in warned)}" if warned else ", no warning")


def _config() -> str:
    text = [_MADE, "# The study file\n", _INTRO]
    seen: list[type[BaseModel]] = []
    queue: list[type[BaseModel]] = [Study]
    while queue:
        model = queue.pop(0)
        if model in seen:
            continue
        seen.append(model)
        text.append(f"\n## {_title(model)}\n\n{' '.join((model.__doc__ or '').split())}\n\n| key | value | meaning |\n|---|---|---|\n")
        for name, field in model.model_fields.items():
            text.append(f"| `{field.alias or name}` | {_type(field.annotation)}{_default(field)} | {' '.join((field.description or '').split())} |\n")
            queue += [inner for inner in _models(field.annotation) if inner not in seen]
    return "".join(text)


_INTRO = """
One file `config/studies/<study>.yaml` is one study: its data, design, populations, endpoints and analyses. It is the
statistical analysis plan. `config/config.yaml` lists the studies that run when none is named, and says in `table_formats` what
tables are written as besides HTML: `[csv, docx, tex]` when it says nothing; `rtf` can be added (`pip install "ketaoutcomes[rtf]"`).

YAML is read as JSON with comments: `true`, `false`, `null`, numbers and text; `no` is text, dates are text, aliases are
refused. Unknown keys, wrong types and names that lead nowhere are refused with file, line and key
(`ketaoutcomes check STUDY`). The files in `studies/` show the six designs: a parallel trial (`esketamine_trial`),
open-label treatment followed by randomised withdrawal (`esketamine_withdrawal`), a crossover (`nimh_ketamine`), single-arm
clinics (`ketamine_clinics`), an observational comparison (`ketamine_or_ect`) and a relational study of several tables
(`opioid_relapse`); and a parallel trial of several doses with item scores, readings and adverse events (`esketamine_doses`).

What a table provides decides which of our column names it must and may have; other names are the study's own:

| provides | must have | may have |
|---|---|---|
| `participants` | `participant` | any: arms, site, strata, covariates, dates that others count from |
| `assessments` | `participant`, and a column with an `instrument` for each score (or `wide`) | `visit`, `day`, `period`, `arm` |
| `sessions` | `participant`, `session` (its number) | `day`, `period`, doses, measurements with an `instrument` |
| `readings` | `participant`, `session`, `minute` (after the dose; 0 or less is before it), a column with an `instrument` for each measurement | `period` |
| `events` | `participant`, `day`, `event` | |
| `disposition` | `participant`, `status` (`completed` or another word), `day` (the last day of follow-up) | `period`, `reason` |

A visit is named by `visit`, or found from `day` and the visits' windows (both ends count). A calendar date becomes a day
with `kind: date` and `since:`, the participants' date that is day 0. `mmrm` and `ancova` always hold the baseline and the
strata of the design, and `covariates` come on top; `lmm` holds what `covariates` and `interactions` name, time and arm. A
time-to-event rule of kind `first_event` needs a disposition for everybody: without one there is no end of follow-up and the
person has no time, and events after it do not count.

Files are read as the table says (`encoding`, `delimiter`, `decimal`, `header_line`; UTF-8, commas and points when it says
nothing), cell by cell, and never guessed at. [An unknown CSV](../docs/how-to/own-cohort.md) begins with `ketaoutcomes init`.
Refused, with file, line and column: another encoding or format, ragged rows, quotes that do not match, control and invisible
characters, repeated headers, a column the study file names and the file lacks, a cell that is not of its column's kind, a score
outside its instrument's range, a label that a `recode` or `levels` does not list, labels, sites or ids that differ only in
capitals, spaces or letters that look the same, an unknown arm, period or visit, the same record twice, a record of somebody who
is not a participant or never entered the period, a missing id, day or status where one is needed, and what may identify
somebody, unless `privacy: {allow: ...}` says why it does not. Columns that are not named are not read. An id is text: 007 and 7
are two people. Scores outside every visit's window are counted in `restricted/cohort/ingest.json`, not used. A confidential
study must list the labels it would release (`levels` or `recode`): free text never leaves.
"""


def _title(model: type[BaseModel]) -> str:
    return "Study" if model is Study else model.__name__


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _type(annotation: object) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type(part) for part in inner if part is not type(None))
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"name to {_type(inner[1])}"
    names = {"str": "text", "float": "number", "int": "whole number", "bool": "true or false"}
    name = getattr(annotation, "__name__", "")
    return names.get(name, f"[{name}](#{name.lower()})")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.get_default(call_default_factory=True, validated_data={})
    return " (optional)" if default in (None, [], {}) else f" (default `{json.dumps(default)}`)"


_INSTRUMENTS = """# Instruments

Each number carries the source it was read in. **assumed**: none was found. An endpoint names a cut-off or an important change
by its id. A study adds scales of its own under `instruments:` in its study file, in the form of the catalogue's entries
(`src/ketaoutcomes/domain/instruments.yaml`).

Items are scored where a table of assessments names their columns, in order or by number; the total and each part become
parameters of their ids:

```yaml
tables:
  depression:
    file: data/my_study/madrs_items.csv
    provides: assessments
    columns:
      participant: {from: ID}
      visit: {from: VISIT}
    items:
      - {instrument: madrs, from: ["MADRS{}"]}     # MADRS1 to MADRS10: gives madrs and madrs_suicide
```

A total beside its items must be theirs, or the file is refused. Ordinal and binary measures are counted, never averaged.

"""


def _instruments() -> str:
    lines = [_MADE, _INSTRUMENTS]
    lines.append("| id | measure | kind | range | better | rater | recall |\n|---|---|---|---|---|---|---|\n")
    for key, scale in instruments().items():
        recall = f"{scale.recall.text} ({_source(scale.recall.source)})" if scale.recall else "the moment"
        span = f"{scale.minimum:g} to {scale.maximum:g} {scale.unit} ({_source(scale.source)})"
        lines.append(f"| `{key}` | {scale.label} | {scale.kind} | {span} | {scale.better} | {scale.rater} | {recall} |\n")
    lines.append("\n## Items\n\n| id | items | score | missing items |\n|---|---|---|---|\n")
    lines += [_items(key, scale) for key, scale in instruments().items() if scale.items or scale.part_of]
    for heading, entries in (("Cut-offs", "cutoffs"), ("Minimal important changes", "changes")):
        lines.append(f"\n## {heading}\n\n| instrument | id | met when | source |\n|---|---|---|---|\n")
        for key, scale in instruments().items():
            for name in getattr(scale, entries):
                lines.append(_criterion(key, scale, name))
    lines.append("\n## Severity bands\n\n| id | bands | source |\n|---|---|---|\n")
    for key, scale in instruments().items():
        if scale.bands:
            bands = ", ".join(f"{band.replace('_', ' ')} from {start:g}" for band, start in scale.bands.starts.items())
            lines.append(f"| `{key}` | {bands} | {_source(scale.bands.source)} |\n")
    lines.append("\n## Reliability\n\n| id | coefficient | in whom | source |\n|---|---|---|---|\n")
    for key, scale in instruments().items():
        if scale.reliability:
            lines.append(f"| `{key}` | {scale.reliability.value:g} | {scale.reliability.population} | {_source(scale.reliability.source)} |\n")
    return "".join(lines)


def _items(key: str, scale: Instrument) -> str:
    if scale.items is None:
        how = f"lowest of {', '.join(f'`{of}`' for of in scale.lowest_of)}" if scale.lowest_of else f"as `{scale.part_of}`"
        taken = f"{', '.join(map(str, scale.takes))} of `{scale.part_of}`" if scale.takes else f"those of `{scale.part_of}`"
        return f"| `{key}` | {taken} | {how} | a part needs all of its items |\n"
    items = scale.items
    spans = "; ".join(f"{low:g} to {high:g}" + (f": {', '.join(map(str, of))}" if len(items.ranges) > 1 else "") for low, high, of in items.ranges)
    how = {"sum": "sum", "mean": "mean", "highest": "number of the highest that is met", "any": "1 when one is met"}[items.score]
    how += "".join(f"; the highest of {', '.join(map(str, group))}" for group in items.highest_of)
    how += "".join(f"; {' or '.join(map(str, pair))} is answered" for pair in items.either)
    how += "".join(f"; {', '.join(map(str, others))} asked where {asked} is met" for asked, others in items.asked_if)
    how += f" ({_source(items.unanswered_source)})" if items.unanswered_source else ""
    missing = f"up to {items.may_miss} filled with the mean of the others" if items.may_miss else "none may be missing"
    return f"| `{key}` | {items.number}, {spans} ({_source(items.source)}) | {how} | {missing} ({_source(items.missing_source)}) |\n"


def _criterion(key: str, scale: Instrument, name: str) -> str:
    entry = {**scale.cutoffs, **scale.changes}[name]
    source = _source(entry.source)
    if isinstance(entry, AllOf):
        return f"| `{key}` | `{name}` | {' and '.join(f'`{of}`' for of in entry.of)} | {source} |\n"
    words = {
        "percent_reduction": f"improved by at least {entry.value:g} %", "reduction": f"improved by at least {entry.value:g} {scale.unit}",
        "at_most": f"at most {entry.value:g}", "at_least": f"at least {entry.value:g}", "above": f"above {entry.value:g}",
    }[entry.rule]  # fmt: skip
    if isinstance(entry, Change):
        words += f": {entry.population}" + (" (not for an endpoint)" if entry.compares == "groups" else "")
    return f"| `{key}` | `{name}` | {words} | {source} |\n"


_RULES = """# Published rules and tallies

A study names a rule of relapse or abstinence (`kind: shipped` under `rules:`) or a tally of looks (`kind: published` under
`endpoints:`) and gives its own names for period, parameter, events and end of follow-up; every other key is the definition's.
Where the source is silent, the entry says so and reports print the result under the other choice too. A definition of your
own is written in the same keys (`kind: run`, `days`, `first_of`; `kind: tally`, `tally_reached`): see `config/README.md`.

How people without the event end: at the rule's `censored_at`; a last look that counts and is followed by none is
`unconfirmed` and ends there. What happens on one day is ordered by `same_day`, dropping out last.

"""


def _rules() -> str:
    lines = [_MADE, _RULES, "## Rules\n\n| id | definition | of | key: our choice; the other | because |\n|---|---|---|---|---|\n"]
    for key, definition in shipped_rules().items():
        rule = _example(key, definition).resolved
        scale = instruments()[definition.instrument]
        words = rule_words(rule, {name: plain_words(scale, name) for name in scale.criteria})
        parts = rule.of if isinstance(rule, FirstOfRule) else [rule]
        chosen = [(name, getattr(part, name), entry) for part in parts for name, entry in part.chosen.items()]
        said = "; ".join(f"`{name}`: {value}; {_plain(entry.other)}" for name, value, entry in chosen)
        reasons = "; ".join(entry.reason for *_, entry in chosen)
        lines.append(f"| `{key}` | {definition.label}: {words} | {scale.name} | {said or 'nothing was left open'} | {reasons} |\n")
    lines.append("\n## Tallies\n\n| id | definition | of | source |\n|---|---|---|---|\n")
    for key, tally in published_tallies().items():
        entry = tally.tally
        met, missing = entry["when"].replace("_", " "), entry["missing"].replace("_", " ")
        how = f"{entry['measure']} of {entry['looks']} where `{entry['cutoff']}` is {met}, missing ones {missing}"
        how += f", {entry['at_least']:g} or more" if "at_least" in entry else ""
        lines.append(f"| `{key}` | {tally.label}: {how} | {instruments()[tally.instrument].name} | {entry['source']} |\n")
    return "".join(lines)


def _plain(value: object) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else "none" if value is None else str(value)


def _example(key: str, definition: Definition) -> ShippedRule:
    """A shipped rule over made-up names, to put it in words."""
    parts = definition.rule.get("of", [definition.rule])
    parts = parts if definition.rule["kind"] == "first_of" else [definition.rule]
    return ShippedRule(
        kind="shipped",
        rule=key,
        period="the period",
        parameter="the parameter",
        follow_up="last_look",
        events=["an event that the study names"] if definition.instrument in {"madrs", "hamd17"} else [],
        competing=[],
        dropouts=["discontinued"] if any(part["dropout"] for part in parts) else [],
        types={"a day of use": 1.0} if any(part["kind"] == "days" for part in parts) else {},
        visit="the named visit" if any(isinstance(part["origin"], dict) and part["origin"]["otherwise"] == "event" for part in parts) else None,
    )


def _source(text: str) -> str:
    return f"**{ASSUMED}**" if text == ASSUMED else text


def _results() -> str:
    lines = [_MADE, "# Analysis results data\n\n`release/ard.csv` holds one row per number. These columns together are unique: "]
    lines.append(", ".join(f"`{column}`" for column in KEY) + ". Then `value`, `text`, `n` and `events` (people and events\n")
    lines.append("behind the value), `status`, `note`. Values are not rounded there. Figures, tables and the report show them with the decimals\n")
    lines.append("given here, halves away from zero (0.125 with two decimals is 0.13, \N{MINUS SIGN}0.125 is \N{MINUS SIGN}0.13; the decimal digits\n")
    lines.append("of the shortest text of the number decide), p values with three or as <0.001.\n")
    lines.append("\n| statistic | meaning | decimals shown | kind |\n|---|---|---|---|\n")
    lines += [f"| `{name}` | {entry.label}{f' ({entry.unit})' if entry.unit else ''} | {entry.digits} | {entry.kind} |\n" for name, entry in STATISTICS.items()]
    for stage, needs in (("models", ""), ("figures", "needs"), ("tables", "needs")):
        lines.append(f"\n## {stage.capitalize()}\n\n")
        for plugin in plugins(stage).values():
            wanted = f" (needs {', '.join(plugin.needs)})" if needs and plugin.needs else ""
            lines.append(f"- `{plugin.name}`{wanted.replace('|', ' or ')}: {plugin.doc}\n")
    return "".join(lines)


def _commands() -> str:
    parser = _parser()
    action = next(action for action in parser._actions if hasattr(action, "choices") and action.choices)
    lines = [_MADE, "# Commands\n\n", f"{parser.epilog.capitalize()}.\n\n"]
    lines += [f"- `ketaoutcomes {name}`: {sub.description}\n" for name, sub in dict(action.choices).items()]
    return "".join(lines)


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
        print(name)
