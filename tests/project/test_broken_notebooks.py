"""The test commands see broken notebooks, and say which file is broken."""
import shutil
import subprocess
import sys

import pytest

import check_generated
import check_style
from conftest import ROOT

BROKEN = ROOT/"tests"/"project"/"broken"


def run_notebook(path):
    return subprocess.run(
        [sys.executable, ROOT / "tests" / "tools" / "run_notebooks.py", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_a_failing_notebook_fails_the_test_command():
    done = run_notebook(BROKEN/"fails.ipynb")
    assert done.returncode != 0 and "fails.ipynb" in done.stderr and "one and one is two" in done.stderr


def test_a_mended_notebook_passes_it(tmp_path):
    mended = (BROKEN/"fails.ipynb").read_text().replace("1 + 2", "1 + 1")
    (tmp_path/"mended.ipynb").write_text(mended)
    done = run_notebook(tmp_path/"mended.ipynb")
    assert done.returncode == 0, done.stderr
    assert "mended.ipynb: 0 secs" in done.stdout


@pytest.mark.parametrize("name, says", [("conflict", "conflict markers"), ("no_default_exp", "default_exp")])
def test_a_notebook_that_nbdev_does_not_name_is_named(tmp_path, name, says):
    (tmp_path/"nbs").mkdir()
    shutil.copy(BROKEN/f"{name}.ipynb", tmp_path/"nbs")
    assert any(
        f"nbs/{name}.ipynb" in str(problem) and says in str(problem)
        for problem in check_style.check(tmp_path)
    )


def test_a_notebook_that_is_not_clean_is_named(project):
    path = project/"nbs"/"index.ipynb"
    assert not check_generated.main("clean", project)
    path.write_text(path.read_text().replace('"execution_count": null', '"execution_count": 7'))
    assert check_generated.main("clean", project)


@pytest.mark.parametrize("spoil", [
    lambda module: module.write_text(module.read_text() + "edited = 'by hand'\n"),
    lambda module: module.with_name("orphan.py").write_text("notebook = None\n"),
    lambda module: module.unlink()], ids=["edited", "without a notebook", "missing"])
def test_a_module_that_is_not_its_notebooks_is_named(project, spoil, capsys):
    spoil(project/"movierec" / "models" / "graph.py")
    assert check_generated.main("export", project)
    assert (
        "orphan.py" if (project / "movierec" / "models" / "orphan.py").exists() else "graph.py"
    ) in capsys.readouterr().out


def test_a_readme_edited_by_hand_is_seen(project):
    assert not check_generated.main("readme", project)
    (project/"README.md").write_text((project/"README.md").read_text() + "\nby hand\n")
    assert check_generated.main("readme", project)
