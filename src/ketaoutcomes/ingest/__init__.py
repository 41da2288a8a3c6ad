"""CSV to cohort: a file is read exactly as the study file says, or refused with the place and the reason."""

from ketaoutcomes.ingest.cohort import Ingested, ingest

__all__ = ["Ingested", "ingest"]
