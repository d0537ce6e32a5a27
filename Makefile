# make run     recommendations from the sample
# make lab     the first tutorial in JupyterLab
# make check   style, layout and whatever is generated, for while you work
# make test    everything that continuous integration runs: check, then all notebooks and tests
# make times   how long these take on this machine
# make test-arango ARANGO_URL=http://127.0.0.1:8529  the store's tests against a real ArangoDB, each in a database
#              of its own; user and password come from ARANGO_USER (root) and ARANGO_PASSWORD
# make numbers how long, wide and well documented the chapters are
# make leaderboard  movierec next to its peers, which is long: tables and figures in runs/leaderboard and on the page;
#              DATA="ml-100k=FOLDER ratings_small"
# make docs    the site, in _docs; a ranker is trained for its explorer, which takes npm too
# make readme  README.md from nbs/index.ipynb
# make hooks   nbdev's git hooks: notebooks merge cell by cell
# make clean   remove what these commands made, but for your runs/
#
# Each sets up its own virtual environment, .venv, once, with the versions of constraints.txt.
# Another interpreter: make run PYTHON=python3.12

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONNOUSERSITE := 1
sources := setup.py settings.ini constraints.txt
install := .venv/bin/python -m pip install -qq --use-pep517 --disable-pip-version-check -c constraints.txt
say := @printf '\n== %s\n'

.PHONY: run lab check test test-arango times numbers leaderboard docs readme hooks clean

run: .venv/installed-run
	movierec run

lab: .venv/installed-all
	jupyter lab nbs/tutorials/from_ratings_to_recommendations.ipynb

check: .venv/installed-all
	$(say) 'Chapters can be read, keep to the style, and import one way'
	@python tests/tools/check_style.py
	$(say) 'Layout of modules and tests'
	@ruff check -q tests setup.py movierec
	$(say) 'Notebooks are clean'
	@python tests/tools/check_generated.py clean
	$(say) 'Modules are those that the notebooks export'
	@python tests/tools/check_generated.py export
	$(say) 'The settings in conf/ are those of the chapters'
	@python tests/tools/check_generated.py conf
	$(say) 'README.md is that of nbs/index.ipynb'
	@python tests/tools/check_generated.py readme

test: check
	$(say) 'Notebooks run from top to bottom'
	@python tests/tools/run_notebooks.py
	$(say) 'Tests outside notebooks, the wheel and the site'
	@python -m pytest tests

times: .venv/installed-all
	python tests/tools/times.py

test-arango: .venv/installed-all
	@test -n '$(ARANGO_URL)' || { echo 'Name the server: make test-arango ARANGO_URL=http://127.0.0.1:8529' >&2; exit 2; }
	$(say) 'The store of ArangoDB, against $(ARANGO_URL)'
	@ARANGO_URL='$(ARANGO_URL)' python -m pytest -v tests/store/test_store_contract.py \
	  tests/store/test_hostile_names.py tests/store/test_arango_real_server.py

numbers: .venv/installed-all
	python tests/tools/measure.py

leaderboard: .venv/installed-peers
	python tests/benchmarks/leaderboard.py --results runs/leaderboard --data $(or $(DATA),ratings_small)
	python tests/benchmarks/ablations.py --results runs/leaderboard --data $(or $(DATA),ratings_small)
	python tests/benchmarks/newcomers.py --results runs/leaderboard --data $(or $(DATA),ratings_small)
	python tests/benchmarks/report.py runs/leaderboard nbs/tutorials/leaderboard

docs: .venv/installed-all
	python tests/tools/make_site.py _docs

readme: .venv/installed-all
	python tests/tools/make_readme.py

hooks: .venv/installed-all
	nbdev_install_hooks

clean:
	rm -rf .venv _docs _proc build dist movierec.egg-info .ruff_cache tests/.pytest_cache tests/serve/javascript/node_modules .hypothesis
	find nbs movierec tests -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-run: $(sources) | .venv/bin/python
	@echo 'Installing movierec into .venv: about 2 GB the first time'
	@$(install) -e '.[train]'
	@touch $@

.venv/installed-all: $(sources) | .venv/bin/python
	@echo 'Installing movierec and its tools into .venv: about 2 GB the first time'
	@$(install) -e '.[all,dev,docs]'
	@touch $@ .venv/installed-run

.venv/installed-peers: tests/benchmarks/requirements.txt .venv/installed-all
	@$(install) -r tests/benchmarks/requirements.txt
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'movierec needs Python 3.11 or newer as "$(PYTHON)". Name another: make $(or $(MAKECMDGOALS),run) PYTHON=python3.11' >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
