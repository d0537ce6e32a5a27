"Nothing held out reaches training, and figures fall to popularity's when there is nothing to learn."
import hashlib

import numpy as np
import pytest

from movierec.data.datasets import load_sample
from movierec.models.splits import split_ratings
from movierec.train.evaluation import compare
from movierec.train.learner import fit_epochs, recommender_learner


def some_people():
    movies, ratings, *_ = load_sample()
    return movies, split_ratings(ratings[ratings.user_id <= 120])


def what_training_sees(movies, split, model):
    "A digest of every batch of an epoch, of the graph and of the weights before the first step."
    learn, digest = recommender_learner(movies, split, model=model), hashlib.sha256()
    edges = learn.graph["user", "rates", "movie"]
    tensors = [
        edges.edge_index,
        edges.rating,
        edges.timestamp,
        *learn.model.state_dict().values(),
        *learn.model.buffers(),
    ]
    for batch in learn.dls.train: tensors += batch
    for tensor in tensors: digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("model", ["history", "lightgcn", "sage", "stars"])
def test_held_out_ratings_change_no_byte_of_training(model):
    movies, split = some_people()
    is_test = split.part == "test"
    changed, permuted, leaked = split.copy(), split.copy(), split.copy()
    changed.loc[is_test, "rating"] = 0.5
    permuted.loc[is_test, "movie_id"] = (
        split[is_test].groupby("user_id").movie_id.transform(lambda ids: ids.to_numpy()[::-1])
    )
    leaked.loc[split[is_test].index[0], "part"] = "train"
    expected = what_training_sees(movies, split, model)
    assert what_training_sees(movies, changed, model) == expected
    assert what_training_sees(movies, permuted, model) == expected
    assert what_training_sees(movies, leaked, model) != expected  # a leak of one single rating would be seen


def test_with_shuffled_movies_nothing_is_left_but_popularity():
    movies, split = some_people()
    train = (split.part == "train").to_numpy()
    shuffled = split.copy()
    shuffled.loc[train, "movie_id"] = np.random.default_rng(0).permutation(split.movie_id[train])
    # the held-out row of a pair stays
    shuffled = shuffled[~shuffled.duplicated(["user_id", "movie_id"], keep="last")]

    def ndcg(split):
        learn = recommender_learner(movies, split, progress=False)
        fit_epochs(learn, 2, learning_rate=0.01, weight_decay=0.1, one_cycle=True)
        return compare(learn, split[split.part == "validation"])["ndcg@10"]

    truth, chance = ndcg(split), ndcg(shuffled)
    assert truth["HistoryRanker"] > 1.5 * truth["Popularity"]
    assert chance["HistoryRanker"] < 1.2 * chance["Popularity"]
