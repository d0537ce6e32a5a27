"""The configuration: documented, whole in a copy of the package, the same from every folder."""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import movierec.config as config
import movierec.settings as settings_of
from conftest import ROOT
from make_conf import meanings
from movierec.models.registry import MODELS
from movierec.store.opening import STORE_SETTINGS


def python(script, *arguments, cwd, source=ROOT):  # what it printed, in a process and a folder of its own
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def comments(file): return dict(re.findall(r"^ *([a-z_]+): [^#\n]*# *(.*)$", file.read_text(), re.M))


def meant_by(group):  # what the dataclasses say of each key of a group
    if group == "config": return meanings(settings_of._Common)
    owners = {
        "data": [settings_of.DataConfig],
        "split": [settings_of.SplitConfig],
        "trainer": [settings_of.TrainerConfig],
        "model": [model.Options for model in MODELS.values()], "store": STORE_SETTINGS.values(),
    }
    return {key: said for owner in owners[group] for key, said in meanings(owner).items()}


@pytest.mark.parametrize("group", ["config", *config.choices()])
def test_every_key_has_its_meaning_beside_it(group):
    names = [f"{group}/{name}" for name in config.choices()[group]] if group != "config" else ["config"]
    said = [comments(config.CONF / f"{name}.yaml") for name in names]
    for file, keys in zip(names, said):
        owner = MODELS[file.partition("/")[2]].Options if group == "model" else None
        meant = meanings(owner) if owner else meant_by(group)
        assert {key: meaning for key, meaning in keys.items() if key != "name"}.items() <= meant.items()
    assert set().union(*said) - {"name"} == set(meant_by(group)) - {"name"}
    assert group in ("config", "data", "trainer") or all(keys["name"] for keys in said)


def test_each_choice_composes():
    for group, names in config.choices().items():
        for name in names:
            overrides = [f"{group}={name}"]
            loaded = config.load_config(overrides)
            assert all(line in config.config_text(loaded) for line in (f"{group}:", "k: 10"))


def test_a_model_brings_its_own_settings_and_a_choice_by_hand_wins():
    def of(*overrides):
        loaded = config.load_config(overrides)
        return loaded.split.name, loaded.trainer.epochs, loaded.trainer.batch_size

    lightgcn, sage = of("model=lightgcn"), of("model=sage")
    assert lightgcn[0] == "temporal_user" and sage[0] == "random" and lightgcn[2] != sage[2]
    assert of("split=random_user", "model=sage") == ("random_user", *sage[1:])
    assert of("model=sage", "trainer.epochs=7") == ("random", 7, sage[2])
    assert of("trainer=lightgcn", "model=sage") == ("random", *lightgcn[1:])


def test_the_same_from_every_folder_and_nothing_is_left_there(tmp_path):
    script = """
from movierec.config import config_text, load_config
print(config_text(load_config(["model=sage", "store.path=here.duckdb"])))
"""
    (tmp_path/"conf").mkdir()  # somebody's own folder of that name
    (tmp_path/"conf"/"config.yaml").write_text("k: wrong")
    (tmp_path/"nbs").mkdir()
    seen = {python(script, cwd=folder) for folder in (tmp_path, tmp_path/"nbs", tmp_path/"conf")}
    assert len(seen) == 1 and "path: here.duckdb " in seen.pop()  # relative, and so where the shell is
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["conf", "config.yaml", "nbs"]


def test_a_copy_of_the_package_brings_its_files(tmp_path):
    left_out = shutil.ignore_patterns("__pycache__", "sample")
    shutil.copytree(ROOT/"movierec", tmp_path/"elsewhere"/"movierec", ignore=left_out)
    script = "import movierec.config as c; print(c.CONF); print(c.load_config(['model=sage']).model.name)"
    where, name = python(script, cwd=tmp_path, source=tmp_path/"elsewhere").split()
    assert where == str(tmp_path/"elsewhere"/"movierec"/"conf") and name == "sage"


def test_inside_an_application_of_hydra(tmp_path):
    (tmp_path/"app.py").write_text("""
import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from movierec.core import MovierecError
from movierec.config import load_config

@hydra.main(version_base="1.2", config_path=None)
def app(theirs):
    before, name = GlobalHydra.instance().hydra, HydraConfig.get().job.name
    for overrides in (["trainer.epochs=3"], ["trainer.epochs=0"], ["model=sage"]):
        try: print(load_config(overrides).model.name)
        except MovierecError as error: print(error)
    assert GlobalHydra.instance().hydra is before and HydraConfig.get().job.name == name == "app"
    print(theirs.x)

app()
""")
    script = """
import runpy, sys
sys.argv = ["app.py", "+x=7", "hydra.run.dir=.", "hydra.output_subdir=null"]
runpy.run_path("app.py", run_name="__main__")
"""
    lines = python(script, cwd=tmp_path).splitlines()
    refused = "trainer.epochs=0 is not allowed: it takes a whole number, 1 or more."
    assert lines == ["history", refused, "sage", "7"]


def test_threads_do_not_mix_even_when_some_fail():
    def model_of(n): return "sage" if n % 2 else "lightgcn"

    def ask(n):
        try: return config.load_config([f"seed={n}", f"k={n % 7 - 1}", f"model={model_of(n)}"])
        except config.ConfigError as error: return str(error)

    with ThreadPoolExecutor(8) as pool: answers = list(pool.map(ask, range(60)))
    for n, answer in enumerate(answers):
        if n % 7 == 0: assert answer.startswith("k=-1 is not allowed")
        else:
            found = (answer.seed, answer.split.seed, answer.k, answer.model.name)
            assert found == (n, n, n % 7 - 1, model_of(n))


keys = st.sampled_from(["k", "user", "history", "model", "trainer", "trainer.epochs", "data.path",
                        "store.path", "runs", "split.name", "hydra", "", "modell"])
values = st.one_of(st.text(), st.integers(), st.floats(), st.dictionaries(st.text(), st.integers()))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(), st.builds("{}={}".format, keys, values)))
def test_any_text_is_understood_or_refused_in_one_line(override):
    try: loaded = config.load_config([override])
    except config.ConfigError as error: assert str(error) and "\n" not in " ".join(str(error).split())
    else: assert isinstance(loaded, config.Config)


PATHS = ["~user/x", "My films (1)", "a,b", "a=b", "C:\\films\\", "it's", "ünï/コード", "a:b # c", "{x}",
         "null", "100%"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_what_the_shell_passed_on(path, tmp_path):
    quoted = f'"{path}"' if "," in path or path in ("null", "{x}") else path
    loaded = config.load_config([f"store.path={quoted}"])
    assert loaded.store.path == os.path.expanduser(path)
    (tmp_path/"config.yaml").write_text(config.config_text(loaded), encoding="utf-8")
    assert config.read_config(tmp_path/"config.yaml") == loaded


def test_importing_it_is_light(tmp_path):
    heavy = ["hydra", "omegaconf", "yaml", "numpy", "pandas", "pyarrow", "duckdb", "torch", "fastai",
             "fastcore", "nbdev", "matplotlib", "onnxruntime"]
    script = f"import sys, movierec.config, movierec.cli; print(*set(sys.modules) & set({heavy}))"
    assert python(script, cwd=tmp_path).split() == []
