"""PyTorch and ONNX Runtime give the same movies and the same scores, for anybody."""
import warnings

import numpy as np, pytest, torch

from movierec import cli
from movierec.config import load_config
from movierec.recommender import Recommender

UNKNOWN = 10**9


@pytest.fixture(scope="module")
def both(trained):
    "The trained model and its bundle."
    folder = trained/"runs/latest"
    config = cli._run_config(load_config([]), folder)
    learn = cli._load_run(config, folder)
    learn.model.eval()
    return learn, Recommender.load(folder/"bundle")


def random_histories(movie_ids, users, n, seed=0):
    "Of real users and of nobody; empty, short and 1,000 long; movies watched twice and movies that nobody knows."
    draw = np.random.default_rng(seed)
    for place in range(n):
        length = (0, 1, 2, 1000)[place] if place < 4 else int(np.exp(draw.uniform(0, np.log(1000))))
        ids = draw.choice(movie_ids, length)  # with repetition
        ids[draw.random(length) < 0.05] = UNKNOWN
        if length and (ids == UNKNOWN).all(): ids[0] = movie_ids[0]
        yield int(draw.choice(users)) if place % 4 == 3 else None, ids, draw.integers(0, 11, length) / 2


def torch_scores(learn, tables, rows, stars):
    "What the model itself says of the latest movies."
    latest = slice(None, -learn.model.remembered - 1, -1)
    with torch.no_grad(): return learn.model(torch.tensor([rows[latest] or [learn.model.n_movies]]), torch.tensor([stars[latest] or [0.0]]), tables)[0].numpy()


def test_a_thousand_random_histories_get_the_same_ten(both):
    learn, recommender = both
    with torch.no_grad(): tables = learn.model.tables()
    movie_ids, users = learn.graph["movie"].movie_id.numpy(), learn.graph["user"].user_id.numpy()
    row_of = {movie_id: row for row, movie_id in enumerate(movie_ids.tolist())}
    past = {user: rows for user, rows in learn.split.sort_values(["user_id", "timestamp", "movie_id"]).groupby("user_id")}
    for user, ids, stars in random_histories(movie_ids, users, 1000):
        given = [(movie, float(star) or None) for movie, star in zip(ids.tolist(), stars)]
        watched = {} if user is None else dict(zip(past[user].movie_id, past[user].rating.astype(float)))
        for movie, star in given:
            if movie in row_of: watched.pop(movie, None); watched[movie] = star or 0.0
        rows = [row_of[movie] for movie in watched]
        expected = torch_scores(learn, tables, rows, list(watched.values()))
        expected[rows] = expected[learn.model.unrated.numpy()] = -np.inf
        history = _Pairs(given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the unknown movies
            movie_id, score = recommender.top(user, 10, history)
        assert np.abs(expected[[row_of[movie] for movie in movie_id.tolist()]] - score).max() <= 1e-4
        assert np.abs(np.sort(expected)[::-1][:10] - score).max() <= 1e-4  # the same ten, up to ties


class _Pairs:  # like a dict, but a movie can come twice
    def __init__(self, pairs): self.pairs = pairs
    def items(self): return self.pairs


def test_the_comparison_above_can_fail(both):
    learn, recommender = both
    with torch.no_grad(): tables = learn.model.tables()
    expected = torch_scores(learn, tables, [3, 4], [5.0, 5.0])
    movie_id, score = recommender.top(history={int(recommender.movies.movie_id[3]): 5, int(recommender.movies.movie_id[4]): 4.5})
    row_of = {movie: row for row, movie in enumerate(recommender.movies.movie_id.tolist())}
    assert np.abs(expected[[row_of[movie] for movie in movie_id.tolist()]] - score).max() > 1e-4  # half a star is seen


def test_reasons_of_real_users_add_up_to_the_hundred_thousandth(both):
    _, recommender = both
    for user in range(1, 672, 40):
        for _, rows in recommender.explain(user, k=2).groupby("movie_id"):
            assert abs(rows.contribution.sum() + rows.prior.iloc[0] - rows.score.iloc[0]) <= 1e-5
