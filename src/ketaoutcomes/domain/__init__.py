"""What clinicians say: instruments, endpoints, rules and the study file. No data frames here."""
