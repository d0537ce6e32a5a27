"""The command line: each mistake is one line and status 2, and nothing is left half-made."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_project import settings

import movierec.cli as cli
from conftest import ROOT
from movierec import core
from movierec.commands import COMMANDS
from movierec.runs import Run

MOVIEREC = [sys.executable, "-c", "from movierec.cli import main; raise SystemExit(main())"]


def start(*arguments, cwd, before="", **environment):  # the command in a process of its own
    script = [*MOVIEREC[:2], f"{before}\n{MOVIEREC[2]}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*script, *arguments], cwd=cwd, env=environment, **streams)


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def movierec(*arguments, **how): return finish(start(*arguments, **how))


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    for arguments in (["data"], ["train", "trainer.epochs=1", "model.embedding_size=4"]):
        assert movierec(*arguments, cwd=folder)[0] == 0
    return folder


@pytest.fixture
def home(trained_once, tmp_path, monkeypatch):
    "A folder of one's own with a store and a run, to spoil."
    shutil.copytree(trained_once, tmp_path/"home", symlinks=True)
    monkeypatch.chdir(tmp_path/"home")
    return tmp_path/"home"


def the_run(home): return (home/"runs/latest").resolve()


MISTAKES = {
    "trian": "unknown command 'trian'",
    "user=42": "unknown command 'user=42'",
    "--hlep": "unknown option '--hlep'",
    "-x": "unknown option '-x'",
    "train --multirum": "Did you mean '--multirun'?",
    "data --multirun": "unknown option '--multirun'",
    "data trainer.epoch=3": "Did you mean 'trainer.epochs'?",
    "data spice=1": "unknown key 'spice'",
    "train model=lightgnc": "Did you mean 'lightgcn'?",
    "train trainer.epochs=0": "1 or more",
    "data k": "cannot read 'k'",
    "train model=sage,lightgcn": "--multirun",
    "train --multirun trainer.epochs=1,x": "trainer.epochs=x is not allowed",
    "data source=kaggle": "unknown data 'kaggle'",
    "data source=path": "give data.path=",
    "data source=path data.path=nowhere": "nowhere",
    "data source=path data.path=runs": "runs",
    "data data.path=x": "belongs to data=path",
    "data store.path=no/such/folder/x.duckdb": "no/such/folder",
    "data store.path=runs": "runs is a folder",
    "train store.path=new.duckdb": "`movierec data`",
    "train runs=movierec.duckdb/runs": "cannot write into runs=movierec.duckdb/runs",
    "train trainer.device=cuda:99": "trainer.device=cuda:99 is not on this machine",
    "evaluate run=runs/lastest": "Did you mean 'runs/latest'?",
    "evaluate runs=nowhere": "make one with `movierec train`",
    "export run=movierec.duckdb": "no run at movierec.duckdb",
    "recommend": "give user=ID",
    "recommend user=999999": "unknown user 999999",
    "recommend user=-1": "unknown user -1",
    "recommend user=me": "user=me is not allowed",
    "recommend user=1.5": "user=1.5 is not allowed",
    "recommend user=1 k=-1": "k=-1 is not allowed",
    "recommend user=1 k=99999999999999999999": "k",
    "recommend user=99999999999999999999999": "99999999999999999999999",
    "recommend user=1 history=318": "history=318 is not allowed",
    "run user=999999": "unknown user 999999",
}


@pytest.mark.parametrize("arguments, said", MISTAKES.items())
def test_a_mistake_is_one_line_and_status_2(arguments, said, home, capfd):
    before = sorted(path.name for path in home.rglob("*"))
    assert cli.main(arguments.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("movierec: ") and err.count("\n") == 1, err
    assert said in err and "Traceback" not in err, err
    left = {path.name for path in home.rglob("*")} - {*before}
    assert left <= {"new.duckdb", "multirun.yaml"}, left


def cut(path): path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "recommend user=1": ["bundle/recommender.onnx", "bundle/tables.safetensors", "bundle/movies.parquet",
                         "bundle/users.parquet", "bundle/manifest.json"],
    "evaluate": ["config.yaml", "split.parquet", "movies.parquet", "checkpoint.pt"],
    "export": ["config.yaml", "split.parquet", "movies.parquet", "checkpoint.pt", "metrics.json"],
}
DAMAGED = [(arguments, file) for arguments, files in DAMAGE.items() for file in files]


@pytest.mark.parametrize("arguments, file", DAMAGED)
@pytest.mark.parametrize("harm", [cut, Path.unlink, lambda path: path.write_bytes(b"\x80\x04null")])
def test_a_damaged_run_is_named_in_one_line(arguments, file, harm, home, capsys):
    harm(the_run(home)/file)
    assert cli.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and (Path(file).name in err or "no run at" in err), err


def test_a_checkpoint_of_another_model_is_refused(home, capsys):
    import torch
    torch.save({"weights": torch.zeros(3)}, the_run(home)/"checkpoint.pt")
    assert cli.main(["evaluate"]) == 2
    assert "checkpoint.pt was altered" in capsys.readouterr().err


def test_a_checkpoint_cannot_run_code(home, capsys):
    import pickle
    class Bomb:
        def __reduce__(self): return Path.touch, (home/"exploded",)
    (the_run(home)/"checkpoint.pt").write_bytes(pickle.dumps(Bomb()))
    assert cli.main(["evaluate"]) == 2 and not (home/"exploded").exists()


def test_a_bug_keeps_its_traceback(home):
    before = "import movierec.serve.recommender as r\nr.Recommender.load = lambda folder: 1 / 0"
    status, out, err = movierec("recommend", "user=1", cwd=home, before=before)
    assert status == 1 and "Traceback" in err and "ZeroDivisionError" in err


def test_ctrl_c_is_one_line_and_leaves_nothing_half_made(home):
    before = """
import movierec.runs as runs, signal, sys
# a shell may start background jobs with Ctrl-C switched off
signal.signal(signal.SIGINT, signal.default_int_handler)
def tell(*arguments, **how):
    print("training now", flush=True)
    while True: pass
runs._choose_epochs = tell
"""
    process = start("train", cwd=home, before=before)
    assert process.stdout.readline() == "training now\n"
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert (status, out, err) == (130, "", "movierec: stopped\n")
    assert sorted(path.name for path in (home/"runs").iterdir()) == [the_run(home).name, "latest"]


def test_a_killed_training_is_no_run(home):
    process = start("train", "runs=other", "trainer.epochs=1", "model.embedding_size=4", cwd=home, before="""
import movierec.runs as runs, os, signal
runs._training_curve = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
""")
    assert finish(process)[0] == -signal.SIGKILL
    status, out, err = movierec("evaluate", "runs=other", cwd=home)
    assert status == 2 and "make one with `movierec train`" in err


def test_a_reader_may_stop_reading(home):
    process = start("config", cwd=home)
    process.stdout.close()
    process.stdout = None
    assert finish(process)[0] == 0 and process.returncode == 0


def test_titles_print_where_the_terminal_knows_no_accents(home):
    no_accents = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    status, out, err = movierec("recommend", "user=1", "k=9000", cwd=home, **no_accents)
    assert status == 0 and "Am?lie" in out and err.startswith("note: user 1 has only")


def test_paths_are_those_of_the_shell(tmp_path):
    (tmp_path/"a").mkdir()
    status, out, err = movierec("data", "store.path=../b.duckdb", cwd=tmp_path/"a")
    assert status == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b.duckdb"]  # and no outputs/


GUEST = """
import sys
for name in ("torch", "torch_geometric", "fastai", "fastcore", "nbdev", "matplotlib", "onnx"):
    sys.modules[name] = None
"""


def test_without_the_training_libraries(home):
    status, out, err = movierec("recommend", "user=42", "k=3", cwd=home, before=GUEST)
    assert status == 0 and len(out.splitlines()) == 4, err
    assert movierec("data", cwd=home, before=GUEST)[0] == 0
    assert movierec("doctor", cwd=home, before=GUEST)[0] == 0
    for command in ("train", "evaluate", "export"):
        status, out, err = movierec(command, cwd=home, before=GUEST)
        assert status == 2 and err.count("\n") == 1 and 'pip install "movierec[train]"' in err


def test_serving_does_not_load_them_either(home):
    script = """
import sys
from movierec.cli import main
main(["recommend", "user=42"])
print(*{"torch", "fastai", "fastcore", "nbdev"} & {*sys.modules})
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    python = [sys.executable, "-c", script]
    done = subprocess.run(python, cwd=home, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "", done.stdout + done.stderr


def test_evaluate_gives_what_training_said(home, capsys):
    (home/"movierec.duckdb").unlink()  # the run's folder is enough
    said = json.loads((the_run(home)/"metrics.json").read_text())["test"]
    assert Run.load().evaluate().to_dict("index") == said


def test_a_run_can_be_moved(home, tmp_path, capsys):
    shutil.move(the_run(home), tmp_path/"moved")
    assert cli.main(["recommend", f"run={tmp_path/'moved'}", "user=1", "k=2"]) == 0
    assert cli.main(["export", f"run={tmp_path/'moved'}"]) == 0


def test_config_prints_the_whole_and_takes_overrides(home, capsys):
    from omegaconf import OmegaConf
    assert cli.main(["config", "model=sage", "trainer.epochs=7"]) == 0
    text = capsys.readouterr().out
    assert OmegaConf.create(text).trainer.epochs == 7 and all("#" in line for line in text.splitlines())


def test_doctor_knows_every_requirement_and_no_secret(home, capsys, monkeypatch):
    monkeypatch.setenv("ARANGO_PASSWORD", "hush-hush")
    assert cli.main(["doctor"]) == 0
    report = capsys.readouterr().out
    assert "hush-hush" not in report and str(Path.home()) not in report
    def name(requirement): return re.split(r"[<>=~!]", requirement)[0]
    assert {name(o) for o in settings()["requirements"].split()} <= {*re.findall(r"[\w-]+", report)}
    for extra, modules in core.EXTRAS.items():
        assert {name(o) for o in settings()[f"{extra}_requirements"].split()} == {*modules.values()}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_one_screen(command, capsys):
    assert cli.main([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40 and lines[0].startswith(f"usage: movierec {command}")
