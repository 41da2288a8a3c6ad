rule analyse:
    input:
        rules.derive.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        f"{RESTRICTED}/ard/{{analysis}}.csv",
    log:
        f"{RESTRICTED}/logs/analyse_{{analysis}}.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/analyse_{{analysis}}.tsv"
    params:
        code=code_digest("analyse"),
        plan=plan_digest("analyse"),
        mode=MODE,
    shell:
        "ketaoutcomes analyse {wildcards.study:q} {wildcards.analysis:q} {params.mode:q} 2> {log:q}"
