"""PyTorch and ONNX Runtime predict the same ratings, for any history; and a bundle keeps its rating model."""
import json
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from bundles import UNKNOWN, random_histories, rows_and_stars
from movierec.data.datasets import load_sample
from movierec.models.splits import split_ratings
from movierec.serve.bundle import BundleError, read_bundle
from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender, RecommenderError
from movierec.train.export import add_rating_model
from movierec.train.learner import recommender_learner

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def both(trained, tmp_path_factory):
    "A trained rating model, and a bundle that it has joined."
    movies, ratings, _ = load_sample()
    split = split_ratings(ratings, "random")
    options = {"embedding_size": 4, "draws": 6, "thinning": 8, "progress": False}
    learn = recommender_learner(movies, split, model="stars", **options)
    learn.fit(1)
    folder = tmp_path_factory.mktemp("stars") / "bundle"
    bundle = trained / "runs/latest/bundle"
    return learn, add_rating_model(bundle, learn, folder=folder)


@pytest.fixture(scope="module")
def recommender(both): return Recommender.load(both[1])


def torch_ratings(model, rows, stars, asked):
    "Rating, variance and probabilities of the movies asked for."
    history = torch.tensor([rows or [model.n_movies]]), torch.tensor([stars or [0.0]])
    with torch.no_grad():
        return [part[0].numpy() for part in model.rate(*history, movie=torch.from_numpy(asked)[None])]


def test_a_thousand_random_histories_get_the_same_ratings(both, recommender):
    learn, draw = both[0], np.random.default_rng(1)
    movie_ids, users = learn.graph["movie"].movie_id.numpy(), learn.graph["user"].user_id.numpy()
    row_of = {movie_id: row for row, movie_id in enumerate(movie_ids.tolist())}
    levels = recommender.manifest["stars"]["levels"]
    for user, history in random_histories(movie_ids, users, 1000):
        asked = draw.integers(len(movie_ids), size=5)
        rows, stars = rows_and_stars({} if user is None else recommender.history(user), history, row_of)
        rating, variance, probabilities = torch_ratings(learn.model, rows, stars, asked)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the unknown movies
            table = recommender.predict_rating(movie_ids[asked], user, history=history)
        assert np.abs(table.rating - rating.clip(0.5, 5)).max() <= TOLERANCE
        assert np.abs(table.uncertainty ** 2 - variance).max() <= TOLERANCE
        assert np.abs(table[levels].to_numpy() - probabilities).max() <= TOLERANCE


def test_the_comparison_above_can_fail(both, recommender):
    learn, movie_ids = both[0], recommender.movies.movie_id.to_numpy()
    rating = torch_ratings(learn.model, [3, 4], [5.0, 5.0], np.array([7]))[0]
    other = recommender.predict_rating(movie_ids[7], history={movie_ids[3]: 5, movie_ids[4]: 0.5})
    assert abs(other.rating[0] - rating.item()) > TOLERANCE


def test_unknown_movies_of_a_history_are_counted(recommender):
    with pytest.warns(UserWarning, match="1 watched movies are unknown"):
        recommender.predict_rating(318, history={260: 5, UNKNOWN: 5})
    with pytest.raises(RecommenderError, match="knows none of the 1 movies"):
        recommender.predict_rating(318, history={UNKNOWN: 5})


def test_a_movie_that_joined_later_has_no_rating_and_the_others_keep_theirs(recommender, tmp_path):
    new = pd.DataFrame(
        {"movie_id": [UNKNOWN], "title": ["Tomorrow"], "genres": [["Drama"]], "year": [2026]})
    larger = recommender.add_movies(new, tmp_path / "larger")
    with pytest.raises(RecommenderError, match=f"movie {UNKNOWN} joined after training"):
        larger.predict_rating(UNKNOWN, 42)
    watched = {260: 5.0, 318: 4.0}
    with_new = larger.predict_rating([1, 2], history=watched | {UNKNOWN: 5.0})
    pd.testing.assert_frame_equal(with_new, recommender.predict_rating([1, 2], history=watched))


def test_a_small_bundle_keeps_the_ratings(both, recommender, tmp_path):
    small = Recommender.load(quantize_bundle(both[1], tmp_path / "small"))
    expected = recommender.predict_rating([1, 318], 42)
    pd.testing.assert_frame_equal(small.predict_rating([1, 318], 42), expected)


def cut_off(path): path.write_bytes(path.read_bytes()[:-9])


def swap(path): shutil.copy(path.with_name("recommender.onnx"), path)


@pytest.mark.parametrize("spoil, reason", [
    (lambda path: path.unlink(), "lacks stars.onnx"),
    (cut_off, "was altered or cut off"),
    (swap, "was altered or cut off")], ids=["missing", "cut off", "swapped"])
def test_a_spoilt_rating_model_is_refused(spoil, reason, both, tmp_path):
    folder = shutil.copytree(both[1], tmp_path / "spoilt")
    spoil(folder / "stars.onnx")
    with pytest.raises(BundleError, match=reason): Recommender.load(folder)


def test_a_manifest_that_promises_ratings_without_the_file_is_refused(both, tmp_path):
    folder = shutil.copytree(both[1], tmp_path / "empty")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["stars.onnx"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="does not name stars.onnx"): read_bundle(folder)
