"""One front door: twenty names, loaded when asked for, listed by completion and help, without PyTorch too."""
import importlib
import subprocess
import sys
import time
from importlib import metadata

import pytest
from packaging.requirements import Requirement

import movierec
import movierec.testing
from conftest import settings
from movierec import core, doctor, front_door

HEAVY = [
    "torch",
    "fastai",
    "fastcore",
    "pandas",
    "numpy",
    "duckdb",
    "onnxruntime",
    "hydra",
    "pyarrow",
    "matplotlib",
]
PACKAGES = {"movierec": front_door.NAMES, "movierec.testing": front_door.TESTING_NAMES}
ENTRIES = [(package, name) for package, names in PACKAGES.items() for name in names]
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
TRAINING = ["torch", "torch_geometric", "fastai", "fastcore", "onnx", "onnxscript", "matplotlib"]


# -> what a fresh interpreter prints, where some packages are not installed
def python(code, absent=(), fails=False):
    code = (WITHOUT.format(absent=set(absent)) if absent else "") + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


@pytest.mark.parametrize("package, name", ENTRIES, ids=[f"{package}.{name}" for package, name in ENTRIES])
def test_each_name_is_that_of_its_module(package, name):
    module, line = PACKAGES[package][name]
    own = importlib.import_module(f"movierec.{module}")
    assert getattr(importlib.import_module(package), name) is getattr(own, name)
    assert name in own.__all__ and 10 < len(line) <= 60 and line.endswith(".")


def test_about_twenty_names_are_listed(): assert 18 <= len(movierec.__all__) <= 24


@pytest.mark.parametrize("package", PACKAGES)
def test_completion_lists_them_before_they_are_loaded(package):
    listed = python(f"import {package}; print(*dir({package}))").split()
    assert set(PACKAGES[package]) <= set(listed)


def test_the_plain_interpreter_completes_without_loading():
    code = "import sys, rlcompleter, movierec; c = rlcompleter.Completer({'movierec': movierec})\n" \
           "print(c.complete('movierec.Recom', 0), 'torch' in sys.modules, 'onnxruntime' in sys.modules)"
    assert python(code).split() == ["movierec.Recommender", "False", "False"]


@pytest.mark.parametrize("absent", [(), TRAINING], ids=["with PyTorch", "without"])
@pytest.mark.parametrize("package", PACKAGES)
def test_help_shows_a_line_for_each(package, absent):
    shown = python(f"import {package}; help({package})", absent)
    assert [
        name for name, (_, line) in PACKAGES[package].items() if f"{name} " not in shown or line not in shown
    ] == []


def test_importing_movierec_is_fast_and_loads_nothing_heavy():
    assert python(f"import sys, movierec; print(sorted(set({HEAVY}) & sys.modules.keys()))").strip() == "[]"
    code = "import time; start = time.perf_counter(); import movierec; print(time.perf_counter() - start)"
    assert min(float(python(code)) for _ in range(3)) < 0.3


@pytest.mark.parametrize(
    "name",
    [
        "load_sample",
        "load_dataset",
        "read_table",
        "open_store",
        "Recommender",
        "Filters",
        "recommend_all",
        "quantize_bundle",
        "add_movies",
        "load_config",
        "MovierecError",
    ],
)
def test_these_work_without_pytorch(name):
    code = f"import sys; from movierec import {name}; print(sorted(set({TRAINING}) & sys.modules.keys()))"
    assert python(code, absent=TRAINING).strip() == "[]"


@pytest.mark.parametrize("name", ["recommender_learner", "build_graph", "export_bundle", "compare"])
def test_without_pytorch_one_line_says_what_to_install(name):
    said = python(f"from movierec import {name}", TRAINING, fails=True).strip().splitlines()[-1]
    assert said.startswith(f"ImportError: {name} needs ") and said.endswith('pip install "movierec[train]"')


def test_the_extras_are_those_of_settings():
    wanted = {key.removesuffix("_requirements") for key in settings() if key.endswith("_requirements")}
    assert set(core.EXTRAS) == wanted - {"dev", "docs"}  # those are not imported by movierec
    for extra, modules in core.EXTRAS.items():
        asked = {Requirement(text).name for text in settings()[f"{extra}_requirements"].split()}
        assert set(modules.values()) == asked, extra


OLD_PANDAS = """
import pandas; pandas.__version__ = "2.2.3"
import movierec
for name in movierec.__all__:
    try: getattr(movierec, name)
    except movierec.MovierecError as error: print(name, "|", error)
"""


def test_an_old_pandas_is_refused_in_one_line_wherever_tables_are_read():
    said = dict(line.split(" | ") for line in python(OLD_PANDAS).splitlines())
    assert set(movierec.__all__) - set(said) == {"load_config", "MovierecError"}
    refusal = "movierec needs pandas 3 or newer, and this is pandas 2.2.3: "
    assert set(said.values()) == {refusal + 'pip install "pandas>=3", then restart Python'}
    assert Requirement(settings()["requirements"].split()[0]).specifier.contains(str(core.OLDEST_PANDAS))


def test_the_command_refuses_an_old_pandas_in_one_line_and_doctor_names_it(tmp_path):
    old = "import importlib.metadata as m, sys, pandas; pandas.__version__ = '2.2.3'; own = m.version; " \
          "m.version = lambda name: '2.2.3' if name == 'pandas' else own(name); " \
          f"import os; os.chdir({str(tmp_path)!r}); from movierec.cli import main; sys.exit(main(['{{}}']))"
    said = python(old.format("data"), fails=True).strip().splitlines()
    assert len(said) == 1 and "movierec needs pandas 3 or newer, and this is pandas 2.2.3" in said[0]
    report = python(old.format("doctor"))
    assert "  does not fit: pandas 2.2.3, since movierec needs pandas<4,>=3.0; pip install" in report


def test_doctor_says_when_torchvision_does_not_fit_torch(monkeypatch):
    known, asked = metadata.version, metadata.requires
    monkeypatch.setattr(metadata, "version", lambda name: "0.20" if name == "torchvision" else known(name))
    monkeypatch.setattr(
        metadata, "requires", lambda name: ["torch==2.5.0"] if name == "torchvision" else asked(name)
    )
    lines = list(doctor._others())
    assert "torchvision 0.20" in lines[0]
    assert lines[1].startswith("  does not fit: torch ")
    assert lines[1].endswith("since torchvision needs torch==2.5.0; pip install --upgrade torchvision")


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'movierec' has no attribute 'recomend'"):
        movierec.recomend
    with pytest.raises(ImportError, match="cannot import name 'recomend'"):
        exec("from movierec import recomend")


def test_a_fault_of_our_own_is_not_taken_for_a_missing_extra(monkeypatch):
    monkeypatch.setitem(front_door.NAMES, "broken", ("no_such_module", "Is not there."))
    with pytest.raises(ModuleNotFoundError, match="movierec.no_such_module"): movierec.broken


def test_a_second_look_costs_nothing():
    movierec.MovierecError
    start = time.perf_counter()
    for _ in range(1000): movierec.MovierecError
    assert time.perf_counter() - start < 0.1 and "MovierecError" in vars(movierec)
