"""A bundle needs no model of ours: what reads histories is served, and what it cannot do is said."""
import numpy as np
import pandas as pd
import pytest

from bundles import knn_bundle
from movierec.core import MovierecError
from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender
from movierec.testing.examples import six_people

STARS = "float[users, seen] stars,"  # an input that a network may leave out


@pytest.fixture(scope="module", params=[STARS, ""], ids=["all inputs", "no ratings"])
def recommender(request, tmp_path_factory):
    "Item-kNN: how many people rated both movies, added up over the history."
    folder = tmp_path_factory.mktemp("knn") / "bundle"
    return Recommender.load(knn_bundle(folder, *six_people(), stars=request.param))


def test_a_history_is_recommended_what_the_same_people_rated(recommender):
    # user 42 rated both, and 260; user 10 rated 1 and 2
    answer = recommender.recommend(history=[1, 593], k=2)
    assert answer.movie_id.tolist() == [260, 2] and answer.score.tolist() == [2, 1]
    assert "you watched Toy Story and The Silence of the Lambs" in answer._repr_html_() or \
        "you watched The Silence of the Lambs and Toy Story" in answer._repr_html_()


def test_users_are_served_alone_and_together(recommender):
    assert recommender.recommend(10, k=2).movie_id.tolist() == [260, 593]
    together = recommender.recommend_many([42, 10], k=2)
    assert together.movie_id[together.user_id == 10].tolist() == [260, 593]
    assert together.movie_id[together.user_id == 42].tolist() == [2, 1196]


def test_similar_movies_are_those_whose_scores_rise(recommender):
    similar = recommender.similar(1, k=3)
    assert similar.movie_id.tolist() == [2, 260, 593] and similar.score.tolist() == [1, 1, 1]


def test_reasons_add_up_without_a_prior(recommender):
    why = recommender.explain(history=[1, 593], movie_ids=260)
    assert why.contribution.tolist() == [1, 1] and why.without.tolist() == [1, 1]
    assert why.prior.tolist() == [0, 0] and why.score.tolist() == [2, 2]


def test_movies_without_ratings_stay_masked(recommender):
    assert 2571 not in recommender.top(k=8)[0]
    with pytest.raises(MovierecError, match="movie 2571 is never recommended"):
        recommender.explain(10, movie_ids=2571)


@pytest.mark.parametrize("question, reason", [
    (lambda ours: ours.recommend(10, diversity=0.5), "ItemKNN has no vectors of movies"),
    (lambda ours: ours.predict_rating(1, 10), "has no rating model"),
    (lambda ours: ours.add_movies(pd.DataFrame({"movie_id": [7]}), "no"),
     "ItemKNN knows movies by their number")])
def test_what_it_cannot_do_is_said_in_one_line(question, reason, recommender):
    with pytest.raises(MovierecError, match=reason) as refused: question(recommender)
    assert "\n" not in str(refused.value)


def test_vectors_that_only_serving_reads_give_diversity(tmp_path):
    movies, ratings = six_people()
    vectors = np.ones((2, len(movies) + 2), dtype="float32")
    vectors[:, movies.movie_id.tolist().index(593)] = [1, -1]  # unlike all others
    diverse = Recommender.load(knn_bundle(tmp_path / "bundle", movies, ratings, candidates=vectors))
    assert diverse.recommend(history=[1], k=2).movie_id.tolist() == [2, 260]
    assert diverse.recommend(history=[1], k=2, diversity=0.5).movie_id.tolist() == [2, 593]


def test_it_can_be_quantized(tmp_path):
    bundle = knn_bundle(tmp_path / "bundle", *six_people())
    small = Recommender.load(quantize_bundle(bundle, tmp_path / "small"))
    assert small.recommend(history=[1, 593], k=2).movie_id.tolist() == [260, 2]
