"""The rating model of small or odd data can be exported: PyTorch and ONNX Runtime agree on odd histories."""
import numpy as np
import pandas as pd
import pytest
import torch

from movierec.models.splits import split_ratings
from movierec.train import export
from movierec.train.learner import recommender_learner

HALF_STARS = np.arange(1, 11) / 2
WORLDS = {  # users, movies, fewest and most ratings of a user, levels
    "all users have as many ratings": (60, 300, 30, 30, HALF_STARS),
    "few users and movies": (10, 12, 5, 5, np.arange(1.0, 6.0))}


def world(n_users, n_movies, fewest, most, levels):
    rng = np.random.default_rng(5)
    taste, movie = rng.normal(size=(n_users, 2)), rng.normal(size=(n_movies, 2))
    bias = rng.normal(size=n_movies) * 0.4
    rows = []
    for user in range(n_users):
        watched = rng.choice(n_movies, rng.integers(fewest, most + 1), replace=False)
        noise = 0.7 * rng.normal(size=len(watched))
        wanted = 3.4 + bias[watched] + 0.5 * movie[watched] @ taste[user] + noise
        given = levels[np.abs(levels - wanted[:, None]).argmin(1)]
        rows.append(pd.DataFrame({"user_id": user, "movie_id": watched, "rating": given.astype("float32"),
                                  "timestamp": 10**9 + np.arange(len(watched))}))
    ids = np.arange(n_movies)
    movies = pd.DataFrame({"movie_id": ids, "title": [f"Movie {i}" for i in ids], "year": 1990,
                           "genres": [["Drama"]] * n_movies, "language": "en"})
    return movies, split_ratings(pd.concat(rows, ignore_index=True), "random", seed=0)


@pytest.fixture(scope="module", params=WORLDS.values(), ids=WORLDS)
def stars(request):
    movies, split = world(*request.param)
    size = {"embedding_size": 2, "components": 2, "draws": 8}
    learn = recommender_learner(movies, split, model="stars", batch_size=8, progress=False, **size)
    learn.fit(3, 1.0)
    return learn


def test_the_export_agrees_with_its_model(stars, tmp_path):
    module = stars.model.rating_module()
    export._write_rating_onnx(module, tmp_path / "stars.onnx")  # without a bundle, which takes longer
    assert export.check_rating_parity(tmp_path / "stars.onnx", module) <= 1e-4


def test_a_longer_history_than_any_in_training_is_no_wonder(stars):
    "Its length says what the length of the longest in training says."
    n_movies, profile = stars.model.n_movies, stars.model.profile
    nothing = torch.zeros(2, profile.components.shape[1])
    longest, longer = profile(nothing, torch.tensor([float(profile.largest), 10.0 * n_movies]))
    assert torch.equal(longest, longer)


class Wide(torch.nn.Module):  # a rating model with one very unsure prediction
    n_movies = 3

    def forward(self, history, stars, movie): return torch.ones(1), torch.tensor([1e4]), torch.ones(1, 2) / 2


class Session:  # a runtime that rounds the variance otherwise
    def __init__(self, by): self.by = by

    def run(self, names, given): return [np.ones(1), np.array([1e4 + self.by]), np.ones((1, 2)) / 2]


def test_a_variance_is_compared_in_stars(monkeypatch):
    "A millionth of a large variance is rounding, a hundredth is not."
    monkeypatch.setattr(export, "_session", lambda path: Session(0.01))
    assert export.check_rating_parity("stars.onnx", Wide()) == pytest.approx(5e-5, rel=0.1)
    monkeypatch.setattr(export, "_session", lambda path: Session(100.0))
    with pytest.raises(export.ExportError, match="differ by 0.5, more than 0.0001"):
        export.check_rating_parity("stars.onnx", Wide())
