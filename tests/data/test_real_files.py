"""The files themselves, which the project may not pass on: MOVIEREC_TEST_DATA names a folder that holds them.

In it, `the-movies-dataset` has the files of Kaggle, and `ml-100k` those of GroupLens.
"""

import os
from pathlib import Path

import pytest

from movierec.data.datasets import load_dataset

HOME = Path(os.environ.get("MOVIEREC_TEST_DATA", "nowhere"))


def here(name):
    reason = f"set MOVIEREC_TEST_DATA to a folder that holds {name}"
    return pytest.mark.skipif(not (HOME / name).is_dir(), reason=reason)


@here("the-movies-dataset")
def test_the_movies_dataset():
    files = {path.name for path in (HOME / "the-movies-dataset").glob("movies_metadata*.csv")}
    name = min(files - {"movies_metadata_first5000.csv"})  # the whole, or what is left of it
    movies, ratings, report = load_dataset("path", HOME / "the-movies-dataset", metadata=name)
    counts = dict(read=45_466, rejected=3, usable=45_463, merged=30, kept=45_433)
    assert report.summary.loc[name].to_dict() == counts
    assert (len(ratings), ratings.user_id.nunique(), ratings.movie_id.nunique()) == (100_004, 671, 9066)
    titles = movies.set_index("movie_id").title[[1, 318, 356]].tolist()
    assert titles == ["Toy Story", "The Shawshank Redemption", "Forrest Gump"]


@here("ml-100k")
def test_ml_100k():
    data = load_dataset("path", HOME / "ml-100k")
    assert len(data.ratings) == 100_000
    assert (data.ratings.user_id.nunique(), data.ratings.movie_id.nunique()) == (943, 1682)
    accents = [letter for title in data.movies.title for letter in title if not letter.isascii()]
    assert len(data.movies) == 1682 and sum(not title.isascii() for title in data.movies.title) == 9
    assert set(accents) == set("éèÁö")  # all of them letters, none of them half of one
    assert (len(data.users), data.users.age.min(), data.users.age.max()) == (943, 7, 73)
    assert data.users.gender.value_counts().to_dict() == {"M": 670, "F": 273}
    assert data.users.occupation.nunique() == 21
