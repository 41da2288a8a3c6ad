# The table of contents: a study goes from CSV through ingest, derive, analyse and release to its
# figures, tables and report. `ketaoutcomes run` checks every study first and then runs this.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


# one locked environment for every job (requirements/run.txt); inert unless containers are asked for
container: "docker://ketaoutcomes:0.1.0"


include: "workflow/rules/common.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/derive.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/release.smk"
include: "workflow/rules/display.smk"


localrules:
    all,


rule all:
    input:
        reports(),
