"""The wheel without extras, installed elsewhere, serves what was trained here."""
import shutil
import subprocess
import sys
import zipfile

import pytest

import style_layers
from conftest import ROOT, run

NOT_THERE = [
    "torch",
    "torch_geometric",
    "fastai",
    "fastcore",
    "nbdev",
    "execnb",
    "matplotlib",
    "onnx",
    "arango",
]


@pytest.fixture(scope="module")
def wheel(built): return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    "A fresh virtual environment, outside of the repository, with the wheel and what it needs."
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "venv", cwd=folder)
    run(
        folder / "venv/bin/python",
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        ROOT / "constraints.txt",
        wheel,
        cwd=folder,
    )
    return folder


def python(elsewhere, code): return run(elsewhere/"venv/bin/python", "-c", code, cwd=elsewhere).stdout.strip()


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "movierec").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == package
    assert "movierec/conf/config.yaml" in names and "movierec/sample/ratings.parquet" in names
    assert any(name.endswith("/LICENSE") for name in names)


def test_neither_pytorch_nor_nbdev_comes_with_it(elsewhere):
    assert (
        python(
            elsewhere,
            f"import importlib.util as u; print([name for name in {NOT_THERE} if u.find_spec(name)])",
        )
        == "[]"
    )


def serving_modules():  # all modules that must work without extras
    for path in sorted((ROOT / "movierec").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        folder = name.split(".")[1] if "." in name else ""
        if folder not in style_layers.TRAINING and not path.stem.startswith("arango"): yield name


def test_every_module_for_serving_can_be_imported(elsewhere):
    modules = list(serving_modules())
    assert "movierec.serve.recommender" in modules and "movierec.models.graph" not in modules
    python(elsewhere, f"import importlib; [importlib.import_module(name) for name in {modules}]")
    assert python(elsewhere, "import movierec; print(movierec.__file__)").startswith(str(elsewhere))


def test_importing_movierec_imports_nothing_slow(elsewhere):
    slow = {"pandas", "numpy", "duckdb", "onnxruntime", "hydra", "pyarrow"}
    code = f"import sys; import movierec; print(sorted({slow} & sys.modules.keys()))"
    assert python(elsewhere, code) == "[]"


def test_the_sample_loads_right_after_installation(elsewhere):
    assert (
        python(elsewhere, "from movierec import load_sample; print(len(load_sample().ratings))") == "100004"
    )


RECOMMEND = """
from movierec import Recommender
answer = Recommender.load({bundle!r}).recommend(user_id=1, k=10)
print(answer[["movie_id", "rank"]].to_csv(index=False))
"""


def test_a_bundle_recommends_there_what_it_recommends_here(elsewhere, trained):
    shutil.copytree(trained/"runs/latest/bundle", elsewhere/"bundle")
    there = python(elsewhere, RECOMMEND.format(bundle="bundle"))
    here = run(
        sys.executable, "-c", RECOMMEND.format(bundle=str(trained / "runs/latest/bundle")), cwd=trained
    ).stdout.strip()
    assert there == here and len(there.splitlines()) == 11


def test_the_command_is_installed(elsewhere, trained):
    said = run(
        elsewhere / "venv/bin/movierec",
        "recommend",
        f"run={trained / 'runs/latest'}",
        "user=1",
        "k=3",
        cwd=elsewhere,
    ).stdout
    assert len(said.splitlines()) == 4, said


def test_training_there_says_what_to_install(elsewhere):
    run(elsewhere/"venv/bin/movierec", "data", cwd=elsewhere)
    done = subprocess.run(
        [elsewhere / "venv/bin/movierec", "train"], cwd=elsewhere, capture_output=True, text=True
    )
    assert (
        done.returncode == 2
        and done.stderr.count("\n") == 1
        and 'pip install "movierec[train]"' in done.stderr
    )
