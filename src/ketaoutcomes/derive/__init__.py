"""Cohort to analysis data: periods and arms, visits, baseline, endpoints, time to event."""

from ketaoutcomes.derive.tables import derive

__all__ = ["derive"]
