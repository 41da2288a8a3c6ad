# The only Python of the workflow: which studies, and what each job depends on besides its inputs.
import os
from pathlib import Path

from ketaoutcomes import digests
from ketaoutcomes.domain.study_file import read_study
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
    return [
        f"results/{name}/{audience}/report.html"
        for name, study in STUDIES.items()
        for audience in ["release", *(["internal"] if study.profile else [])]
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
        study, analysis = STUDIES[wildcards.study], wildcards.get("analysis", "")
        return digests.code(stage, LOCK, study, analysis)

    return digest
