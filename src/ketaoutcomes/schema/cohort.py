"""The study's validated people and records, as ingest leaves them.

Participants and sites are numbers: row numbers in the sorted order of the original ids. Days are
study days. Nothing that a site's own file called somebody leaves ingest.
"""

from __future__ import annotations

from ketaoutcomes.schema.table import INTEGER, NUMBER, TEXT, Schema

PARTICIPANTS = Schema("participants", {"participant": INTEGER}, key=("participant",), extras=True)
ASSESSMENTS = Schema(
    "assessments",
    {"participant": INTEGER, "period": TEXT, "visit": TEXT, "day": NUMBER, "parameter": TEXT, "value": NUMBER, "record": INTEGER},
    key=("participant", "period", "parameter", "record"),
)
SESSIONS = Schema(
    "sessions",
    {"participant": INTEGER, "period": TEXT, "session": INTEGER, "day": NUMBER},
    key=("participant", "period", "session"),
    extras=True,
)
READINGS = Schema(
    "readings",
    {"participant": INTEGER, "period": TEXT, "session": INTEGER, "minute": NUMBER},
    key=("participant", "period", "session", "minute"),
    extras=True,
)
EVENTS = Schema(
    "events",
    {"participant": INTEGER, "record": INTEGER, "day": NUMBER, "event": TEXT, "class": TEXT, "serious": TEXT},
    key=("participant", "record"),
    required=("day", "event"),
)
DISPOSITION = Schema(
    "disposition",
    {"participant": INTEGER, "period": TEXT, "status": TEXT, "reason": TEXT, "day": NUMBER},
    key=("participant", "period"),
    required=("status", "day"),
)
COHORT = {schema.name: schema for schema in (PARTICIPANTS, ASSESSMENTS, SESSIONS, READINGS, EVENTS, DISPOSITION)}
