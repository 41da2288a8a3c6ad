rule ingest:
    input:
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            f"{RESTRICTED}/cohort/",
            "participants.parquet",
            "assessments.parquet",
            "sessions.parquet",
            "readings.parquet",
            "events.parquet",
            "disposition.parquet",
            "ingest.json",
            "ids.csv",
        ),
    log:
        f"{RESTRICTED}/logs/ingest.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/ingest.tsv"
    params:
        code=code_digest("ingest"),
        data=data_digest,
        plan=plan_digest("ingest"),
        mode=MODE,
        seed=SEED,
    shell:
        "ketaoutcomes ingest {wildcards.study:q} --input {params.data:q} {params.mode:q} {params.seed:q} 2> {log:q}"
