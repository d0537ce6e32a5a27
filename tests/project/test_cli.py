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
runs._training_curve = lambda *arguments, **how: os.kill(os.getpid(), signal.SIGKILL)
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


def printed(capsys, *arguments):  # by a command that succeeds
    capsys.readouterr()
    assert cli.main([*arguments]) == 0
    return capsys.readouterr().out


def ranked(capsys, *arguments): return json.loads(printed(capsys, *arguments, "format=json"))


def test_a_history_works_as_in_python(home, capsys):
    recommender = Run.load().recommender
    rated = {260: 5, 1196: 4.5}
    histories = {"[260,1196]": [260, 1196], "{260: 5, 1196: 4.5}": rated, "[[260,5],[1196,4.5]]": rated}
    for typed, history in histories.items():
        rows = ranked(capsys, "recommend", f"history={typed}", "k=5")
        table = recommender.recommend(history=history, k=5)
        assert [row["movie_id"] for row in rows] == table.movie_id.to_list()
    assert cli.main(["recommend", "history={no such title: 5}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_folder_of_a_bundle_is_enough(home, capsys, tmp_path):
    whole = printed(capsys, "recommend", "user=42", "k=3")
    shutil.move(the_run(home) / "bundle", tmp_path / "alone")
    shutil.rmtree(home / "runs")
    assert printed(capsys, "recommend", f"run={tmp_path / 'alone'}", "user=42", "k=3") == whole
    everyone = printed(capsys, "everyone", f"run={tmp_path / 'alone'}", "k=2").strip()
    assert Path(everyone) == tmp_path / "alone-everyone-2"


DO_NOT_COUNT = ["recommend user=42 store=arango", "recommend user=42 model=sage", "recommend user=42 seed=3",
                "recommend user=42 trainer.epochs=3", "data k=3", "train user=42", "evaluate k=3",
                "doctor model=sage", "similar movie=260 user=42",
                "predict user=42 movies=318 k=3", "export genres=Drama"]


@pytest.mark.parametrize("arguments", DO_NOT_COUNT)
def test_a_key_that_does_not_count_is_refused_in_one_line(arguments, home, capsys):
    assert cli.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "does not count for" in err and "what counts is " in err


def test_an_answer_is_a_table_json_or_csv(home, capsys):
    question = ["recommend", "user=42", "k=3"]
    table = Run.load().recommender.recommend(42, k=3)
    rows = ranked(capsys, *question)
    assert [row["movie_id"] for row in rows] == table.movie_id.to_list()
    assert [row["score"] for row in rows] == pytest.approx(table.score.to_list(), rel=1e-12)
    lines = printed(capsys, *question, "format=csv").splitlines()
    assert lines[0].startswith("user_id,movie_id,title,year,genres,score,rank") and len(lines) == 4
    assert len(printed(capsys, *question, "format=table").splitlines()) == 4


def test_an_answer_goes_to_a_file_whole_or_not_at_all(home, capsys):
    rows = ranked(capsys, "similar", "movie=260", "k=3")
    assert printed(capsys, "similar", "movie=260", "k=3", "to=films.json") == "films.json: 3 rows\n"
    assert json.loads(Path("films.json").read_text()) == rows
    assert cli.main(["similar", "movie=260", "to=no/such/films.json"]) == 2
    assert "cannot write to=no/such/films.json" in capsys.readouterr().err


def test_recommendations_go_to_the_store_under_the_name_of_the_run(home, capsys):
    from movierec.config import load_config
    from movierec.store.opening import open_store
    said = printed(capsys, "recommend", "user=42", "k=3", "to=store")
    assert said == f"kept 3 recommendations in the store as those of run {the_run(home).name}\n"
    with open_store(load_config().store) as store:
        kept = store.recommendations(42, run=the_run(home).name)
    assert kept.movie_id.to_list() == Run.load().recommender.recommend(42, k=3).movie_id.to_list()
    for arguments in (["similar", "movie=260", "to=store"], ["recommend", "history=[260]", "to=store"]):
        assert cli.main(arguments) == 2
        assert "to=store keeps recommendations" in capsys.readouterr().err


def test_no_rows_are_a_header_and_no_value_is_shown_as_nothing(home, capsys):
    empty = printed(capsys, "recommend", "user=42", "k=0")
    columns = ["user_id", "movie_id", "title", "year", "genres", "score", "rank"]
    assert empty.split()[:7] == columns and empty.count("\n") == 1
    assert ranked(capsys, "recommend", "user=42", "k=0") == []
    everything = printed(capsys, "recommend", "user=42", "k=9000")
    assert "<NA>" not in everything and " nan " not in everything


def test_filters_novelty_and_diversity_are_those_of_python(home, capsys):
    from movierec.serve.batch import read_recommendations
    from movierec.serve.filters import Filters
    wanted = ["genres=[Drama,Comedy]", "years=[1980,null]", "languages=en", "deny=[356]", "novelty=0.2",
              "diversity=0.1"]
    filters = Filters(genres=("Drama", "Comedy"), years=(1980, None), languages=("en",), deny=(356,))
    python = {"filters": filters, "novelty": 0.2, "diversity": 0.1}
    expected = Run.load().recommender.recommend(42, k=4, **python).movie_id.to_list()
    assert [row["movie_id"] for row in ranked(capsys, "recommend", "user=42", "k=4", *wanted)] == expected
    lists = read_recommendations(printed(capsys, "everyone", "k=4", *wanted).strip())
    assert lists[lists.user_id == 42].movie_id.to_list() == expected
    assert cli.main(["recommend", "user=42", "genres=Dramma"]) == 2
    assert "Did you mean 'Drama'?" in capsys.readouterr().err


def test_similar_explain_and_predict_answer_as_in_python(home, capsys):
    recommender = Run.load().recommender
    rows, table = ranked(capsys, "similar", "movie=260", "k=4"), recommender.similar(260, 4)
    assert [row["movie_id"] for row in rows] == table.movie_id.to_list()
    rows, table = ranked(capsys, "explain", "user=42", "k=2"), recommender.explain(42, k=2)
    assert [row["watched_id"] for row in rows] == table.watched_id.to_list()
    assert cli.main(["predict", "user=42", "movies=[318,1]"]) == 2  # this bundle has no rating model
    assert "stars=" in capsys.readouterr().err


HINTS = {"lr=3": "trainer.learning_rate", "trainer.lr=3": "trainer.learning_rate",
         "wd=1": "trainer.weight_decay", "trainer.wd=1": "trainer.weight_decay",
         "trainer.bs=64": "trainer.batch_size", "epochs=3": "trainer.epochs"}


@pytest.mark.parametrize("typed, meant", HINTS.items())
def test_names_of_other_libraries_are_understood(typed, meant, capsys):
    assert cli.main(["train", typed]) == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err


def test_a_mistyped_key_with_a_sign_is_called_unknown(capsys):
    assert cli.main(["train", "+typo=1"]) == 2
    assert capsys.readouterr().err == "movierec: unknown key 'typo': `movierec config` shows every key.\n"


def test_training_says_each_epoch_what_it_came_to_and_what_is_next(trained_once):
    small = ["model=lightgcn", "trainer.epochs=2", "model.embedding_size=4"]
    status, out, err = movierec("train", *small, "runs=told", cwd=trained_once)
    lines = err.splitlines()
    assert status == 0 and Path(trained_once, out.strip()).is_dir()
    starts = [line[:15] for line in lines[:5]]
    assert lines[0] == "choosing epochs" and "final fit" in lines
    assert starts[1:3] == ["  epoch 1 of 2:", "  epoch 2 of 2:"] and "ndcg@10 0." in lines[1]
    assert any("validation" in line for line in lines)
    assert lines[-1] == f"next: movierec recommend run={out.strip()} user=1"


def test_the_main_job_ends_with_one_bundle_for_both(tmp_path, monkeypatch, capsys):
    from movierec.commands import _run
    from movierec.config import load_config
    monkeypatch.chdir(tmp_path)
    small = ["trainer.epochs=1", "model.embedding_size=4"]
    _run(load_config(small), load_config([*small, "model=stars", "model.draws=2", "model.components=2"]))
    assert "next: movierec recommend user=1" in capsys.readouterr().err
    rows = ranked(capsys, "predict", "user=42", "movies=[318,1]")
    assert [row["movie_id"] for row in rows] == [318, 1] and all(0.5 <= row["rating"] <= 5 for row in rows)


COMPLETED = {"rec": ["recommend"], "recommend us": ["user="], "recommend sto": ["store=", "store.path="],
             "train mod": ["model=", "model.layers="], "train model=li": ["lightgcn"],
             "recommend format=": ["table", "json", "csv"], "completion shell=z": ["zsh"]}


@pytest.mark.parametrize("typed, offered", COMPLETED.items())
def test_bash_completes_commands_keys_and_choices(typed, offered, tmp_path, capsys):
    (tmp_path / "movierec.sh").write_text(printed(capsys, "completion", "bash"))
    line = f"movierec {typed}"
    words = line.replace("=", " = ").split(" ")
    script = f"""
source {tmp_path / "movierec.sh"}
COMP_LINE="{line}" COMP_POINT={len(line)} COMP_WORDS=({" ".join(words[:2])}) COMP_CWORD={len(words) - 1}
_movierec
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert {*offered} <= {*done.stdout.split()}
    start = re.split("[ =]", typed)[-1]
    assert all(word.startswith(start) for word in done.stdout.split()), done.stdout


def test_zsh_completes_every_command(tmp_path, capsys):
    script = printed(capsys, "completion", "zsh")
    assert script.startswith("#compdef movierec\n")
    assert all(f"            '{name}:" in script for name in COMMANDS)
    if not shutil.which("zsh"): return
    (tmp_path / "_movierec").write_text(script)
    subprocess.run(["zsh", "-n", tmp_path / "_movierec"], check=True)
