rule analyse:
    input:
        rules.derive.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        "results/{study}/restricted/ard/{analysis}.csv",
    log:
        "results/{study}/restricted/logs/analyse_{analysis}.log",
    benchmark:
        "results/{study}/restricted/benchmarks/analyse_{analysis}.tsv"
    params:
        code=code_digest("analyse"),
        plan=plan_digest("analyse"),
    shell:
        "ketaoutcomes analyse {wildcards.study:q} {wildcards.analysis:q} 2> {log:q}"
