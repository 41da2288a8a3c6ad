rule figures:
    input:
        "results/{study}/{audience}/ard.csv",
    output:
        update("results/{study}/{audience}/figures/index.json"),
    log:
        f"{RESTRICTED}/logs/figures_{{audience}}.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/figures_{{audience}}.tsv"
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
        f"{RESTRICTED}/logs/tables_{{audience}}.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/tables_{{audience}}.tsv"
    params:
        code=code_digest("tables"),
        formats=FORMATS,
    shell:
        "ketaoutcomes tables {wildcards.study:q} --audience {wildcards.audience:q} {params.formats:q} 2> {log:q}"


rule report:
    input:
        "results/{study}/{audience}/ard.csv",
        "results/{study}/{audience}/run.json",
        "results/{study}/{audience}/disclosure.json",
        "results/{study}/{audience}/figures/index.json",
        "results/{study}/{audience}/tables/index.json",
    output:
        multiext(
            "results/{study}/{audience}/",
            "report.html",
            "report.docx",
            "checklist.html",
            "sentences.json",
            "manifest.json",
        ),
    log:
        f"{RESTRICTED}/logs/report_{{audience}}.log",
    benchmark:
        f"{RESTRICTED}/benchmarks/report_{{audience}}.tsv"
    params:
        code=code_digest("report"),
    shell:
        "ketaoutcomes report {wildcards.study:q} --audience {wildcards.audience:q} 2> {log:q}"


# snakemake's own report, for those who read the workflow; it is full of script, so it stays outside of release/
rule native_study:
    input:
        "results/{study}/release/report.html",
    output:
        report(
            "results/native/{study}.html",
            caption="../report/study.rst",
            category="Studies",
            labels={"study": "{study}", "kind": "report"},
        ),
    log:
        "results/native/{study}.log",
    shell:
        "cp {input:q} {output:q} 2> {log:q}"


rule native:
    input:
        collect("results/native/{study}.html", study=STUDIES),
