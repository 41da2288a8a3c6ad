# The only Python of the workflow: which studies, and what each job depends on besides its inputs.
import os
from pathlib import Path

from ketaoutcomes import digests
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.plugins import displays, plugins
from snakemake.utils import validate

os.umask(0o077)
validate(config, "../schemas/config.schema.json")


wildcard_constraints:
    study="[a-z][a-z0-9_]*",
    analysis="[a-z][a-z0-9_]*",
    audience="release|internal",


LOCK = Path(workflow.basedir) / "requirements" / "run.txt"
STUDIES = {
    name: read_study(Path("config/studies", f"{name}.yaml"))
    for name in config["studies"]
}


def reports():
    audiences = {
        name: ["release", *(["internal"] if s.privacy else [])]
        for name, s in STUDIES.items()
    }
    return [
        f"results/{name}/{a}/report.html"
        for name, all_of in audiences.items()
        for a in all_of
    ]


def ards(wildcards):
    return collect(
        "results/{study}/restricted/ard/{analysis}.csv",
        study=wildcards.study,
        analysis=STUDIES[wildcards.study].analyses,
    )


def data_digest(wildcards):
    return digests.data(STUDIES[wildcards.study], Path())


def plan_digest(stage):
    def digest(wildcards):
        return digests.part(
            STUDIES[wildcards.study], stage, wildcards.get("analysis", "")
        )

    return digest


def code_digest(stage):
    def digest(wildcards):
        models = [
            analysis.model for analysis in STUDIES[wildcards.study].analyses.values()
        ]
        if stage == "analyse":
            chosen = [
                plugins("models")[
                    STUDIES[wildcards.study].analyses[wildcards.analysis].model
                ]
            ]
        else:
            chosen = displays(stage, models) if stage in ("figures", "tables") else []
        return digests.code(stage, LOCK, chosen)

    return digest
