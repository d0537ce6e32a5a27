# make run     recommendations from the sample, a minute or two after the installation
# make test    everything that continuous integration runs
# make leaderboard  movierec beside its peers, some hours: tables and figures in runs/leaderboard and on the page; DATA="ml-100k=FOLDER ratings_small"
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

.PHONY: run test leaderboard docs readme hooks clean

run: .venv/installed-run
	movierec run

test: .venv/installed-all
	$(say) 'Notebooks can be read and keep to the style'
	@python tests/tools/check_style.py
	$(say) 'Notebooks are clean'
	@python tests/tools/check_generated.py clean
	$(say) 'Modules are those that the notebooks export'
	@python tests/tools/check_generated.py export
	$(say) 'README.md is that of nbs/index.ipynb'
	@python tests/tools/check_generated.py readme
	$(say) 'Notebooks run from top to bottom'
	@python tests/tools/run_notebooks.py
	$(say) 'Tests outside notebooks, the wheel and the site'
	@python -m pytest tests

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
	rm -rf .venv _docs _proc build movierec.egg-info tests/.pytest_cache tests/serve/javascript/node_modules .hypothesis
	find nbs movierec tests -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-run: $(sources) | .venv/bin/python
	@echo 'Installing movierec into .venv: some minutes and about 2 GB the first time'
	@$(install) -e '.[train]'
	@touch $@

.venv/installed-all: $(sources) | .venv/bin/python
	@echo 'Installing movierec and its tools into .venv: some minutes and about 2 GB the first time'
	@$(install) -e '.[all,dev,docs]'
	@touch $@ .venv/installed-run

.venv/installed-peers: tests/benchmarks/requirements.txt .venv/installed-all
	@$(install) -r tests/benchmarks/requirements.txt
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'movierec needs Python 3.11 or newer as "$(PYTHON)". Name another: make $(or $(MAKECMDGOALS),run) PYTHON=python3.11' >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
