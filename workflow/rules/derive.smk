rule derive:
    input:
        rules.ingest.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        multiext(
            RESTRICTED + "/analysis_data/",
            "adsl.parquet",
            "adqs.parquet",
            "adqd.parquet",
            "adtte.parquet",
            "adex.parquet",
            "adrd.parquet",
            "adae.parquet",
        ),
    log:
        RESTRICTED + "/logs/derive.log",
    benchmark:
        RESTRICTED + "/benchmarks/derive.tsv"
    params:
        code=code_digest("derive"),
        plan=plan_digest("derive"),
    shell:
        "ketaoutcomes derive {wildcards.study:q} {MODE:q} 2> {log:q}"
