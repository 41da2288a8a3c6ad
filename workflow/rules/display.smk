rule figures:
    input:
        "results/{study}/{audience}/ard.csv",
    output:
        update("results/{study}/{audience}/figures/index.json"),
    log:
        "results/{study}/restricted/logs/figures_{audience}.log",
    benchmark:
        "results/{study}/restricted/benchmarks/figures_{audience}.tsv"
    params:
        code=code_digest("figures"),
    shell:
        "ketaoutcomes figures {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"


rule tables:
    input:
        "results/{study}/{audience}/ard.csv",
    output:
        update("results/{study}/{audience}/tables/index.json"),
    log:
        "results/{study}/restricted/logs/tables_{audience}.log",
    benchmark:
        "results/{study}/restricted/benchmarks/tables_{audience}.tsv"
    params:
        code=code_digest("tables"),
    shell:
        "ketaoutcomes tables {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"


rule report:
    input:
        "results/{study}/{audience}/ard.csv",
        "results/{study}/{audience}/run.json",
        "results/{study}/{audience}/disclosure.json",
        "results/{study}/{audience}/figures/index.json",
        "results/{study}/{audience}/tables/index.json",
    output:
        "results/{study}/{audience}/report.html",
    log:
        "results/{study}/restricted/logs/report_{audience}.log",
    benchmark:
        "results/{study}/restricted/benchmarks/report_{audience}.tsv"
    params:
        code=code_digest("report"),
    shell:
        "ketaoutcomes report {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"
