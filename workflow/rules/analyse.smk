rule analyse:
    input:
        rules.derive.output,
        study=ancient("config/studies/{study}.yaml"),
    output:
        RESTRICTED + "/ard/{analysis}.csv",
    log:
        RESTRICTED + "/logs/analyse_{analysis}.log",
    benchmark:
        RESTRICTED + "/benchmarks/analyse_{analysis}.tsv"
    params:
        code=code_digest("analyse"),
        plan=plan_digest("analyse"),
    shell:
        "ketaoutcomes analyse {wildcards.study:q} {wildcards.analysis:q} {MODE:q} 2> {log:q}"
