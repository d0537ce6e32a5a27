"Whatever a table of ratings holds, each row is kept, merged or rejected, or one sentence says why none is."

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from movierec.data.datasets import DataError, DataReport, read_table
from movierec.data.metadata import read_metadata
from movierec.data.ratings import StoredRatings
from movierec.store.duckdb import DuckDBStore

ids = st.one_of(
    st.integers(0, 30).map(str),
    st.integers(-10, 2**70).map(str),
    st.integers(0, 9).map(lambda o: f"000{o}"),
    st.integers(0, 9).map(lambda o: f"{o}.0"),
    st.sampled_from(["", "x", "31.5", "nan", "inf", "1e3", "-0", "tt7", "é"]),
)
stars = st.one_of(
    st.integers(1, 10).map(lambda o: str(o / 2)),
    st.sampled_from(["", "0", "-1", "5.5", "nan", "inf", "4,5", "good", "5"]),
)
times = st.one_of(
    st.integers(789_000_000, 1_700_000_000).map(str),
    st.sampled_from(["", "0", "-5", "x", "inf", "1e30", "1.5e9"]),
)
rows = st.lists(st.tuples(ids, ids, stars, times), max_size=30)
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
often = settings(some, max_examples=200)


def accounted(load, count):
    "Load, and check what holds for any table; give the ratings, or None after a documented error."
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            movies, ratings, report = load()
        except DataError as e:
            assert "\n" not in str(e) and len(str(e)) > 20
            return None
    row = report.summary.iloc[0]
    assert row.read == count == row.kept + row.merged + row.rejected
    assert len(ratings) == row.kept > 0
    assert not ratings.duplicated(["user_id", "movie_id"]).any()
    assert ratings.rating.between(0.5, 5).all() and (ratings.timestamp >= 0).all()
    assert (ratings[["user_id", "movie_id"]] >= 0).all().all()
    assert set(ratings.movie_id) == set(movies.movie_id)
    return ratings


HEADER = "userId,movieId,rating,timestamp"
WAITING = "SELECT count(*) FROM information_schema.tables WHERE starts_with(table_name, 'incoming_')"


def write(path, rows):
    "Write a file of ratings, with quotes around a cell that holds a comma."
    cells = [[str(cell) for cell in row] for row in rows]
    lines = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in cells]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


@some
@given(rows)
@example(
    [
        ("1", "31.5", "4", "800000000"),
        ("1", "9007199254740993", "4", "800000000"),
        ("1", "7", "4", "800000000"),
    ]
)
def test_any_file(tmp_path, rows):
    path = tmp_path / "ratings.csv"
    write(path, rows)
    accounted(lambda: read_table(path), len(rows))


@often
@given(rows)
def test_any_frame_of_text(rows):
    accounted(
        lambda: read_table(pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"], dtype=object)),
        len(rows),
    )


anything = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.booleans(),
    st.dates(),
    st.sampled_from([Decimal("4.5"), np.int64(3), np.float32(2.5), pd.NA, pd.NaT, (1, 2)]),
)


@often
@given(st.lists(st.tuples(anything, anything, anything, anything), max_size=20))
def test_any_frame_at_all(rows):
    accounted(
        lambda: read_table(pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"], dtype=object)),
        len(rows),
    )


whole = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(1, 5),
        st.integers(1, 10).map(lambda o: o / 2),
        st.integers(789_000_000, 789_000_003),
    ),
    min_size=1,
    max_size=20,
)


@often
@given(whole, st.randoms())
def test_order_of_lines_says_nothing(rows, random):
    names = ["user_id", "movie_id", "rating", "timestamp"]
    first = read_table(pd.DataFrame(rows, columns=names)).ratings
    random.shuffle(rows)
    pd.testing.assert_frame_equal(read_table(pd.DataFrame(rows, columns=names)).ratings, first)
    latest = {}
    for user, movie, rating, time in rows:
        latest[user, movie] = max(latest.get((user, movie), (0, 0)), (time, rating))
    assert {(o.user_id, o.movie_id): (o.timestamp, o.rating) for o in first.itertuples()} == latest


@some
@given(whole)
def test_file_and_frame_agree(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["user_id", "movie_id", "rating", "timestamp"])
    frame.to_csv(tmp_path / "r.csv", index=False)
    frame.to_parquet(tmp_path / "r.parquet")
    for name in ("r.csv", "r.parquet"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name).ratings, read_table(frame).ratings)


def straight(path, folder):
    "Load a file straight into a store: report, ratings and whether memory was spared, or the error's words."
    store = DuckDBStore(folder / "straight.duckdb")
    before = store.ratings()
    try:
        data = read_table(path, into=store.writing)
    except DataError as e:
        pd.testing.assert_frame_equal(store.ratings(), before)
        return str(e)
    store.load(data.movies, data.ratings, report=data.report)
    with store._open() as db:
        assert db.execute(WAITING).fetchone() == (0,)
    return data.report, store.ratings(), isinstance(data.ratings, StoredRatings)


@settings(some, max_examples=40)
@given(st.one_of(rows, whole, whole.map(lambda o: sorted({r[:2]: r for r in o}.values()))))
@example([("1", "7", "4", "800000000"), ("1", "8", "4.5", "800000000"), ("2", "7", "4", "1000000000")])
def test_straight_into_a_store_is_the_same(tmp_path, rows):
    path = tmp_path / "ratings.csv"
    write(path, rows)
    try:
        plain = read_table(path)
    except DataError as e:
        assert straight(path, tmp_path) == str(e)
        return
    report, ratings, without_memory = straight(path, tmp_path)
    assert report == plain.report
    pd.testing.assert_frame_equal(ratings, plain.ratings)
    pairs = plain.ratings.sort_values(["user_id", "movie_id"])[["user_id", "movie_id"]].values.tolist()
    if without_memory:
        assert (
            report.summary.kept.tolist() == [len(rows)]
            and [[float(cell) for cell in o[:2]] for o in rows] == pairs
        )


cells = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters='"'), max_size=8),
    st.integers(0, 99).map(str),
    st.sampled_from(
        [
            "",
            "1997-08-20",
            "False",
            "[{'id': 1, 'name': 'Drama'}]",
            "[[[[",
            "{",
            "nan",
            "-" * 5000 + "1",
            "1e400",
            "tt0000001",
        ]
    ),
)


@some
@given(st.lists(st.lists(cells, min_size=1, max_size=9), max_size=12))
def test_any_metadata(tmp_path, rows):
    path = tmp_path / "movies_metadata.csv"
    header = "adult,budget,genres,id,imdb_id,title,popularity,release_date"
    path.write_bytes("\n".join([header, *(",".join(f'"{cell}"' for cell in o) for o in rows)]).encode())
    report = DataReport()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        movies = read_metadata(path, report)
    row = report.check().summary.iloc[0]
    assert row.read == len(rows) and len(movies) == row.kept and movies.tmdb_id.is_unique
