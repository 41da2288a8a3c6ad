rule release:
    input:
        ards,
        f"{RESTRICTED}/cohort/ingest.json",
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            "results/{study}/{audience}/", "ard.csv", "disclosure.json", "run.json"
        ),
    log:
        f"{RESTRICTED}/logs/release_{{audience}}.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/release_{{audience}}.tsv"
    params:
        code=code_digest("release"),
        plan=plan_digest("release"),
        lock=plan_lock_digest,
    shell:
        "ketaoutcomes release {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"
