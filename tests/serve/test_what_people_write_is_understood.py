"""Ids, titles, Series, tables and pairs: understood where they mean one thing, otherwise refused."""
import numpy as np
import pandas as pd
import pytest

from bundles import knn_bundle
from movierec.core import MovierecError
from movierec.serve.filters import Filters
from movierec.serve.recommender import Recommender
from movierec.testing.examples import six_people

REMAKE = {"movie_id": 3000, "title": "The Godfather", "year": 2031, "genres": ["Drama"]}


@pytest.fixture(scope="module")
def tables():
    movies, ratings = six_people()
    return pd.concat([movies, pd.DataFrame([REMAKE])], ignore_index=True), ratings


@pytest.fixture(scope="module")
def recommender(tables, tmp_path_factory):
    return Recommender.load(knn_bundle(tmp_path_factory.mktemp("knn") / "bundle", *tables))


@pytest.fixture(scope="module")
def of_42(tables): return tables[1][tables[1].user_id == 42]  # 1, 260 and 593, one a second


def watched(recommender, history):  # {movie id: rating}, as a person of the bundle
    person = recommender._histories.person(history=history)
    return dict(zip(recommender.movies.movie_id[person.rows].tolist(), person.ratings.tolist()))


def refused(ask, message):
    with pytest.raises(MovierecError, match=message) as error: ask()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("same", [
    1196, "1196", " 1196 ", 1196.0, np.int32(1196), np.float64(1196), np.str_("1196")], ids=repr)
def test_filters_read_ids_as_histories_do(same, recommender):
    assert watched(recommender, [same]) == {1196: 0}
    assert Filters(deny=[same]) == Filters(deny=(1196,)) == Filters(deny=same)
    assert Filters(allow=[same]) == Filters(allow=[1196])
    denied = recommender.recommend(20, k=8, filters=Filters(deny=[same, "1"])).movie_id
    assert not {1, 1196} & {*denied} and len(denied)
    assert recommender.recommend(10, filters=Filters(allow=[same]), k=1).movie_id.tolist() == [1196]


@pytest.mark.parametrize("wrong", [2.5, True, None, "2.5", float("inf"), [260]])
def test_what_is_no_id_is_refused_by_filters_too(wrong, recommender):
    for name in ("deny", "allow"):
        refused(lambda: recommender.recommend(10, filters=Filters(**{name: [wrong]})),
                "whole number, not|no movie is called")


@pytest.mark.parametrize("name", ["movie_id", "movieId", "item_id"])
def test_a_series_of_ids_is_taken_by_its_name(name, recommender, of_42):
    ids = of_42.movie_id.rename(name)
    assert ids.index.tolist() != [0, 1, 2]  # row numbers of the whole table
    assert watched(recommender, ids) == {1: 0, 260: 0, 593: 0}
    by_id = of_42.rename(columns={"movie_id": name}).set_index(name).rating
    assert watched(recommender, by_id) == {1: 3, 260: 4, 593: 2.5}


def test_a_series_that_may_mean_two_things_is_refused(recommender, of_42):
    for series in (of_42.rating, of_42.movie_id.rename("movie"), of_42.timestamp):
        refused(lambda: recommender.recommend(history=series), "may hold movie ids or ratings: rename it")


@pytest.mark.parametrize("yes", [True, False, np.True_, np.False_])
def test_a_rating_that_is_true_or_false_is_refused(yes, recommender):
    refused(lambda: recommender.recommend(history={260: yes}), f"movie 260 has rating .*{bool(yes)}")


@pytest.mark.parametrize("kind", [list, tuple, np.array, iter, lambda pairs: [list(pair) for pair in pairs]])
def test_pairs_are_movies_and_ratings(kind, recommender):
    assert watched(recommender, kind([(260, 5), (1196, 4.5)])) == {260: 5, 1196: 4.5}
    refused(lambda: recommender.recommend(history=[(260, 5, 1)]), "a pair in a history is")
    refused(lambda: recommender.recommend(history=[(260, 1196)]), "movie 260 has rating 1196")


def test_a_table_with_known_columns_is_a_history(recommender, of_42, tables):
    expected = {1: 3, 260: 4, 593: 2.5}
    for table in (of_42, of_42[["movie_id", "rating"]], of_42.rename(columns={"movie_id": "movieId"})):
        assert watched(recommender, table) == expected
    assert list(watched(recommender, of_42[::-1])) == [1, 260, 593]  # by their times
    assert watched(recommender, of_42[["movie_id"]]) == dict.fromkeys(expected, 0)
    refused(lambda: recommender.recommend(history=of_42[["rating"]]), "needs a column movie_id")
    refused(lambda: recommender.recommend(history=tables[1]), "has 6 in user_id: choose one")


@pytest.mark.parametrize("title", ["Star Wars", "star wars", "STAR  WARS", "Star Wars (1977)"])
def test_a_title_does_where_an_id_is_asked(title, recommender):
    assert watched(recommender, [title]) == {260: 0} and watched(recommender, {title: 5}) == {260: 5}
    assert recommender.similar(title).equals(recommender.similar(260))
    assert recommender.explain(10, movie_ids=title).equals(recommender.explain(10, movie_ids=[260]))
    assert 260 not in recommender.recommend(10, k=3, filters=Filters(deny=title)).movie_id.tolist()


def test_a_title_that_several_movies_share_names_them(recommender):
    both = r"2 movies are called 'The Godfather': 'The Godfather \(1972\)' is 858, .* is 3000; give an id"
    refused(lambda: recommender.recommend(history=["The Godfather"]), both)
    refused(lambda: recommender.similar("the godfather"), "2 movies are called 'the godfather'")
    assert watched(recommender, ["The Godfather (1972)"]) == {858: 0}


@pytest.mark.parametrize("wrong, near", [
    ("Star Warz", "Near: 'Star Wars"), ("matrix", "Near: 'The Matrix"),
    ("Toy Story (1996)", "Near: 'Toy Story"),
    ("xyzzy", "exact title$"), ("", "exact title$")])
def test_a_title_that_no_movie_has_names_the_nearest(wrong, near, recommender):
    for ask in (lambda: recommender.similar(wrong), lambda: recommender.recommend(history={wrong: 5})):
        refused(ask, "no movie is called .*" + near)


def test_an_id_that_no_movie_can_have_is_an_error(recommender):
    for wrong in (-1, [318, -1], "-1", 10**9):
        refused(lambda: recommender.explain(10, movie_ids=wrong), "unknown movie")
        refused(lambda: recommender._movie_rows(wrong), "unknown movie")  # as predict_rating asks
    refused(lambda: recommender.similar(-1), "unknown movie -1")


@pytest.mark.parametrize("given, same", [
    ({"minimum_votes": "100"}, {"minimum_votes": 100}), ({"minimum_votes": None}, {}),
    ({"years": (pd.NA, 1999)}, {"years": (None, 1999)}),
    ({"years": (float("nan"), "1999")}, {"years": (None, 1999)}),
    ({"years": None, "genres": None}, {}), ({"years": np.array([1990, 1999])}, {"years": (1990, 1999)})])
def test_filters_read_numbers_and_what_is_missing(given, same, recommender):
    assert Filters(**given) == Filters(**same)


@pytest.mark.parametrize("given", [
    {"minimum_votes": "many"}, {"minimum_votes": -1}, {"minimum_votes": 1.5}, {"minimum_votes": True},
    {"years": ("nineties", None)}, {"years": (1990.5, None)}])
def test_filters_that_make_no_sense_are_refused_in_one_line(given):
    refused(lambda: Filters(**given), "must be")


@pytest.mark.parametrize("users", [5, "15", "Ann", 4.5, b"1"])
def test_many_users_must_be_several(users, recommender):
    refused(lambda: recommender.recommend_many(users), "users must be several, such as")
    refused(lambda: recommender.recommend_many(histories=users), "histories must be several, such as")
