"""What several tests share: a copy of the project to spoil, a run of one epoch, the site, npm's packages."""
import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait sleep, as in the command line
# The files that a copy needs.
PROJECT = (
    "CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "_quarto.yml", "constraints.txt",
    "settings.ini", "setup.py",
)


def run(*command, cwd, **environment):  # -> CompletedProcess with text; fails with all that the command said
    environment = {**os.environ, **environment}
    environment = {
        name: value for name, value in environment.items() if name not in ("PYTHONPATH", "IN_TEST")
    }
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def tool(name): return Path(sys.executable).with_name(name)  # a command of this virtual environment


def settings():  # the section of settings.ini
    parser = ConfigParser(delimiters="=")
    parser.read(ROOT / "settings.ini", encoding="utf-8")
    return parser["DEFAULT"]


@pytest.fixture
def project(tmp_path):
    "A copy of what the package and its notebooks are made of, to spoil."
    return copy_project(tmp_path / "project")


def copy_project(to):
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    to.mkdir()
    for name in ("nbs", "movierec"): shutil.copytree(ROOT / name, to / name, symlinks=True, ignore=skip)
    for name in PROJECT: shutil.copy(ROOT / name, to / name)
    return to


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    "A folder with a store and runs/latest, made by the command line in one short epoch."
    folder = tmp_path_factory.mktemp("trained")
    run(tool("movierec"), "data", cwd=folder)
    run(tool("movierec"), "train", "trainer.epochs=1", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    "The folder with the sdist, and the wheel that was built from it; no network is needed."
    for name in ("build", "setuptools"): pytest.importorskip(name, reason=f"{name} is not installed")
    folder = tmp_path_factory.mktemp("built")
    source = copy_project(folder / "source")  # the build leaves files beside the sources
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    "The folder of the site's pages, without what the explorer loads."
    folder = tmp_path_factory.mktemp("site")
    code = "import sys, pathlib; sys.path.insert(0, 'tests/tools'); " \
           "import make_site; make_site.make_site(pathlib.Path(sys.argv[1]))"
    run(sys.executable, "-c", code, folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def node_modules():
    "The folder of the packages that package-lock.json pins; without node, npm or a registry, tests skip."
    import explorer
    try: return explorer.node_modules()
    except explorer.NoNpm as error: pytest.skip(str(error))
