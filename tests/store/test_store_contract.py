"Both stores keep one promise: each test here runs on DuckDB and on ArangoDB."

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from movierec.data.datasets import (
    DataError,
    as_movies,
    as_ratings,
    load_dataset,
    load_sample,
    read_table,
)
from movierec.data.fingerprint import fingerprint
from movierec.data.report import DataReport
from movierec.data.tables import as_users
from movierec.store.base import StoreError
from movierec.testing.stores import check_store
from stores import EIGHT_MOVIES, KINDS, SIX_USERS, content, store_of

ANSWERS = pd.DataFrame(
    {
        "user_id": [2, 2, 3],
        "movie_id": [318, 356, 593],
        "score": [0.75, 0.1, 0.25],
        "rank": [1, 2, 1],
    }
)


@pytest.fixture(params=KINDS)
def empty(request, tmp_path):
    with store_of(request.param, tmp_path) as store:
        yield store


@pytest.fixture
def store(empty):
    empty.load(EIGHT_MOVIES, SIX_USERS)
    return empty


@pytest.mark.parametrize("kind", KINDS)
def test_keeps_each_promise(kind, tmp_path):
    folders = (tmp_path / f"{number}" for number in range(100))

    def open_new():
        folder = next(folders)
        folder.mkdir()
        return store_of(kind, folder)

    assert len(check_store(open_new)) == 20


def refused(code, *words):
    with pytest.raises(StoreError) as caught:
        code()
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_store_says_so(empty):
    assert (len(empty.movies()), len(empty.ratings()), empty.users().tolist()) == (0, 0, [])
    assert empty.ratings().dtypes.equals(SIX_USERS.dtypes)
    refused(lambda: empty.history(1), "unknown user 1: this store knows 0: load some first")
    refused(lambda: empty.recommendations(1), "no recommendations yet", "save_recommendations")


def test_comes_back_as_it_went_in(store):
    assert_frame_equal(store.movies(), EIGHT_MOVIES)
    assert_frame_equal(store.ratings(), SIX_USERS)


def test_order_of_rows_does_not_matter_and_loading_again_changes_nothing(store):
    before = content(store)
    store.load(EIGHT_MOVIES[::-1], SIX_USERS.sample(frac=1, random_state=3))
    assert content(store) == before


def test_load_replaces_everything(store):
    store.load(EIGHT_MOVIES[:4], SIX_USERS[SIX_USERS.movie_id == 1])
    assert store.movies().movie_id.tolist() == [1, 296, 318, 356]
    assert store.users().tolist() == [1, 2, 6]


def test_rated_movie_without_metadata_gets_a_row(store):
    store.load(EIGHT_MOVIES[EIGHT_MOVIES.movie_id != 2571], SIX_USERS)
    assert store.movies().set_index("movie_id").title.isna()[2571]
    assert len(store.movies()) == 8


def test_sample_comes_back_as_it_went_in(empty):
    sample = load_sample()
    empty.load(sample.movies, sample.ratings)
    assert_frame_equal(empty.movies(), sample.movies)
    assert_frame_equal(empty.ratings(), sample.ratings)
    assert fingerprint(empty.movies(), empty.ratings()) == fingerprint(
        sample.movies, sample.ratings
    )


def test_both_stores_hold_the_same_bytes(tmp_path):
    sample = load_sample()

    def held(kind):
        with store_of(kind, tmp_path) as store:
            store.load(sample.movies, sample.ratings)
            return content(store)

    assert held("duckdb") == held("arango")


def test_illegal_keys_and_duplicates(tmp_path):
    "B25: of 1,000 rows 3 have an illegal key and 5 come again; each is counted, in both stores."
    path, bad = tmp_path / "ratings.csv", (10, 500, 999)
    rows = [f"{row % 8},{row},4.5,{964982700 + row}" for row in range(1000)]
    for row in range(30, 35):
        rows[row] = rows[row - 10]
    for row in bad:
        rows[row] = rows[row].replace(f",{row},", f",bad/{row},")

    def load(store, lines):
        path.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]) + "\n")
        data = load_dataset("path", path, max_rejected=0)
        store.load(data.movies, data.ratings)
        return str(data.report), data.report.summary.loc["ratings.csv"].to_dict()

    def held(kind):
        with store_of(kind, tmp_path) as store:
            store.load(EIGHT_MOVIES, SIX_USERS)
            before = content(store)
            with pytest.raises(
                DataError,
                match=r"3 of 1,000 rows were rejected.*the movie id is not a number \(lines 12, 502, 1001\)",
            ):
                load(store, rows)
            assert content(store) == before
            said, counts = load(store, [line for row, line in enumerate(rows) if row not in bad])
            assert counts == dict(read=997, rejected=0, usable=997, merged=5, kept=992)
            assert "ratings.csv: 5 merged: the same person rated the same movie again" in said
            once = content(store)
            assert len(store.ratings()) == 992
            assert (
                load(store, [line for row, line in enumerate(rows) if row not in bad])
                == (said, counts)
                and content(store) == once
            )
            return once

    assert held("duckdb") == held("arango")


def test_odd_columns(empty):
    odd = as_movies(
        EIGHT_MOVIES.assign(
            Title=EIGHT_MOVIES.title,
            labels=[{"a": [1, {"b": None}]}] * 8,
            seen=pd.array([True, None] * 4, dtype="boolean"),
            big=pd.array([2**60 + 1] + [None] * 7, dtype="Int64"),
            added=pd.to_datetime(["2001-02-03 04:05:06.789", None] * 4),
            share=[0.1, np.nan] * 4,
            **{'x" y': 1.5},
        )
    )
    empty.load(odd, SIX_USERS)
    assert_frame_equal(empty.movies(), odd)
    refused(
        lambda: empty.load(EIGHT_MOVIES.assign(labels=[{1, 2}] * 8), SIX_USERS),
        "cannot be kept",
        "keep to text",
    )
    refused(
        lambda: empty.load(EIGHT_MOVIES.assign(labels=[{"a": float("nan")}] * 8), SIX_USERS),
        "cannot be kept",
    )
    assert_frame_equal(empty.movies(), odd)


def test_what_is_known_of_users_comes_back(store):
    assert (len(store.user_attributes()), store.user_attributes().user_id.dtype) == (0, np.int64)
    people = as_users(
        pd.DataFrame(
            dict(
                user_id=[5, 2, 77, 3],
                age=[24, None, 53, None],
                gender=["F", None, "M", None],
                visits=[3, 4, 5, 6],
                labels=[["a", "b"], [], ["c"], []],
                zip_code=["01234", "T8H1N", "1", None],
            )
        )
    )
    store.load(EIGHT_MOVIES, SIX_USERS, users=people)
    assert_frame_equal(
        store.user_attributes(), people[people.user_id != 77].reset_index(drop=True)
    )  # of 77 there is no rating
    assert store.users().tolist() == [1, 2, 3, 4, 5, 6]
    store.load(
        EIGHT_MOVIES, SIX_USERS, users=people.assign(age=30)[:1]
    )  # the same ratings and other people
    assert store.user_attributes().age.tolist() == [30]
    store.load(EIGHT_MOVIES, SIX_USERS)
    assert len(store.user_attributes()) == 0


def test_report_stays_with_its_rows(store):
    assert store.report().findings == []
    report = DataReport()
    for kind in ("read", "kept"):
        report.add("ratings.csv", kind, count=13)
    report.add("movies", "note", count=1, reason="Café", examples="line 7")
    store.load(EIGHT_MOVIES, SIX_USERS, report=report)
    assert store.report() == report and store.report().frame.equals(report.frame)
    store.load(EIGHT_MOVIES[:2], SIX_USERS)
    assert store.report().findings == []


@pytest.mark.parametrize(
    "fault", ["", "2,1,4.0,1260759146", "9,1,5.5,1260759146", "9,1.5,4.0,1260759146"]
)
def test_file_read_straight_into_a_store_is_as_one_read_into_memory(empty, tmp_path, fault):
    "Faultless or not, and into a store that takes files as well as into one that does not."
    SIX_USERS.sort_values(["user_id", "movie_id"]).to_csv(tmp_path / "r.csv", index=False)
    with open(tmp_path / "r.csv", "a") as file:
        file.write(fault + "\n" * bool(fault))
    plain, straight = (
        read_table(tmp_path / "r.csv"),
        read_table(tmp_path / "r.csv", into=empty.writing),
    )
    assert straight.report == plain.report and isinstance(straight.ratings, pd.DataFrame) == (
        bool(fault) or empty.writing is None
    )
    assert len(empty.ratings()) == 0  # nobody sees it yet
    empty.load(straight.movies, straight.ratings, report=straight.report)
    assert_frame_equal(empty.ratings(), plain.ratings)
    assert_frame_equal(empty.movies(), plain.movies)


def test_ratings_of_some(store):
    assert store.ratings([5, "3"]).movie_id.tolist() == [318, 858, 2571, 296]
    assert store.ratings(np.int64(2)).equals(store.history("2"))
    assert len(store.ratings([])) == 0
    with pytest.warns(
        UserWarning,
        match="4 of 5 users unknown, such as 70, 71, 72: this store knows 6, such as 1, 2, 3",
    ):
        assert len(store.ratings([1, 70, 71, 72, 73])) == 3


def test_history_is_oldest_first(empty):
    ratings = as_ratings(
        SIX_USERS.assign(timestamp=SIX_USERS.timestamp.max() - SIX_USERS.timestamp)
    )
    empty.load(EIGHT_MOVIES, ratings)
    assert empty.history(1).movie_id.tolist() == [593, 318, 1]


@pytest.mark.parametrize("nobody", [None, -5, 1.5, True, "x' OR 1=1 --", 2**64, 99999])
def test_unknown_people(store, nobody):
    refused(lambda: store.history(nobody), "user")


def test_recommendations(store):
    store.save_recommendations(ANSWERS, "first")
    store.save_recommendations(ANSWERS.assign(score=ANSWERS.score + 1)[:1], "second")
    assert store.recommendations(2).score.tolist() == [1.75]
    assert store.recommendations("2", "first").score.tolist() == [0.75, 0.1]
    assert {name: str(dtype) for name, dtype in store.recommendations(2).dtypes.items()} == {
        "user_id": "int64",
        "movie_id": "int64",
        "score": "float64",
        "rank": "int64",
    }
    store.save_recommendations(ANSWERS[:1], "first")  # replaces, and is now the last
    assert store.recommendations(2).score.tolist() == [0.75]
    refused(lambda: store.recommendations(3, "first"), "run 'first' recommends nothing to user 3")
    refused(lambda: store.recommendations(2, "fist"), "unknown run 'fist'", "Did you mean 'first'?")


def test_loading_keeps_recommendations(store):
    store.save_recommendations(ANSWERS, "first")
    store.load(EIGHT_MOVIES, SIX_USERS)
    assert store.recommendations(3).movie_id.tolist() == [593]


def test_recommendations_that_make_no_sense(store):
    for frame, word in [
        (ANSWERS.assign(score=np.nan), "missing values"),
        (ANSWERS.assign(movie_id=318), "twice"),
        (ANSWERS.assign(movie_id=[1, 2, 3]), "unknown movie 2"),
        (ANSWERS.assign(user_id=77), "unknown user 77"),
        (ANSWERS.drop(columns="rank"), "lack rank"),
        (ANSWERS[:0], "at least one row"),
        (ANSWERS.assign(score=np.inf), "finite"),
    ]:
        refused(lambda: store.save_recommendations(frame, "x"), word)
    refused(lambda: store.save_recommendations(ANSWERS, " "), "does not name a run")
    refused(lambda: store.recommendations(2), "no recommendations yet")


IDS = st.integers(-(2**63), 2**63 - 1)
TABLES = st.lists(
    st.tuples(IDS, IDS, st.floats(0.5, 5, width=32), st.integers(-(2**62), 2**62)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=TABLES,
    titles=st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=12, max_size=12),
)
def test_any_table_comes_back(empty, rows, titles):
    ratings = as_ratings(pd.DataFrame(rows, columns=["user_id", "movie_id", "rating", "timestamp"]))
    movies = as_movies(
        pd.DataFrame({"movie_id": sorted(set(ratings.movie_id))}).assign(
            title=lambda o: titles[: len(o)]
        )
    )
    empty.load(movies, ratings)
    assert_frame_equal(empty.movies(), movies)
    assert_frame_equal(empty.ratings(), ratings)
