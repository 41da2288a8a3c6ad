rule ingest:
    input:
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            "results/{study}/restricted/cohort/",
            "participants.parquet",
            "assessments.parquet",
            "sessions.parquet",
            "readings.parquet",
            "events.parquet",
            "disposition.parquet",
            "ingest.json",
        ),
    log:
        "results/{study}/restricted/logs/ingest.log",
    benchmark:
        "results/{study}/restricted/benchmarks/ingest.tsv"
    params:
        code=code_digest("ingest"),
        data=data_digest,
        plan=plan_digest("ingest"),
    shell:
        "ketaoutcomes ingest {wildcards.study:q} 2> {log:q}"
