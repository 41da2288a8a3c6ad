"""Analysis data, named after CDISC ADaM: one schema per table, one meaning per column.

``adsl`` one row per participant and period: planned arm ``trtp``, actual arm ``trta``, first day
``start``, disposition, one ``pop_<population>`` flag each, the participants' columns.
``adqs`` one row per participant, period, parameter and expected visit, so that a missing visit is
a row: ``aval``, ``base``, ``chg``, ``pchg``; ``anl`` is ``yes`` when intercurrent events leave the
value in the analysis; ``ablfl`` is ``before`` for visits of a period that lie before its baseline.
Endpoints that are more than an observed score are parameters too (yes or no: 1 or 0).
``adqd`` one row per participant, period, parameter and day with a score after the period's start, in a visit's window or not.
``adtte`` one row per participant and time-to-event endpoint: ``aval`` in the study's time unit, ``cnsr`` 0 event, 1 censored, 2 competing.
``adex`` sessions, ``adrd`` readings within them, ``adae`` events; those with a ``class`` are adverse events.
"""

from __future__ import annotations

from ketaoutcomes.schema.table import INTEGER, NUMBER, TEXT, Schema

#: Values of adtte's ``cnsr``.
EVENT, CENSORED, COMPETING = 0, 1, 2
#: Period of the adsl row of a participant who entered none (a screening failure, say).
NO_PERIOD = "none"
ADSL = Schema(
    "adsl",
    {
        "participant": INTEGER,
        "period": TEXT,
        "trtp": TEXT,
        "trta": TEXT,
        "start": NUMBER,
        "status": TEXT,
        "reason": TEXT,
        "last_day": NUMBER,
    },
    key=("participant", "period"),
    extras=True,
)
ADQS = Schema(
    "adqs",
    {
        "participant": INTEGER,
        "period": TEXT,
        "trtp": TEXT,
        "paramcd": TEXT,
        "avisit": TEXT,
        "avisitn": NUMBER,
        "ady": NUMBER,
        "aval": NUMBER,
        "base": NUMBER,
        "chg": NUMBER,
        "pchg": NUMBER,
        "ablfl": TEXT,
        "anl": TEXT,
    },
    key=("participant", "period", "paramcd", "avisit"),
    required=("avisitn", "ablfl", "anl"),
)
ADQD = Schema(
    "adqd",
    {
        "participant": INTEGER,
        "period": TEXT,
        "trtp": TEXT,
        "paramcd": TEXT,
        "ady": NUMBER,
        "aval": NUMBER,
        "base": NUMBER,
        "chg": NUMBER,
        "pchg": NUMBER,
        "anl": TEXT,
    },
    key=("participant", "period", "paramcd", "ady"),
    required=("aval", "anl"),
)
ADTTE = Schema(
    "adtte",
    {"participant": INTEGER, "period": TEXT, "trtp": TEXT, "paramcd": TEXT, "aval": NUMBER, "cnsr": INTEGER, "evntdesc": TEXT},
    key=("participant", "paramcd"),
    required=("period", "aval", "cnsr", "evntdesc"),
)
ADEX = Schema(
    "adex",
    {"participant": INTEGER, "period": TEXT, "trtp": TEXT, "session": INTEGER, "ady": NUMBER},
    key=("participant", "period", "session"),
    extras=True,
)
ADRD = Schema(
    "adrd",
    {"participant": INTEGER, "period": TEXT, "trtp": TEXT, "session": INTEGER, "minute": NUMBER},
    key=("participant", "period", "session", "minute"),
    extras=True,
)
ADAE = Schema(
    "adae",
    {"participant": INTEGER, "record": INTEGER, "ady": NUMBER, "event": TEXT, "class": TEXT, "serious": TEXT},
    key=("participant", "record"),
    required=("ady", "event"),
)
ANALYSIS_DATA = {schema.name: schema for schema in (ADSL, ADQS, ADQD, ADTTE, ADEX, ADRD, ADAE)}
