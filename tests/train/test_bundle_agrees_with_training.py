"""PyTorch and ONNX Runtime give the same movies and the same scores, for anybody."""
import warnings

import numpy as np
import pytest
import torch

from bundles import random_histories, rows_and_stars
from movierec.runs import Run


@pytest.fixture(scope="module")
def both(trained):
    "The trained model and its bundle."
    run = Run.load(trained/"runs/latest")
    run.learner.model.eval()
    return run.learner, run.recommender


def torch_scores(learn, tables, rows, stars):
    "What the model itself says of the latest movies."
    latest = slice(None, -learn.model.remembered - 1, -1)
    with torch.no_grad():
        return learn.model(
            torch.tensor([rows[latest] or [learn.model.n_movies]]),
            torch.tensor([stars[latest] or [0.0]]),
            tables,
        )[0].numpy()


def test_a_thousand_random_histories_get_the_same_ten(both):
    learn, recommender = both
    with torch.no_grad(): tables = learn.model.tables()
    movie_ids, users = learn.graph["movie"].movie_id.numpy(), learn.graph["user"].user_id.numpy()
    row_of = {movie_id: row for row, movie_id in enumerate(movie_ids.tolist())}
    past = {
        user: rows
        for user, rows in learn.split.sort_values(["user_id", "timestamp", "movie_id"]).groupby("user_id")
    }
    for user, history in random_histories(movie_ids, users, 1000):
        earlier = {} if user is None else dict(zip(past[user].movie_id, past[user].rating.astype(float)))
        rows, stars = rows_and_stars(earlier, history, row_of)
        expected = torch_scores(learn, tables, rows, stars)
        expected[rows] = expected[learn.model.unrated.numpy()] = -np.inf
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the unknown movies
            movie_id, score = recommender.top(user, 10, history=history)
        assert np.abs(expected[[row_of[movie] for movie in movie_id.tolist()]] - score).max() <= 1e-4
        assert np.abs(np.sort(expected)[::-1][:10] - score).max() <= 1e-4  # the same ten, up to ties


def test_the_comparison_above_can_fail(both):
    learn, recommender = both
    with torch.no_grad(): tables = learn.model.tables()
    expected = torch_scores(learn, tables, [3, 4], [5.0, 5.0])
    movie_id, score = recommender.top(
        history={int(recommender.movies.movie_id[3]): 5, int(recommender.movies.movie_id[4]): 4.5}
    )
    row_of = {movie: row for row, movie in enumerate(recommender.movies.movie_id.tolist())}
    # half a star is seen
    assert np.abs(expected[[row_of[movie] for movie in movie_id.tolist()]] - score).max() > 1e-4


def test_reasons_of_real_users_add_up_to_the_hundred_thousandth(both):
    _, recommender = both
    for user in range(1, 672, 40):
        for _, rows in recommender.explain(user, k=2).groupby("movie_id"):
            assert abs(rows.contribution.sum() + rows.prior.iloc[0] - rows.score.iloc[0]) <= 1e-5
