rule derive:
    input:
        rules.ingest.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            "results/{study}/restricted/analysis_data/",
            "adsl.parquet",
            "adqs.parquet",
            "adqd.parquet",
            "adtte.parquet",
            "adex.parquet",
            "adrd.parquet",
            "adae.parquet",
        ),
    log:
        "results/{study}/restricted/logs/derive.log",
    benchmark:
        "results/{study}/restricted/benchmarks/derive.tsv"
    params:
        code=code_digest("derive"),
        plan=plan_digest("derive"),
    shell:
        "ketaoutcomes derive {wildcards.study:q} 2> {log:q}"
