"""What fastai's documentation promises of a learner holds for each model, or a line says why not."""

import matplotlib
import pytest
import torch
from fastai.callback.progress import ShowGraphCallback
from fastai.interpret import Interpretation

from movierec.core import MovierecError
from movierec.models.registry import MODELS
from movierec.models.splits import split_ratings
from movierec.testing.examples import two_tastes
from movierec.train.learner import fit_best, fit_epochs, recommender_learner

matplotlib.use("Agg")
every_model = pytest.mark.parametrize("name", MODELS)
RANKING = [name for name, model in MODELS.items() if model.task == "ranking"]
RATING = [name for name, model in MODELS.items() if model.task == "rating"]


def make(name, **options):
    movies, ratings = two_tastes()
    split = split_ratings(ratings, MODELS[name].recipe.split)
    return recommender_learner(movies, split, model=name, embedding_size=8, progress=False, **options)


@pytest.fixture(scope="module", params=MODELS)
def learn(request):
    learner = make(request.param)
    learner.fit_one_cycle(3, 0.03)
    return learner


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_summary_counts_every_number(learn):
    text = str(learn.summary())
    learned = sum(weight.numel() for weight in learn.model.parameters())
    assert f"{learned:,}" in text
    assert learn.model.name in text and "embedding_size=8" in text


def test_show_batch_prints_titles(learn, capsys):
    learn.dls.show_batch()
    text = capsys.readouterr().out
    assert "Left" in text and "Right" in text
    assert ("rating" if learn.model.task == "rating" else "history") in text


def test_show_results_prints_what_was_predicted(learn, capsys):
    learn.show_results()
    text = capsys.readouterr().out
    wanted = ["movie", "rating", "prediction"]
    if learn.model.task == "ranking": wanted = ["history", "recommended", "✓"]
    for word in wanted: assert word in text


def test_show_results_takes_other_batches_and_sizes(learn, capsys):
    learn.show_results(ds_idx=0, max_n=2)
    assert len(capsys.readouterr().out.strip().splitlines()) == 3  # a heading, and two rows


def test_a_hit_is_a_movie_that_was_held_out():
    learn = make("lightgcn")
    learn.fit(5, 0.03)
    batch = learn.dls.valid.one_batch()
    with torch.no_grad(): scores = learn.model.eval()(batch[0])
    table = learn.dls.valid.tables.table(batch, scores)
    for wanted, got in zip(table["to find"], table["recommended"]):
        for title in got.split("; "):
            assert title.startswith("✓ ") == (title.removeprefix("✓ ") in wanted.split("; "))


def test_predict_gives_ten_movies_of_a_user(learn):
    user_id = 3
    table = learn.predict(user_id)
    assert list(table) == ["movie_id", "title", "score" if learn.model.task == "ranking" else "rating"]
    train = learn.split[(learn.split.part == "train") & (learn.split.user_id == user_id)]
    assert len(table) == 10
    assert not set(table.movie_id) & set(train.movie_id)
    assert table.iloc[:, 2].is_monotonic_decreasing


def test_predict_agrees_with_the_scorer(learn):
    table = learn.predict(3, k=5)
    row = learn.graph["user"].user_id.tolist().index(3)
    scores = learn.model.scorer(learn.graph)(torch.tensor([row]))[0]
    ids = learn.graph["movie"].movie_id.tolist()
    expected = [scores[ids.index(movie_id)].item() for movie_id in table.movie_id]
    assert table.iloc[:, 2].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["history", "stars"])
def test_predict_takes_a_history(name):
    learn = make(name)
    learn.fit_one_cycle(8, 0.03)
    history = {movie_id: 4.5 for movie_id in range(1, 9)}
    left = learn.predict(history)
    assert not set(left.movie_id) & set(history)
    if name == "stars": return
    assert left.title.head(3).str.startswith(("Left", "Hit")).all()
    assert learn.predict([*history]).title.head(3).str.startswith(("Left", "Hit")).all()


@pytest.mark.parametrize("name", ["lightgcn", "sage"])
def test_predict_says_which_models_take_no_history(name):
    with pytest.raises(MovierecError, match="knows users of training alone") as error:
        make(name).predict({1: 4})
    one_line(error)


def test_predict_names_an_unknown_user(learn):
    for item, said in ((999, "unknown user 999"), ({10**6: 4}, "unknown movie 1000000"), ("x", "'x'")):
        if learn.model.name in ("lightgcn", "sage") and isinstance(item, dict): continue
        with pytest.raises(MovierecError, match=said) as error: learn.predict(item)
        one_line(error)


def test_export_names_what_to_use(learn):
    with pytest.raises(MovierecError, match="save_learner.*export_bundle") as error: learn.export("model.pkl")
    one_line(error)


def test_a_learner_is_saved_and_opened_without_pickle(learn, tmp_path):
    from movierec.train.saving import load_learner, save_learner
    folder = save_learner(learn, tmp_path / "saved")
    names = {path.name for path in folder.iterdir()}
    assert "weights.safetensors" in names
    assert not any(name.endswith((".pt", ".pth", ".pkl")) for name in names)
    again = load_learner(folder)
    assert again.model.options == learn.model.options
    assert torch.equal(again.get_preds()[0], learn.get_preds()[0])
    assert again.predict(3).equals(learn.predict(3))


def test_fastai_saves_and_loads_weights(learn, tmp_path):
    learn.path = tmp_path
    before = learn.get_preds()[0]
    learn.save("weights")
    learn.load("weights")
    assert torch.equal(learn.get_preds()[0], before)


def test_get_preds_gives_a_loss_for_each_example(learn):
    *_, losses = learn.get_preds(with_loss=True)
    assert losses.shape == (len(learn.dls.valid_ds),)
    assert losses.isfinite().all()
    assert len(learn.get_preds(ds_idx=0, with_loss=True)[2]) == len(learn.dls.train_ds)


def test_losses_of_examples_average_to_the_loss():
    learn = make("sage")
    learn.fit(1, 0.003)
    assert learn.get_preds(with_loss=True)[2].mean().item() == pytest.approx(learn.validate()[0], rel=1e-5)


def test_interpretation_finds_the_largest_losses(learn, capsys):
    interp = Interpretation.from_learner(learn)
    losses, rows = interp.top_losses(4)
    assert losses.tolist() == sorted(interp.losses.tolist(), reverse=True)[:4]
    assert list(interp.top_losses(4, items=True)[2]) == rows.tolist()
    interp.show_results(rows)
    assert len(capsys.readouterr().out.strip().splitlines()) == 5
    with pytest.raises(MovierecError, match="interp.show_results") as error: interp.plot_top_losses(4)
    one_line(error)


@every_model
def test_a_graph_outside_a_notebook_says_what_to_use(name):
    learn = make(name)
    with pytest.warns(UserWarning, match="learn.recorder.plot_loss"):
        learn.fit(2, 0.01, cbs=ShowGraphCallback())
    assert len(learn.recorder.values) == 2
    learn.recorder.plot_loss()


@every_model
def test_lr_find_suggests_a_rate_or_says_that_there_is_none(name, tmp_path):
    learn = make(name, batch_size=16)
    learn.path = tmp_path
    if name == "stars":
        with pytest.raises(MovierecError, match="no learning rate") as error: learn.lr_find()
        one_line(error)
    else:
        assert 1e-7 < learn.lr_find(num_it=20, show_plot=False).valley < 10


@pytest.mark.parametrize("name", ["history", "lightgcn", "sage"])
@pytest.mark.parametrize("fit", [fit_best, fit_epochs])
def test_a_training_that_diverges_says_so(name, fit):
    for rate in (1e6, 1e4):
        with pytest.raises(MovierecError, match="diverged.*smaller learning_rate") as error:
            fit(make(name, batch_size=16), 2, learning_rate=rate)
        one_line(error)


@every_model
def test_no_healthy_training_is_refused(name):
    fit_epochs(make(name), 3)


def test_a_run_that_diverges_leaves_nothing_and_says_so(tmp_path):
    from movierec.data.datasets import read_table
    from movierec.runs import train_run
    movies, ratings = two_tastes()
    data = read_table(ratings, movies=movies)
    with pytest.raises(MovierecError, match="diverged") as error:
        train_run(data, runs=tmp_path, learning_rate=1e6, embedding_size=8, progress=False)
    assert "export" not in one_line(error)
    assert not list(tmp_path.iterdir())


