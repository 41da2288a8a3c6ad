rule release:
    input:
        ards,
        "results/{study}/restricted/cohort/ingest.json",
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            "results/{study}/{audience}/", "ard.csv", "disclosure.json", "run.json"
        ),
    log:
        "results/{study}/restricted/logs/release_{audience}.log",
    benchmark:
        "results/{study}/restricted/benchmarks/release_{audience}.tsv"
    params:
        code=code_digest("release"),
        plan=plan_digest("release"),
    shell:
        "ketaoutcomes release {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"
