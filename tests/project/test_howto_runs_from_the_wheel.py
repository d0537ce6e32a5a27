"""The page "Bring a model of your own" runs from the wheel in an empty folder, and its bundle serves without
PyTorch."""
import json
import site
import sys
from pathlib import Path

import pytest
from test_wheel import wheel  # noqa: F401, a fixture

from conftest import ROOT, run

PAGE = ROOT / "nbs" / "howto" / "10_your_own_model.ipynb"
SERVE = """
import sys
for name in ("torch", "torch_geometric", "fastai"): sys.modules[name] = None  # none of them can be imported
import movierec
answer = movierec.Recommender.load(sys.argv[1]).recommend(1, k=3)
print(movierec.__file__, *answer.movie_id)
"""


def code_of(page):  # all cells, one after the other
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):  # noqa: F811
    "Python of a virtual environment that has the wheel, and finds all else where it is installed here."
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    own = next(folder.glob("lib*/**/site-packages"))
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        own,
        wheel,
        cwd=folder,
    )
    here = [path for path in sys.path if path.endswith("-packages")] or site.getsitepackages()
    (own / "elsewhere.pth").write_text("\n".join(here))
    return next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())


@pytest.fixture(scope="module")
def folder(python, tmp_path_factory):
    "An empty folder in which the page has run."
    folder = tmp_path_factory.mktemp("empty")
    (folder / "tmp").mkdir()
    run(python, "-c", code_of(PAGE), cwd=folder, TMPDIR=str(folder / "tmp"), MPLBACKEND="agg")
    return folder


def test_the_page_leaves_a_bundle_and_nothing_else(folder):
    assert [path.name for path in folder.iterdir()] == ["tmp"]
    assert len(list(folder.rglob("manifest.json"))) == 1


def test_its_bundle_serves_without_pytorch(python, folder):
    bundle = next(folder.rglob("manifest.json")).parent
    module, *movie_ids = run(python, "-c", SERVE, bundle, cwd=folder).stdout.split()
    assert Path(module).is_relative_to(Path(python).parents[1])  # the wheel's, not the repository's
    assert len(movie_ids) == 3
