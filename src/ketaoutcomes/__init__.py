"""Clinical outcomes of ketamine and esketamine treatment: from a study's CSV to a released report."""
