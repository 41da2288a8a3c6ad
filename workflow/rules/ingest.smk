rule ingest:
    input:
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            RESTRICTED + "/cohort/",
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
        RESTRICTED + "/logs/ingest.log",
    benchmark:
        RESTRICTED + "/benchmarks/ingest.tsv"
    params:
        code=code_digest("ingest"),
        data=data_digest,
        plan=plan_digest("ingest"),
        seed=SEED,
    shell:
        "ketaoutcomes ingest {wildcards.study:q} --input {params.data:q} {MODE:q} {SEED:q} 2> {log:q}"
