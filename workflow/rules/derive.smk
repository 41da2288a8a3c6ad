rule derive:
    input:
        rules.ingest.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            f"{RESTRICTED}/analysis_data/",
            "adsl.parquet",
            "adqs.parquet",
            "adqd.parquet",
            "adtte.parquet",
            "adex.parquet",
            "adrd.parquet",
            "adae.parquet",
        ),
    log:
        f"{RESTRICTED}/logs/derive.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/derive.tsv"
    params:
        code=code_digest("derive"),
        plan=plan_digest("derive"),
        mode=MODE,
    shell:
        "ketaoutcomes derive {wildcards.study:q} {params.mode:q} 2> {log:q}"
