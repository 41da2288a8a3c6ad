"""What tables look like: the cohort, the analysis data, the analysis results."""
