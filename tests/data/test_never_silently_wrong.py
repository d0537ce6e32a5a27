"What could mean two things is understood by evidence, or refused in one line that says what to do."

import bz2
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

from movierec.cli import main
from movierec.core import MovierecError
from movierec.data.datasets import DataError, load_dataset, load_sample, read_table
from movierec.data.fingerprint import fingerprint
from movierec.models.splits import GraphError, has_order, split_ratings, split_report

HEADER = "userId,movieId,rating,timestamp\n"
TWO = HEADER + "1,260,4.0,1260759144\n1,318,3.5,1260759145\n"


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(words, read, *given, error=DataError, **named):
    with pytest.raises(error, match=words) as caught:
        read(*given, **named)
    assert "\n" not in str(caught.value)


# T1: ids of another catalogue

TMDB = pd.DataFrame({"id": [260, 318], "title": ["The 39 Steps", "The Million Dollar Hotel"]})


BESIDE = [{}, {"imdb_id": "tt0026029"}, {"original_title": "x", "vote_average": 6.1}]


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("kind", ["frame", "csv", "parquet", "jsonl"])
def test_a_column_id_is_never_taken_for_movie_id_untold(tmp_path, beside, kind):
    films = TMDB.assign(**beside)
    if kind == "csv": films.to_csv(tmp_path / "films.csv", index=False)
    if kind == "parquet": films.to_parquet(tmp_path / "films.parquet")
    if kind == "jsonl": films.to_json(tmp_path / "films.jsonl", orient="records", lines=True)
    given = films if kind == "frame" else tmp_path / f"films.{kind}"
    words = "ids of TMDB.*links.csv" if beside else "has 'id' but no 'movie_id'.*links.csv.*movie_columns="
    refused(words, read_table, write(tmp_path, "r.csv", TWO), movies=given)


def test_an_id_that_is_said_to_be_the_movie_id_is_taken(tmp_path):
    data = read_table(write(tmp_path, "r.csv", TWO), movies=TMDB, movie_columns={"movie_id": "id"})
    assert data.movies.title.tolist() == TMDB.title.tolist()


def test_a_table_of_none_of_the_rated_movies_is_refused(tmp_path):
    films = pd.DataFrame({"movie_id": [11, 278], "title": ["Star Wars", "The Shawshank Redemption"]})
    refused("none of the 2 rated movies", read_table, write(tmp_path, "r.csv", TWO), movies=films)


def test_rated_movies_without_a_row_are_counted(tmp_path):
    films = pd.DataFrame({"movie_id": [260], "title": ["Star Wars"]})
    report = read_table(write(tmp_path, "r.csv", TWO), movies=films).report
    assert "1 note: rated movies of 2 are not in the table of movies" in str(report)


# T15: quotation marks


@pytest.mark.parametrize(
    "name, content",
    [
        ("m.csv", 'movieId,title,genres\n260,"Star Wars,Action\n318,X,Drama\n320,Y,Drama\n'),
        ("m.csv", 'movieId,title,genres\n260,"Star Wars,Action\n318,"Shawshank, The",Drama\n'),
        ("m.csv", 'movieId;title;genres\n260;"Star Wars;Action\n318;X;Drama\n320;"Y";Drama\n'),
        ("m.csv", 'movieId,overview,title\n260,"A long,time\n318,ago,X\n319,in,Y"\n'),
    ],
)
def test_a_quotation_mark_that_is_never_closed_names_its_line(tmp_path, name, content):
    films = write(tmp_path, name, content)
    refused("m.csv, from line 2: a quotation mark", read_table, write(tmp_path, "r.csv", TWO), movies=films)


@pytest.mark.parametrize(
    "lines",
    [
        '1,260,4,"Star\n1,318,4,b\n1,319,5,c\n',
        '1,260,4,"Star\n1,318,4,"b"\n1,319,5,c\n',
        '1,260,4,"Star\n1,318,4,b"\n1,319,5,c\n',
    ],
)
def test_a_quotation_mark_beside_ratings_swallows_no_rating(tmp_path, lines):
    path = write(tmp_path, "r.csv", "userId,movieId,rating,title\n" + lines)
    refused("r.csv, from line 2: a quotation mark", read_table, path)


def test_text_of_several_lines_stays_allowed(tmp_path):
    films = write(tmp_path, "m.csv", 'movieId,title,overview\n260,Star Wars,"Long ago,\nfar, far away"\n')
    data = read_table(write(tmp_path, "r.csv", TWO), movies=films)
    assert data.movies.overview[0] == "Long ago,\nfar, far away"


# T4: times

TIMES = {
    "offsets": (["2009-12-14T02:52:24+00:00", "2009-12-14T02:52:24+02:00"], [1260759144, 1260751944]),
    "zulu": (["2009-12-14T02:52:24Z", "2009-12-14 02:52:24-05:00"], [1260759144, 1260777144]),
    "empty first": (["", "2009-12-14 02:52:24"], [1260759144]),
    "word first": (["unknown", "2009-12-14", "2009-12-14 02:52:24"], [1260748800, 1260759144]),
    "one stray number": (["2009-12-14", "2009-12-14 02:52:24", "5"], [1260748800, 1260759144]),
    "empty first number": (["", "1260759144"], [1260759144]),
}


@pytest.mark.parametrize("dress", ["file", "frame"])
@pytest.mark.parametrize("times, seconds", TIMES.values(), ids=TIMES)
def test_times_become_utc_judged_by_many_rows(tmp_path, times, seconds, dress):
    frame = pd.DataFrame({"userId": 1, "movieId": range(len(times)), "timestamp": times})
    if dress == "file":
        frame.to_csv(tmp_path / "r.csv", index=False)
        frame = tmp_path / "r.csv"
    ratings = read_table(frame).ratings
    assert sorted(ratings.timestamp) == sorted(seconds)


# T5: scales


def table(values, users=20):
    values = list(values)
    user, movie = np.divmod(np.arange(len(values)), -(-len(values) // users))
    return pd.DataFrame({"user_id": user, "movie_id": movie, "rating": values, "timestamp": 10**9 + movie})


def drawn(*levels, n=520):
    return np.random.default_rng(0).choice(levels, n)


@pytest.mark.parametrize("dress", ["file", "frame"])
@pytest.mark.parametrize(
    "values, scale",
    [
        (drawn(*np.arange(0.5, 5.5, 0.5)), (0.5, 5)),
        (drawn(1, 2, 3, 4, 5), (0.5, 5)),
        (drawn(*range(1, 11)), (1, 10)),
        (drawn(*np.arange(1, 10.5, 0.5)), (1, 10)),
        (drawn(*range(11)), (0, 10)),
        (drawn(*range(101)), (0, 100)),
        (drawn(*range(10, 101, 10)), (10, 100)),
        (drawn(-1, 5, 6, 7, 8, 9, 10, 1), (1, 10)),
    ],
)
def test_the_scale_is_found_in_the_values_and_shown(tmp_path, values, scale, dress):
    frame = table(values)
    if dress == "file":
        frame.to_csv(tmp_path / "r.csv", index=False)
        data = load_dataset("path", tmp_path / "r.csv")
    else:
        data = read_table(frame)
    assert data.scale == scale
    said = f"ratings go from {scale[0]:g} to {scale[1]:g} (found in their values)"
    assert (said in str(data.report)) == (scale != (0.5, 5))
    assert len(data.ratings) == (values >= scale[0]).sum()


UNCERTAIN = [drawn(*range(1, 8)), drawn(-1, 0, 1), drawn(0, 1), drawn(*[0] * 5, 2, 4, 6, 8, 9, 10)]


@pytest.mark.parametrize("values", UNCERTAIN)
def test_many_ratings_outside_the_scale_stop_and_say_how_to_state_it(values):
    words = r"ratings are outside 0.5 to 5 .*scale=\(low, high\).*data.scale=\[low,high\]"
    refused(words, read_table, table(values))
    assert len(read_table(table(values), max_rejected=1).ratings) < len(values)


def test_a_few_odd_ratings_are_rejected_as_ever():
    data = read_table(table([*drawn(1, 2, 3, 4, 5), 55, 6, 0]))
    assert data.scale == (0.5, 5) and data.report.summary.rejected.sum() == 3


def test_ratings_that_are_none_of_the_scale_are_told_so():
    refused(r"no usable rating.*state the scale", read_table, table([0.3] * 30))


@pytest.mark.parametrize("scale", [(10, 1), (1,), "1-10", 5, ("a", "b")])
def test_a_scale_that_is_none_is_refused(scale):
    refused("the lowest and the highest rating", read_table, table(drawn(1, 5)), scale=scale)


@pytest.mark.parametrize("scale", [(-1, 1), (1, 10), (0, 100)])
def test_training_refuses_another_scale_in_one_line_and_takes_it_in_stars(scale):
    data = read_table(table(drawn(*np.linspace(*scale, 11))), scale=scale)
    assert data.scale == scale
    words = r"models take 0.5 to 5: map them with dataset.in_stars\(\)"
    refused(words, split_ratings, data.ratings, error=GraphError)
    stars = data.in_stars()
    assert (stars.ratings.rating.min(), stars.ratings.rating.max()) == (0.5, 5)
    assert stars.scale == (0.5, 5) and "became 0.5 to 5" in str(stars.report)
    assert len(split_ratings(stars.ratings)) == 520


def test_a_learner_refuses_another_scale_and_ratings_without_parts():
    from movierec.train.learner import recommender_learner

    data = read_table(table(drawn(*range(1, 11))), scale=(1, 10))
    split = split_ratings(data.in_stars().ratings)
    for own in (data, (data.movies, split.assign(rating=2 * split.rating))):
        given = own if isinstance(own, tuple) else (own,)
        refused("models take 0.5 to 5", recommender_learner, *given, error=MovierecError)
    words = r"split_ratings\(ratings\) makes one"
    refused(words, recommender_learner, data.movies, data.ratings, error=MovierecError)


def test_ratings_times_twenty_are_the_same_in_stars():
    sample = load_sample()
    data = read_table(sample.ratings.assign(rating=20 * sample.ratings.rating), scale=(10, 100)).in_stars()
    assert fingerprint(sample.movies, data.ratings) == fingerprint(sample.movies, sample.ratings)


def test_scale_and_columns_are_stated_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = table(drawn(*range(1, 8))).set_axis(["who", "what", "points", "at"], axis=1)
    frame.to_csv("r.csv", index=False)
    names = "data.columns={user_id: who, movie_id: what, rating: points, timestamp: at}"
    assert main(["data", "source=path", "data.path=r.csv", names]) == 2
    assert "data.scale=[low,high]" in capsys.readouterr().err
    stated = ["data", "source=path", "data.path=r.csv", names, "data.scale=[1,7]"]
    assert main(stated) == 0
    assert "ratings go from 1 to 7 (as stated)" in capsys.readouterr().out
    assert main(["train", "trainer.epochs=1"]) == 2
    assert "data.in_stars=true" in capsys.readouterr().err
    assert main([*stated, "data.in_stars=true"]) == 0
    assert "became 0.5 to 5" in capsys.readouterr().out


# T2: no order


def untimed(users=30, movies=20, timestamp=0):
    frame = table([4.0] * users * movies, users)
    return frame.assign(timestamp=timestamp)


@pytest.mark.parametrize("timestamp", [0, 1_000_000_000, None])
def test_ratings_without_order_are_drawn_and_it_is_said(timestamp):
    ratings = untimed(timestamp=timestamp) if timestamp is not None else untimed().drop(columns="timestamp")
    assert not has_order(ratings)
    with pytest.warns(UserWarning, match="no times that order them") as said:
        split = split_ratings(ratings)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    test, train = (split[split.part == part].movie_id for part in ("test", "train"))
    assert test.min() < train.median() < test.max()
    assert (split_report(split).users_without_order == 30).all()
    with pytest.warns(UserWarning):
        other = split_ratings(ratings, seed=1)
    assert not other[other.part == "test"].movie_id.reset_index(drop=True).equals(test.reset_index(drop=True))


def test_equal_times_within_each_user_are_no_order():
    ratings = untimed()
    assert not has_order(ratings.assign(timestamp=10**9 + ratings.user_id))


def test_real_times_keep_their_rule_to_the_last_row():
    sample = load_sample().ratings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split = split_ratings(sample)
    by_rule = sample.sort_values(["user_id", "timestamp", "movie_id"], ignore_index=True)
    pd.testing.assert_frame_equal(split.drop(columns="part"), by_rule)
    assert "users_without_order" not in split_report(split)


def test_one_user_without_order_changes_no_other():
    timed = table([4.0] * 100, 5)
    mixed = pd.concat([timed, untimed(1, 20).assign(user_id=9)])
    before, after = split_ratings(timed), split_ratings(mixed)
    pd.testing.assert_frame_equal(after[after.user_id != 9].reset_index(drop=True), before)


def test_the_default_model_uses_no_order_that_is_not_there():
    from movierec.train.learner import recommender_learner

    for ratings, ordered in ((untimed(), False), (table([4.0] * 600, 30), True)):
        data = read_table(ratings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learn = recommender_learner(data, embedding_size=8, features=(), progress=False)
        assert learn.model.options.ordered is ordered
    learn = recommender_learner(data, ordered=False, features=(), progress=False)
    assert learn.model.options.ordered is False


# T6: files of one's own with usual names

OWN = {
    "snake": ("user_id,movie_id,rating\n1,260,4\n1,318,5\n", "movie_id,title\n260,Star Wars (1977)\n318,X\n"),
    "items": ("user;item;stars\n1;260;4\n1;318;5\n", "item_id;title\n260;Star Wars (1977)\n318;X\n"),
    "mixed": (TWO, "MovieID,Title,title\n260,a,Star Wars (1977)\n318,b,X\n"),
}


@pytest.mark.parametrize("ratings, movies", OWN.values(), ids=OWN)
def test_own_files_with_usual_names_are_read_by_their_columns(tmp_path, ratings, movies):
    write(tmp_path, "ratings.csv", ratings)
    write(tmp_path, "movies.csv", movies)
    data = load_dataset("path", tmp_path)
    assert data.movies.title.tolist() == ["Star Wars", "X"] and data.movies.year[0] == 1977
    assert data.ratings.movie_id.tolist() in ([260, 318], [318, 260])


@pytest.mark.parametrize("movies", ["movieId,title,genres\n", "movie_id,title\n", "movieId,title,genres"])
def test_a_table_of_movies_with_only_its_header_is_no_movie(tmp_path, movies):
    write(tmp_path, "ratings.csv", TWO)
    write(tmp_path, "movies.csv", movies)
    data = load_dataset("path", tmp_path)
    assert data.movies.movie_id.tolist() == [260, 318] and data.movies.title.isna().all()


@pytest.mark.parametrize("movies", ["", "tmdb,title\n1,x\n", "number;name\n1;x\n"])
def test_a_table_of_movies_without_ids_names_the_column(tmp_path, movies):
    write(tmp_path, "ratings.csv", TWO)
    write(tmp_path, "movies.csv", movies)
    refused("movies.csv has no column 'movie_id'", load_dataset, "path", tmp_path)


# T10: one parser

GENRES = {
    "records": ["[{'id': 28, 'name': 'Action'}]", ["Action"]],
    "json": ['[{"id": 28, "name": "Action"}]', ["Action"]],
    "none": ["(no genres listed)", []],
    "commas": ["Drama, Comedy", ["Drama", "Comedy"]],
    "bars": ["Drama|Comedy", ["Drama", "Comedy"]],
    "list": ["['Drama', 'Comedy', 'Drama']", ["Drama", "Comedy"]],
    "semicolons": ["Drama; Comedy", ["Drama", "Comedy"]],
    "empty": ["", []],
}


@pytest.mark.parametrize("dress", ["file", "frame", "folder"])
@pytest.mark.parametrize("cell, names", GENRES.values(), ids=GENRES)
def test_genres_and_titles_are_parsed_alike_in_files_and_frames(tmp_path, cell, names, dress):
    films = pd.DataFrame({"movieId": [260, 318], "title": ["Star Wars (1977)", "X"], "genres": [cell, None]})
    ratings = write(tmp_path / "own", "ratings.csv", TWO)
    if dress == "frame":
        data = read_table(ratings, movies=films)
    else:
        films.to_csv(tmp_path / "own" / "movies.csv", index=False)
        folder = tmp_path / "own"
        as_one = dress == "folder"
        data = load_dataset("path", folder) if as_one else read_table(ratings, movies=folder / "movies.csv")
    assert data.movies.genres.tolist() == [names, []]
    assert data.movies.title.tolist() == ["Star Wars", "X"] and data.movies.year.tolist() == [1977, pd.NA]


BOTH = [{"Drama", "Comedy"}, ("Comedy", "Drama"), np.array(["Comedy", "Drama"])]
BOTH += [frozenset(["Drama", "Comedy"])]


@pytest.mark.parametrize("cell", BOTH)
def test_sets_and_arrays_are_lists_of_names(tmp_path, cell):
    films = pd.DataFrame({"movie_id": [260, 318], "genres": [cell, [{"name": "Drama"}]]})
    data = read_table(write(tmp_path, "r.csv", TWO), movies=films)
    assert data.movies.genres.tolist() == [["Comedy", "Drama"], ["Drama"]]


def test_a_year_in_a_column_that_differs_stays_beside_its_title(tmp_path):
    titles = ["Life (2012)", "Heat (1995)"]
    films = pd.DataFrame({"movie_id": [260, 318], "title": titles, "year": [2013, 1995]})
    movies = read_table(write(tmp_path, "r.csv", TWO), movies=films).movies
    assert movies.title.tolist() == ["Life (2012)", "Heat"] and movies.year.tolist() == [2013, 1995]


# T13: what is no table


def test_a_dict_of_columns_is_a_table():
    assert len(read_table({"user": [1, 1], "item": [260, 318], "rating": [4, 5]}).ratings) == 2


@pytest.mark.parametrize("given", [[[1, 260, 4]], np.ones((2, 3)), 5, None, {"user": [1], "item": [1, 2]}])
def test_what_is_no_table_is_refused_in_one_line(given):
    refused("a table is a DataFrame|make no table", read_table, given)


def test_two_columns_of_one_name_are_refused(tmp_path):
    frame = pd.DataFrame([[1, 260, 4, 5]], columns=["user", "item", "rating", "rating"])
    refused("two columns are named 'rating'", read_table, frame)
    refused("two columns are named 'item'", read_table, write(tmp_path, "r.csv", "user,item,item\n1,2,3\n"))
    names = {"user_id": "user", "movie_id": "item", "rating": "rating"}
    refused("two columns are named 'rating'", read_table, frame, names)
    refused("the keys are user_id, movie_id, rating, timestamp", read_table, frame, {"user": "user"})


@pytest.mark.parametrize("old, new", [("user_id", "userId"), ("movie_id", "item"), ("rating", "stars")])
def test_a_split_of_other_columns_says_what_to_do(old, new):
    ratings = table(drawn(1, 2, 3)).rename(columns={old: new})
    refused(f"no column '{old}'.*read_table", split_ratings, ratings, error=MovierecError)


# T20: other files


@pytest.mark.parametrize("beside", ["README.md", "README.txt", "LICENSE", "notes.pdf"])
def test_a_zip_with_words_beside_its_folder_is_read(tmp_path, beside):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("data/ratings.csv", TWO)
        archive.writestr("data/movies.csv", "movieId,title,genres\n260,Star Wars (1977),Action\n")
        archive.writestr(beside, "Please cite.")
    assert load_dataset("path", tmp_path / "own.zip").movies.title[0] == "Star Wars"


@pytest.mark.parametrize("name", ["../ratings.csv", "/ratings.csv", "a/../../ratings.csv", "..\\ratings.csv"])
def test_entries_that_lead_out_of_a_zip_are_refused_for_that(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr(name, TWO)
    refused("which leads out of its folder", load_dataset, "path", tmp_path / "own.zip")


ROWS = (1, 260, 4.0, 1260759144), (1, 318, 3.5, 1260759145)
RECORDS = [dict(zip(HEADER.strip().split(","), row)) for row in ROWS]


@pytest.mark.parametrize(
    "name, content",
    {
        "r.jsonl": "\n".join(map(json.dumps, RECORDS)),
        "r.json": json.dumps(RECORDS),
        "r.ndjson": "\n".join(map(json.dumps, RECORDS)) + "\n\n",
        "wide.csv": TWO.encode("utf-16"),
        "big.csv": b"\xfe\xff" + TWO.encode("utf-16-be"),
        "r.csv.bz2": bz2.compress(TWO.encode()),
        "r.tsv.bz2": bz2.compress(TWO.replace(",", "\t").encode()),
        "comma.csv": TWO.replace(",", ";").replace("4.0", "4,0").replace("3.5", "3,5"),
        "comma.tsv": TWO.replace(",", "\t").replace("4.0", "4,0").replace("3.5", "3,5"),
    }.items(),
    ids=lambda part: part if isinstance(part, str) and "." in part[:8] else "",
)
def test_other_files_are_read(tmp_path, name, content):
    ratings = load_dataset("path", write(tmp_path, name, content)).ratings
    assert ratings.rating.tolist() == [4.0, 3.5] and ratings.movie_id.tolist() == [260, 318]


@pytest.mark.parametrize("content", ['{"user_id": 1', "[1, 2]", '"text"', "{}", ""])
def test_json_that_is_no_table_is_refused(tmp_path, content):
    path = write(tmp_path, "r.json", content)
    refused("r.json (is not JSON|holds no records|has no column)", read_table, path)


def test_ratings_that_are_true_or_false_are_refused(tmp_path):
    for given in (
        pd.DataFrame({"user": [1, 1], "item": [1, 2], "rating": [True, False]}),
        pd.DataFrame({"user": [1, 1], "item": [1, 2], "rating": ["yes", "no"]}),
        write(tmp_path, "r.csv", "user,item,rating\n1,1,True\n1,2,False\n"),
    ):
        refused("ratings that are true or false: write a number", read_table, given)


@pytest.mark.parametrize("name", ["count", "play_count", "views"])
def test_a_count_is_not_taken_for_a_rating_and_that_is_said(name):
    data = read_table(pd.DataFrame({"user": [1, 1], "item": [1, 2], name: [17, 3]}))
    assert data.ratings.rating.tolist() == [5, 5]
    assert f"'{name}' is not taken for a rating" in str(data.report)


def test_a_constant_rating_is_said():
    assert "every rating is 1" in str(read_table(table([1] * 40)).report)


# U13


@pytest.mark.parametrize("place", ["nowhere", "odd.csv"])
def test_data_that_fail_leave_no_store(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    command = ["source=path", f"data.path={place}"]
    write(tmp_path, "odd.csv", "a,b\n1,2\n")
    assert main(["data", *command]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["odd.csv"]
    write(tmp_path, "r.csv", TWO)
    assert main(["data", "source=path", "data.path=r.csv"]) == 0
    assert main(["data", *command]) == 2
    assert (tmp_path / "movierec.duckdb").is_file()  # what was there stays
