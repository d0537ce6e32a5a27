"""Check the hard limits of this project's style in all notebooks and modules.

    python tests/tools/check_style.py [notebook ...]

Prints one line for each breach: file, cell, rule, what to do. A rule is a function that yields `Problem`s:
those of `RULES` see one notebook, of `PROJECT_RULES` all of them, of `MODULE_RULES` what the modules import.
The rules stand in style_form.py, style_docs.py and style_layers.py; CONTRIBUTING.md says why.
"""
import sys
from pathlib import Path

import style_docs
import style_form
import style_layers
from style_notebook import ROOT, notebooks

RULES = style_form.RULES + style_docs.RULES
PROJECT_RULES = [*style_form.PROJECT_RULES, style_layers.layers, style_layers.numbers]
MODULE_RULES = [style_layers.module_layers, style_layers.circles]


def check(root=ROOT):  # -> all problems of the repository
    nbs, problems = notebooks(root)
    for nb in nbs:
        for rule in RULES: problems += rule(nb)
    for rule in PROJECT_RULES: problems += rule(nbs)
    found = style_layers.module_imports(root)
    for rule in MODULE_RULES: problems += rule(found)
    return problems


def main(*files):
    wanted = {Path(file).resolve().relative_to(ROOT).as_posix() for file in files}
    problems = [problem for problem in check() if not wanted or problem.file in wanted]
    for problem in problems: print(problem)
    print(f"{len(problems)} problems" if problems else "no problems")
    return bool(problems)


if __name__ == "__main__": sys.exit(main(*sys.argv[1:]))
