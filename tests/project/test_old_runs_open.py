"""Runs that were made before the redesign still open, and give the metrics that they were made with."""
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import movierec.cli as cli
from movierec.runs import Run

OLD = Path(__file__).parents[1] / "fixtures" / "0.1.0"
MODELS = ["history", "lightgcn", "sage", "stars"]


@pytest.fixture
def old(tmp_path):  # function: name of a model -> its old run, copied, since one may write there
    return lambda name: Run.load(shutil.copytree(OLD / name, tmp_path / name))


def kept(name): return json.loads((OLD / name / "metrics.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_evaluate_gives_what_training_said(name, old):
    then = pd.DataFrame(kept(name)["test"]).T
    now = old(name).evaluate()
    pd.testing.assert_frame_equal(now, then, check_names=False, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_settings_and_metrics_are_read(name, old):
    run = old(name)
    assert run.config.model.name == name and run.config.model.options["embedding_size"] in (2, 4, 8)
    assert run.metrics.loc[run.metrics.index.get_level_values("part") == "test"].shape[0] == 2
    assert run.config.trainer.epochs == (4 if name == "stars" else 1)


def test_renamed_options_keep_their_values(old):
    options = old("stars").config.model.options
    assert (options["components"], options["thinning"], options["noise_shape"]) == (2, 8, 6.0)
    assert not {"directions", "every", "noise"} & options.keys()


def test_the_command_line_knows_old_names(capsys):
    assert cli.main(["config", "model=stars", "model.directions=7"]) == 0
    assert "  components: 7 " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["history", "lightgcn"])
def test_an_old_run_recommends_and_exports_again(name, old):
    run = old(name)
    before = run.recommender.recommend(1, k=5)
    run.export()
    after = run.recommender.recommend(1, k=5)
    assert after.movie_id.to_list() == before.movie_id.to_list()
    assert after.score.to_list() == pytest.approx(before.score.to_list(), abs=1e-5)
