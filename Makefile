# Needs only Python >= 3.11 with venv, a C/C++ compiler and make. Everything else goes into .uv and .venv.
.PHONY: help validation validation-quick readme test test-deep test-faults test-numpy2 mutation test-wheel test-conda test-dask test-mpi test-export benchmarks benchmarks-smoke benchmarks-scaling benchmarks-iron benchmarks-peers docs lint ci clean

export OPENBLAS_NUM_THREADS = 1
# Without bytecode every process of the tests compiles Kwant, Matplotlib and xarray again, for seconds each.
unexport PYTHONDONTWRITEBYTECODE
UV = .uv/bin/uv

help: ## Show what this Makefile can do
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(UV):
	python3 -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.10'

validation: $(UV) ## Judge every claim of the paper with Kwant; writes validation-report/
	$(UV) run python -m validation -o validation-report

validation-quick: $(UV) ## The same on small grids, under 90 s
	$(UV) run python -m validation --quick -o validation-report

test: $(UV) ## Run the test suite; TESTS="tests/laws/test_exact.py" for some only
	$(UV) run pytest $(TESTS)

lint: $(UV) ## Format check, lint, types, import contracts
	$(UV) run ruff format --check .
	$(UV) run ruff check .
	$(UV) run mypy
	$(UV) run lint-imports

test-deep: $(UV) ## Test every law on 2000 new random examples, hours; TESTS="tests/laws/test_devices.py" for some only
	HYPOTHESIS_PROFILE=deep $(UV) run pytest $(TESTS)

test-faults: $(UV) ## Damage hundreds of files and kill dozens of runs: right, told, or refused, and nothing finished lost
	PYTHONPATH=.:tests $(UV) run python tests/faults.py

test-numpy2: $(UV) ## Test the library on NumPy 2, with Kwant re-cythonized
	./tests/numpy2.sh $(CURDIR)/$(UV) $(TESTS)

mutation: $(UV) ## Break the library in 400 places, one at a time, and count what the tests notice; hours
	$(UV) run --with coverage python tests/mutation.py

test-wheel: $(UV) ## Build wheel and sdist, test the wheel on newest NumPy without Kwant and compiler
	./tests/wheel.sh $(CURDIR)/$(UV)

test-conda: $(UV) ## Build and test the conda package by its recipe, from a channel made of this environment
	$(UV) run --isolated --with py-rattler-build --with py-rattler --with hatchling --with pip python tests/conda.py

test-dask: $(UV) ## Run ensembles on a Dask cluster on this machine, with a worker killed in the middle
	$(UV) run --isolated --extra dask pytest -n 0 -q tests/units/test_executors.py -k dask

test-mpi: $(UV) ## Run an ensemble and a sweep on three MPI processes of this machine, with MPICH from its wheel
	$(UV) run --isolated --with mpi4py --with mpich pytest -n 0 tests/units/test_executors.py -k mpi | tee /dev/stderr | grep -q "1 passed"

test-export: $(UV) ## Feed exported torques to magnum.np, cmtj and ubermag, in an environment of their own
	./tests/export.sh $(CURDIR)/$(UV)

benchmarks: $(UV) ## Time the fast engine against Kwant, both in one process
	$(UV) run python -m benchmarks

benchmarks-smoke: $(UV) ## Run the shortest benchmarks, whatever they measure
	$(UV) run python -m benchmarks --smoke

benchmarks-scaling: $(UV) ## Follow the cost over planes, angles, energies, W, digits, realizations; writes docs/scaling.md
	$(UV) run python -m benchmarks.scaling

benchmarks-iron: $(UV) ## Ask Fe|barrier|Fe for its mean over the zone to one percent at 19 angles, minutes, beside a mesh
	$(UV) run python -m benchmarks.iron

benchmarks-peers: $(UV) ## Time the fast engine against Kwant, sisl and hamop, in an environment of its own
	./benchmarks/peers.sh $(CURDIR)/$(UV)

docs: $(UV) validation-report/report.json ## Build the site; docs/_build/html/index.html
	$(UV) run --group docs sphinx-build -q -W --keep-going -b html docs docs/_build/html

validation-report/report.json:
	$(MAKE) validation-quick

ci: ## What continuous integration runs
	bash .ci/run

clean: ## Remove environments, caches and reports
	rm -rf .uv .venv .venv-numpy2 .venv-peers .venv-export .venv-wheel dist validation-report docs/_build docs/_generated docs/claims .mypy_cache .ruff_cache .pytest_cache .hypothesis

readme: $(UV) ## Rewrite the README's table of verdicts from validation-report/
	$(UV) run python -m validation.readme validation-report
