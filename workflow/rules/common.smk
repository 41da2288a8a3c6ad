# The only Python of the workflow: which studies, and what each job depends on besides its inputs.
import os
from pathlib import Path

from ketaoutcomes import digests
from ketaoutcomes.cli._project import audiences
from ketaoutcomes.domain.study_file import read_study
from snakemake.utils import validate

os.umask(0o077)
validate(config, "../schemas/config.schema.json")


wildcard_constraints:
    study="[a-z][a-z0-9_]*",
    analysis="[a-z][a-z0-9_]*",
    audience="release|internal|blinded",


# a blinded dry run permutes the arms, for one audience, with everything in a folder of its own
BLINDED = bool(config.get("blinded"))
RESTRICTED = f"results/{{study}}/{'blinded/' if BLINDED else ''}restricted"
MODE = ["--blinded"] if BLINDED else []
SEED = ["--seed", str(config["seed"])] if "seed" in config else []
FORMATS = (
    ["--formats", ",".join(config["table_formats"])]
    if "table_formats" in config
    else []
)
LOCK = Path(workflow.basedir) / "requirements" / "run.txt"
STUDIES = {n: read_study(Path(f"config/studies/{n}.yaml")) for n in config["studies"]}


def reports():
    return [
        f"results/{name}/{audience}/report.html"
        for name, study in STUDIES.items()
        for audience in audiences(study, blinded=BLINDED)
    ]


def ards(wildcards):
    return collect(
        f"{RESTRICTED}/ard/{{analysis}}.csv",
        study=wildcards.study,
        analysis=STUDIES[wildcards.study].analyses,
    )


def data_digest(wildcards):
    name = wildcards.study
    return config.get("inputs", {}).get(name) or digests.data(STUDIES[name], Path())


def plan_digest(stage):
    return lambda w: digests.part(STUDIES[w.study], stage, w.get("analysis", ""))


def code_digest(stage):
    return lambda w: digests.code(stage, LOCK, STUDIES[w.study], w.get("analysis", ""))


def plan_lock_digest(wildcards):
    return digests.locked(Path("config/studies", f"{wildcards.study}.lock"))
