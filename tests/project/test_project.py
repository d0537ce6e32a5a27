"""The repository itself: what lies at its top, pins, secrets, marks of conflicts, and paths of machines."""
import json
import os
import re
import subprocess

import pytest
from packaging.requirements import Requirement

import movierec
import style_form
from conftest import ROOT, settings

TOP = {
    ".ci",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "README.md",
    "_quarto.yml",
    "constraints.txt",
    "movierec",
    "nbs",
    "ruff.toml",
    "settings.ini",
    "setup.py",
    "tests",
}
CONFLICT = ROOT/"tests"/"project"/"broken"/"conflict.ipynb"  # has marks on purpose


BINARY = {".onnx", ".parquet", ".png", ".pt", ".safetensors"}


def tracked():
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT/name for name in listing.split("\0") if name and (ROOT/name).exists()]


def texts():  # (path, text) of each tracked text file
    for path in tracked():
        if path.is_file() and path.suffix not in BINARY:
            yield path, path.read_text(encoding="utf-8")


def named(path): return path.relative_to(ROOT).as_posix()


def test_nothing_else_lies_at_the_top(): assert {named(path).split("/")[0] for path in tracked()} == TOP


def test_each_requirement_is_pinned_to_a_version_that_it_allows():
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    for key in [key for key in settings() if key.endswith("requirements")]:
        for requirement in map(Requirement, settings()[key].split()):
            pin = pins[requirement.name.lower()]
            assert requirement.specifier.contains(pin), (
                f"constraints.txt has {requirement.name}=={pin}, settings.ini asks for {requirement}"
            )


def test_torch_is_pinned_exactly():
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


def test_one_version_everywhere():
    assert settings()["version"] == movierec.__version__
    assert f"\n## {movierec.__version__}\n" in (ROOT/"CHANGELOG.md").read_text()


def test_only_the_form_of_nbdev_2_is_there():
    assert not (ROOT / "pyproject.toml").exists(), (
        "nbdev 2 reads settings.ini; a pyproject.toml would be a second place to look"
    )
    assert settings()["update_pyproject"] == "False"


def test_quarto_reads_the_file_at_the_top(): assert (ROOT/"nbs"/"_quarto.yml").resolve() == ROOT/"_quarto.yml"


def test_ci_can_be_run(): assert os.access(ROOT/".ci"/"run", os.X_OK)


OWN = ("actions/", "pypa/gh-action-pypi-publish@")  # GitHub's, and the Python Packaging Authority's


def test_workflows_use_our_own_steps():
    for path in (ROOT/".github"/"workflows").glob("*.yml"):
        used = re.findall(r"uses:\s*(\S+)", path.read_text())
        assert all(action.startswith(OWN) for action in used), (
            f"{path.name} uses {used}: nbdev's shared action installs another nbdev"
        )


def test_no_conflict_markers():
    marked = [
        named(path)
        for path, text in texts()
        if re.search(r"^(<{7} |>{7} )", text, flags=re.M) and path != CONFLICT
    ]
    assert marked == []


SECRETS = "|".join(
    [
        r"AKIA[0-9A-Z]{16}",
        r"gh[pousr]_\w{30,}",
        r"github_pat_\w{20,}",
        r"xox[abprs]-[\w-]{10,}",
        r"sk-[A-Za-z0-9]{20,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
        r"eyJ[\w-]{20,}\.eyJ",
    ]
)
PASSWORDS = r"(?i:password|passwd|secret|api_?key|token)\s*[:=]\s*[\"'][^\"'\s{}$<]{6,}[\"']"


def secrets(text): return [found[0] for found in re.finditer(f"{SECRETS}|{PASSWORDS}", text)]


def test_no_secrets():
    assert secrets("password = 'hunter22'") and secrets("ghp_" + "a" * 36), (
        "the patterns find what they are for"
    )
    assert {
        named(path): found
        for path, text in texts()
        if (found := secrets(text)) and path.name != "test_project.py"
    } == {}


@pytest.mark.parametrize(
    "line, seen",
    [
        ("/root/x", True),
        ("saved in /tmp/tmpab12/x", True),
        ("C:\\Users\\me", True),
        ("a/home/b and 1/2", False),
    ],
)
def test_paths_of_machines_are_recognised(line, seen):
    assert bool(re.search(style_form.UNSTABLE["a machine's path"], line)) == seen


def test_no_paths_of_machines_in_outputs():
    for path in (ROOT/"nbs").rglob("*.ipynb"):
        outputs = json.dumps([cell.get("outputs") for cell in json.loads(path.read_text())["cells"]])
        outputs = re.sub(r'"image/png": "[^"]*"', "", outputs)
        assert not re.search(style_form.UNSTABLE["a machine's path"], outputs), named(path)


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", (ROOT/"README.md").read_text())
    assert [link for link in links if not (ROOT/link).exists()] == []
