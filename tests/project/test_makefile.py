"""`make lab` opens the first tutorial with the environment on the path; no page promises a time."""
import os
import re
import shutil
import subprocess

import pytest

import times
from conftest import ROOT

PAGES = ["README.md", "Makefile", "CONTRIBUTING.md", "nbs/tutorials/from_ratings_to_recommendations.ipynb"]
MAKE = shutil.which("make")
needs_make = pytest.mark.skipif(not MAKE, reason="make is not installed")


@pytest.fixture
def installed(tmp_path):
    "A folder in which everything is installed, and `jupyter` says how it was called."
    for name in ("Makefile", "setup.py", "settings.ini", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, says in {"python": "", "jupyter": 'echo "$PATH"; echo "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{says}\n")
        (programs / name).chmod(0o755)
    (tmp_path / ".venv" / "installed-all").touch()
    return tmp_path


@needs_make
def test_lab_opens_the_first_tutorial_with_the_environment_on_the_path(installed):
    done = subprocess.run([MAKE, "-s", "lab"], cwd=installed, capture_output=True, text=True)
    path, arguments = done.stdout.splitlines()
    assert path.split(os.pathsep)[0] == str(installed / ".venv" / "bin")
    command, notebook = arguments.split()
    assert command == "lab" and (ROOT / notebook).samefile(times.TUTORIAL)


@needs_make
def test_lab_installs_first(installed):
    (installed / ".venv" / "installed-all").unlink()
    shown = subprocess.run([MAKE, "-n", "lab"], cwd=installed, capture_output=True, text=True).stdout
    assert shown.index("pip install") < shown.index("jupyter lab")
    assert "jupyterlab" in (ROOT / "settings.ini").read_text()


def test_every_command_of_the_makefile_is_described():
    text = (ROOT / "Makefile").read_text()
    described = set(re.findall(r"^# make ([\w-]+)", text, flags=re.M))
    assert described == set(re.search(r"^\.PHONY: (.+)", text, flags=re.M)[1].split())


@pytest.mark.parametrize("name", PAGES)
def test_no_page_promises_a_time(name):
    promise = r"(?:some|about|under|or two|\d+) (?:seconds|minutes?|hours?)\b"
    assert re.findall(promise, (ROOT / name).read_text(encoding="utf-8")) == []


def test_times_measures_what_the_readme_names():
    assert {"movierec run", "README", "tutorial", "make check"} == set(times.COMMANDS)
    assert "recommend(" in times.first_recommendation()
