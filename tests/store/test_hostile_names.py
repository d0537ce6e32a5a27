"Fifty names that broke a database once come back unchanged, or are refused with the reason."

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from movierec.data.datasets import as_movies, as_ratings
from movierec.store.base import StoreError
from stores import EIGHT_MOVIES, KINDS, SIX_USERS, arango, content, store_of

NAMES = [
    "'",
    '"',
    "`",
    "''",
    '""',
    "\\",
    "\\'",
    '\\"',
    "/",
    "//",
    "../../etc/passwd",
    "Movie/1",
    "Users/1",
    "a/b/c",
    "{",
    "}",
    "{}",
    "{{title}}",
    "[",
    "]",
    "x' || true || '",
    'x" || true || "',
    "a` == 1 OR true OR d.`b",
    "' OR 1=1 --",
    "'; DROP TABLE movies; --",
    "1; FOR d IN Movie REMOVE d IN Movie",
    "RETURN 1",
    "@title",
    "@@rows",
    "/* comment */",
    "// comment",
    "$where",
    "%s",
    "%00",
    "${env:HOME}",
    "<script>alert(1)</script>",
    "Amélie",
    "七人の侍",
    "Бриллиантовая рука",
    "🎬🍿",
    "e\u0301",
    "\u202eright to left",
    "\u200b",
    "\ufeff",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\x01",
    "null",
    "NaN",
    "x" * 254,
    "x" * 255,
    "é" * 127,
    "é" * 128,
    "_key",
    "_from",
    " leading and trailing ",
    "-",
    "",
    "0",
]


SYSTEM = ["_key", "_id", "_rev", "_from", "_to"]


def test_there_are_fifty():
    assert len(set(NAMES)) == len(NAMES) >= 50


@pytest.fixture(params=KINDS, scope="module")
def store(request, tmp_path_factory):
    with store_of(request.param, tmp_path_factory.mktemp("stores")) as store:
        yield store


def test_titles_and_overviews(store):
    movies = as_movies(
        pd.DataFrame(
            {
                "movie_id": range(len(NAMES)),
                "title": NAMES,
                "overview": NAMES[::-1],
                "genres": [[name] for name in NAMES],
            }
        )
    )
    ratings = as_ratings(
        pd.DataFrame({"user_id": [1], "movie_id": [0], "rating": [4.0], "timestamp": [0]})
    )
    store.load(movies, ratings)
    assert_frame_equal(store.movies(), movies)


def test_columns(store):
    movies = as_movies(
        EIGHT_MOVIES.assign(
            **{name: range(i, i + 8) for i, name in enumerate(NAMES) if name not in SYSTEM}
        )
    )
    store.load(movies, SIX_USERS)
    assert_frame_equal(store.movies(), movies)


@pytest.mark.parametrize("name", SYSTEM)
def test_columns_that_arango_keeps_for_itself(store, name):
    store.load(EIGHT_MOVIES, SIX_USERS)
    before, movies = content(store), as_movies(EIGHT_MOVIES.assign(**{name: "x"}))
    try:
        store.load(movies, SIX_USERS)
    except StoreError as error:
        assert f"a column cannot be called {name}" in str(error) and content(store) == before
    else:
        assert_frame_equal(store.movies(), movies)


def test_runs(store):
    store.load(EIGHT_MOVIES, SIX_USERS)
    for i, name in enumerate(NAMES):
        answers = pd.DataFrame(
            {"user_id": [1], "movie_id": [296], "score": [float(i)], "rank": [1]}
        )
        if name.strip():
            store.save_recommendations(answers, name)
        else:
            with pytest.raises(StoreError, match="does not name a run"):
                store.save_recommendations(answers, name)
    for i, name in enumerate(NAMES):
        if name.strip():
            assert store.recommendations(1, name).score.tolist() == [float(i)], name


def test_ids_of_people(store):
    store.load(EIGHT_MOVIES, SIX_USERS)
    before = content(store)
    for name in NAMES:
        with pytest.raises(StoreError, match="user"):
            store.history(name)
        with pytest.raises(StoreError, match="user"):
            store.recommendations(name)
    assert content(store) == before


def test_half_a_character(store):
    store.load(EIGHT_MOVIES, SIX_USERS)
    before = content(store)
    movies = EIGHT_MOVIES.assign(label=pd.Series(["\ud83c"] + ["x"] * 7, dtype=object))
    try:
        store.load(movies, SIX_USERS)
    except StoreError as error:
        assert (
            "cannot be kept" in str(error)
            and "surrogates" in str(error)
            and content(store) == before
        )
    else:
        assert store.movies().label.tolist() == movies.label.tolist()


def test_names_of_collections():
    "B28: a dash works, and what ArangoDB does not allow is refused in one line."
    with arango(
        movies="my-movies",
        users="my-users",
        ratings="my-ratings",
        recommendations="my-answers",
        state="my-state",
        graph="my-graph",
    ) as (store, _):
        store.load(EIGHT_MOVIES, SIX_USERS)
        assert_frame_equal(store.movies(), EIGHT_MOVIES)
    for name in ("a` == 1 OR true OR d.`b", "Movie/1", "'", "1st", "x y", ""):
        with pytest.raises(StoreError, match="store.movies=") as caught:
            with arango(movies=name) as (store, _):
                store.load(EIGHT_MOVIES, SIX_USERS)
        assert "\n" not in str(caught.value)
