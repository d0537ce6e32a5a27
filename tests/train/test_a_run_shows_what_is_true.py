"""The figure and the tables of a training claim nothing that is not so."""

from types import SimpleNamespace

import pytest

from movierec.data.datasets import read_table
from movierec.models.splits import split_ratings
from movierec.runs import _training_curve, train_run
from movierec.testing.examples import two_tastes
from movierec.train.learner import recommender_learner

NAMES = ["epoch", "train_loss", "valid_loss", "ndcg@10", "time"]
VALUES = [[4.0, 3.0, 0.1], [3.0, 2.5, 0.2], [2.0, 2.4, 0.4],
          [1.5, 2.6, 0.3], [1.2, 2.9, 0.25], [1.1, 3.1, 0.2]]


def curve(best, one_cycle, values=VALUES):
    recorder = SimpleNamespace(metric_names=NAMES, values=values)
    return _training_curve(recorder, best, one_cycle=one_cycle)


def test_one_cycle_takes_the_last_epoch_and_does_not_call_it_best():
    title = curve(6, one_cycle=True).axes[0].get_title()
    assert title == "One cycle: epoch 6, the last, is taken: ndcg@10 0.2000"


def test_the_best_epoch_is_the_one_with_the_best_metric():
    title = curve(3, one_cycle=False).axes[0].get_title()
    assert title == "Epoch 3 is best on validation: ndcg@10 0.4000"


@pytest.mark.parametrize("n_epochs", [1, 2, 6])
def test_epochs_are_whole_numbers(n_epochs):
    figure = curve(1, one_cycle=False, values=VALUES[:n_epochs])
    figure.draw_without_rendering()
    assert all(tick == int(tick) for tick in figure.axes[1].get_xticks())


def test_the_validation_loss_is_drawn():
    axes = curve(3, one_cycle=False).axes[0]
    training, validation = (list(line.get_ydata()) for line in axes.lines)
    assert training == [row[0] for row in VALUES] and validation == [row[1] for row in VALUES]
    assert {text.get_text() for text in axes.texts} == {"training", "validation"}


@pytest.mark.parametrize("name", ["lightgcn", "sage", "stars"])
def test_a_final_fit_has_no_columns_of_what_is_not_held_out(name):
    movies, ratings = two_tastes()
    split = split_ratings(ratings).assign(part="train")
    learn = recommender_learner(movies, split, model=name, embedding_size=8, progress=False)
    learn.fit(1, 0.001)
    assert learn.recorder.metric_names == ["epoch", "train_loss", "time"]
    assert [len(row) for row in learn.recorder.values] == [1]


def test_both_trainings_say_which_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("movierec.train.learner.in_notebook", lambda: True)
    movies, ratings = two_tastes()
    data = read_table(ratings, movies=movies)
    train_run(data, model="lightgcn", epochs=2, embedding_size=8, runs=tmp_path)
    lines = capsys.readouterr().out.splitlines()
    choosing, = (n for n, line in enumerate(lines) if line.startswith("choosing epochs: up to 2"))
    final, = (n for n, line in enumerate(lines) if line.startswith("final fit: "))
    tables = [n for n, line in enumerate(lines) if line.startswith("epoch")]
    assert choosing < tables[0] < final < tables[1]
    assert "valid_loss" in lines[tables[0]] and "valid_loss" not in lines[tables[1]]
    assert "None" not in "".join(lines[final:])


def test_nothing_is_said_where_no_progress_is_shown(tmp_path, capsys):
    movies, ratings = two_tastes()
    data = read_table(ratings, movies=movies)
    train_run(data, model="lightgcn", epochs=1, embedding_size=8, runs=tmp_path, progress=False)
    assert "final fit" not in capsys.readouterr().out
