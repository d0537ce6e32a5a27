"A model trained from DuckDB and one trained from ArangoDB have the same metrics, to the last digit."
import pytest

from movierec.data.datasets import load_sample
from movierec.models.splits import split_ratings
from movierec.train.evaluation import compare
from movierec.train.learner import fit_best, recommender_learner
from stores import KINDS, store_of


def trained(store, model):
    "Metrics of a short training on twenty people of the sample."
    movies, ratings, _ = load_sample()
    ratings = ratings[ratings.user_id <= 20]
    store.load(movies[movies.movie_id.isin(ratings.movie_id)], ratings)
    split = split_ratings(store.ratings())
    learn = recommender_learner(store.movies(), split, model=model, progress=False)
    fit_best(learn, 2, learning_rate=0.01, weight_decay=0, one_cycle=False)
    return compare(learn, split[split.part == "validation"])


@pytest.mark.parametrize("model", ["history", "lightgcn", "sage", "stars"])
def test_same_metrics(tmp_path, model):
    tables = []
    for kind in KINDS:
        with store_of(kind, tmp_path) as store: tables.append(trained(store, model))
    assert tables[0].equals(tables[1])
    assert tables[0].notna().all(axis=None)
