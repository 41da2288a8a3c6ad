"""Published numbers and ours: the difference in units of the last printed digit. Between the grey lines ours, rounded as printed, is the
printed number."""

from __future__ import annotations

from functools import partial

import pandas as pd
from plotnine import aes, geom_point, geom_vline, ggplot, scale_fill_manual, scale_shape_manual, scale_x_continuous, scale_y_continuous

from ketaoutcomes.figures import _text
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import INK, SOFT, legend, look, ticks, words
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels

NEEDS = ()
_TITLE = "Published numbers and ours, drawn"


def draw(ard: pd.DataFrame) -> Figure:
    """A line for each published number that ours may be shown beside."""
    rows = match(ard, analysis="published")
    lines = [line for term in dict.fromkeys(rows["term"]) if (line := _line(match(rows, term=str(term)), str(term)))]
    if not lines or Labels.of(ard).text("study", "source") == "simulated":
        return nothing(_TITLE, "No published number stands beside one of ours that may be shown.")
    frame = pd.DataFrame(lines)
    passed = int((frame["agreement"] == "PASS").sum())
    alt = (
        f"{passed} of {len(frame)} published numbers are ours as printed. "
        + "; ".join(f"{row['target']}: published {row['published']}, ours {row['ours']}" for row in lines)
        + "."
    )
    return Figure(_TITLE, alt, frame, partial(_plate, frame))


def _line(rows: pd.DataFrame, term: str) -> dict[str, object] | None:
    """A target with both numbers; None where ours may not be shown."""
    texts, values = (dict(zip(rows["statistic"], rows[column], strict=True)) for column in ("text", "value"))
    if texts.get("agreement") not in {"PASS", "DIFF"} or pd.isna(values.get("difference")):
        return None
    published = str(texts["published"])
    units = float(values["difference"]) / _digit(published)
    return {"target": term.replace("_", " "), "published": published, "ours": texts["reproduced"], "agreement": texts["agreement"], "units": units}


def _digit(text: str) -> float:
    """The last printed digit as a number: 0.01 for 1.23."""
    return 10.0 ** -len(text.partition(".")[2])


def _plate(frame: pd.DataFrame, width: float) -> Plate:
    names = [_text.wrapped(f"{target}: {printed}", 0.45 * width) for target, printed in zip(frame["target"], frame["published"], strict=True)]
    tall = [_text.lines(name) * _text.line_mm() + 1.4 for name in names]
    places = [-sum(tall[:at]) - tall[at] / 2 for at in range(len(tall))]
    end = max(1.1 * float(frame["units"].abs().max()), 1.0)
    frame = frame.assign(y=places)
    panel = width - _text.widest(names) - 8
    said, more = words(
        panel, above="Ours minus published, in units of the last printed digit", below="Grey lines: \N{PLUS-MINUS SIGN}0.5, where rounding ends."
    )
    guide, _, high = legend(["PASS", "DIFF"], panel, "shape", "fill")
    plot = (
        ggplot(frame, aes("units", "y"))
        + geom_vline(xintercept=[-0.5, 0.5], color=SOFT, size=0.4, linetype="dashed")
        + geom_point(aes(shape="agreement", fill="agreement"), size=2.4, color=INK, stroke=0.4)
        + scale_shape_manual(values=["o", "D"], limits=["PASS", "DIFF"])
        + scale_fill_manual(values=["#0072B2", "#D55E00"], limits=["PASS", "DIFF"])
        + scale_x_continuous(limits=(-end, end), labels=ticks)
        + scale_y_continuous(breaks=places, labels=names, expand=(0, tall[-1] / 2, 0, tall[0] / 2))
        + said
        + look()
        + guide
    )
    return Plate(plot, sum(tall) + high + more + 12)
