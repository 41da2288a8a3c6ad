# Two commands do all the set-up: `make demo` and `make test`. Both are safe to repeat.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(shell $(p) -c 'import sys, venv; print("$(p)" if (3, 11) <= sys.version_info < (3, 14) else "")' 2>/dev/null)))
PIP = -m pip --disable-pip-version-check install --quiet --require-hashes
RUN = .venv/bin
SIMULATED = esketamine_trial esketamine_withdrawal esketamine_doses ketamine_clinics ketamine_or_ect
EXAMPLES = beat_the_blues smoking_relapse

.PHONY: demo test lint format bench recovery lock native-report clean

demo: .venv/run
	@$(RUN)/ketaoutcomes simulate $(SIMULATED)
	@$(RUN)/ketaoutcomes example $(EXAMPLES)
	@$(RUN)/ketaoutcomes run

test: .venv/test .venv/axe
	@PATH="$(CURDIR)/$(RUN):$$PATH" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -n 2 --durations=20 $(ARGS) tests

lint: .venv/test
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/pyright
	$(RUN)/lint-imports
	$(RUN)/snakefmt --check Snakefile workflow
	$(RUN)/ketaoutcomes simulate $(SIMULATED) > /dev/null
	$(RUN)/python -m snakemake --lint --config "studies=[esketamine_trial]"

format: .venv/test
	$(RUN)/ruff check --fix-only .
	$(RUN)/ruff format .
	$(RUN)/snakefmt Snakefile workflow

bench: .venv/run
	$(RUN)/python benchmarks/demo.py
	$(RUN)/python benchmarks/reading.py
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python benchmarks/mixed.py

# coverage of the intervals in 18,000 simulated trials of scores and 12,500 of yes-or-no outcomes (an hour and a half together), and the
# truths found by very large simulations (a quarter of an hour)
recovery: .venv/run
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python tests/recovery/truth.py
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python tests/recovery/full_run.py

# the lock: hashes for every platform, no addresses (needs uv)
LOCK = uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header
lock:
	$(LOCK) --extra examples pyproject.toml -o requirements/run.txt
	$(LOCK) --extra examples --extra dev -c requirements/run.txt pyproject.toml -o requirements/test.txt
	echo 'setuptools>=80' | $(LOCK) - -o requirements/build.txt

.venv/base: requirements/build.txt
	@test -n "$(PYTHON)" || { echo "needs Python 3.11, 3.12 or 3.13 with venv; name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
	@$(RUN)/python $(PIP) --only-binary :all: -r requirements/build.txt
	@touch $@

.venv/run: .venv/base requirements/run.txt pyproject.toml
	@echo "installing the locked packages and the example data (extra 'examples', GPL-3, 50 MB); about a minute"
	@$(RUN)/python $(PIP) --only-binary :all: --no-binary connection-pool --no-build-isolation -r requirements/run.txt
	@$(RUN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/test: .venv/run requirements/test.txt
	@echo "installing the locked test tools"
	@$(RUN)/python $(PIP) --only-binary :all: --no-binary connection-pool --no-build-isolation -r requirements/test.txt
	@touch $@

# the rules of accessibility for tests/browser; without npm those tests say that they were skipped
.venv/axe: .venv/base tests/browser/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix tests/browser --ignore-scripts --silent; else echo "no npm here: accessibility is not tested"; fi
	@touch $@

clean:
	rm -rf .venv .snakemake results/*/

# snakemake's own report of the workflow, its rules and times, with the released reports: results/native/report.html
native-report: .venv/test demo
	@$(RUN)/python -m snakemake native --cores all --workflow-profile none --quiet all
	@$(RUN)/python -m snakemake --workflow-profile none --report results/native/report.html native
