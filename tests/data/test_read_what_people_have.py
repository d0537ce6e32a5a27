"Files that broke other people's recommenders, rebuilt small: each is read right, or refused in one sentence."

import gzip
import warnings
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from movierec.cli import main
from movierec.data.datasets import (
    DataError,
    DataReport,
    load_dataset,
    load_sample,
    read_table,
    read_the_movies_dataset,
)
from movierec.data.metadata import read_metadata
from movierec.data.ratings import read_ratings

COLUMNS = (
    "adult,belongs_to_collection,budget,genres,homepage,id,imdb_id,original_language,original_title,overview,popularity,"
    "poster_path,production_companies,production_countries,release_date,revenue,runtime,spoken_languages,status,tagline,"
    "title,video,vote_average,vote_count"
).split(",")
GOOD = dict(
    adult="False",
    belongs_to_collection="",
    budget="0",
    genres="[{'id': 18, 'name': 'Drama'}]",
    homepage="",
    id="101",
    imdb_id="tt0000001",
    original_language="en",
    original_title="A",
    overview="Words.",
    popularity="1.5",
    poster_path="/x.jpg",
    production_companies="[]",
    production_countries="[]",
    release_date="1999-05-01",
    revenue="0",
    runtime="90.0",
    spoken_languages="[]",
    status="Released",
    tagline="",
    title="A",
    video="False",
    vote_average="6.1",
    vote_count="12",
)
HEAD = "False,,0,[],,103,tt0000003,en,Third,Cut off"
TAIL = " - Told by nobody,0.065736,/abc.jpg,[],[],1997-08-20,0,104.0,[],Released,,Third,False,6.0,1"


@pytest.fixture(autouse=True)
def no_warning_reaches_the_user():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def record(**cells):
    return ",".join('"' + o.replace('"', '""') + '"' for o in {**GOOD, **cells}.values())


def metadata(folder, *records, name="movies_metadata.csv"):
    "Write records, give the table, the report and the table of findings."
    path, report = folder / name, DataReport()
    path.write_text("\n".join([",".join(COLUMNS), *records]) + "\n", encoding="utf-8")
    return read_metadata(path, report), report.check(), report.frame


def rated(folder, text, name="ratings.csv", **options):
    "Write a file of ratings as it stands, give the ratings and the findings."
    path, report = folder / name, DataReport()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_ratings(path, report, **options), report.check().frame


def found(frame, kind):
    "Give the findings of a kind: how many, and where, by reason."
    rows = frame.loc[frame.kind == kind, ["reason", "count", "examples"]]
    return {reason: (count, places) for reason, count, places in rows.values.tolist()}


# Torn records


@pytest.mark.parametrize("before", [1, 5])
def test_torn_record_is_found_by_its_content_and_mended(tmp_path, before):
    "At any row number, so that no list of rows to drop can pass."
    records = [record(id=str(200 + o)) for o in range(before)]
    movies, report, frame = metadata(tmp_path, *records, HEAD, TAIL, record(id="104", title="Fourth"))
    counts = dict(read=before + 3, rejected=1, usable=before + 2, merged=0, kept=before + 2)
    assert report.summary.iloc[0].to_dict() == counts
    ((reason, (count, place)),) = found(frame, "rejected").items()
    assert "a date stands in place of the id" in reason and place == f"line {before + 3}"
    mended = movies.set_index("tmdb_id").loc[103]
    assert (mended.title, mended.runtime, mended.year) == ("Third", 104, 1997)
    assert mended.overview == "Cut off\n - Told by nobody"


def test_tail_that_fits_nowhere_leaves_its_neighbours_alone(tmp_path):
    movies, report, frame = metadata(tmp_path, record(), TAIL, record(id="104"))
    assert movies.title.tolist() == ["A", "A"] and not found(frame, "repaired")


def test_head_whose_tail_is_in_doubt_stays_incomplete(tmp_path):
    movies, _, frame = metadata(tmp_path, HEAD, TAIL.replace("104.0", "no number"), record(id="104"))
    assert movies.title.isna().tolist() == [True, False]
    assert "without the cells of its tail" in list(found(frame, "note"))[0]


def test_tail_with_a_whole_number_for_an_id_is_found_too(tmp_path):
    shifted = record(adult="words", imdb_id="7.5", id="12")
    movies, _, frame = metadata(tmp_path, record(), shifted)
    assert len(movies) == 1 and "wrong columns" in list(found(frame, "rejected"))[0]


def test_quoted_newlines_are_no_tear(tmp_path):
    text = 'A first line.\nA second, with "quotes", a comma, 🎬 and <script>.'
    movies, report, frame = metadata(
        tmp_path, record(overview=text), record(id="102", title="<script>alert(1)</script>")
    )
    assert movies.overview[0] == text and movies.title[1] == "<script>alert(1)</script>"
    assert report.summary.rejected.sum() == 0
    assert "<script>" not in report._repr_html_()


def test_open_quotation_mark_is_named(tmp_path):
    with pytest.raises(DataError, match="from line 3: .*quotation mark"):
        metadata(tmp_path, record(), 'False,"' + "x" * 200_000)


# Cells


def test_bad_cells_are_emptied_and_counted_by_column(tmp_path):
    movies, _, frame = metadata(
        tmp_path,
        record(),
        record(id="102", popularity="Beware"),
        record(id="103", budget="/zaSf.jpg"),
        record(id="104", runtime=""),
        record(id="105", release_date="1"),
        record(id="106", release_date="2999-01-01"),
        record(id="107", budget="5000", vote_count="1e400"),
    )
    assert {o.split("'")[1]: v for o, v in found(frame, "bad cell").items()} == dict(
        popularity=(1, "line 3"),
        budget=(1, "line 4"),
        release_date=(2, "lines 6, 7"),
        vote_count=(1, "line 8"),
    )
    columns = ["budget", "popularity", "runtime", "release_date", "adult", "vote_count"]
    types = ["Int64", "float64", "float64", "datetime64[us]", "boolean", "Int64"]
    assert movies.dtypes.astype(str)[columns].tolist() == types
    assert movies.budget.tolist() == [pd.NA] * 6 + [5000]  # 0 is unknown


@pytest.mark.parametrize(
    "cell, names, bad",
    [
        ("[{'id': 1, 'name': \"Club d'X\"}, {'id': 2, 'name': None}]", ["Club d'X"], False),
        ('[{"id": 5, "name": "Drama"}]', ["Drama"], False),
        ("", [], False),
        ("nan", [], False),
        ("[]", [], False),
        ("[{'id': 0, 'name': '(no genres listed)'}]", [], False),
        ("False", [], True),
        ("6.0", [], True),
        ("{'id': 3, 'name': 'Drama'}", [], True),
        ("[{'id': 4, 'name': 'Dra", [], True),
        ("__import__('os').getcwd()", [], True),
        ("[" * 50_000 + "]" * 50_000, [], True),
        ("-" * 130_000 + "1", [], True),
        ("1+" * 60_000 + "1", [], True),
    ],
)
def test_lists_are_parsed_and_never_run(tmp_path, cell, names, bad):
    movies, _, frame = metadata(tmp_path, record(genres=cell))
    assert movies.genres[0] == names
    assert bool(found(frame, "bad cell")) == bad


def test_the_fullest_of_two_rows_stays(tmp_path):
    movies, report, _ = metadata(
        tmp_path,
        record(id="104", popularity="2.0", tagline=""),
        record(id="104", budget="5000", tagline="More"),
        record(id="105", title="Twin"),
        record(id="106", title="Twin", release_date="2007-01-01"),
    )
    assert movies.tmdb_id.tolist() == [104, 105, 106] and movies.budget[0] == 5000
    assert report.summary.iloc[0].merged == 1


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "movies_metadata.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column 'id', only a, b"):
        read_metadata(tmp_path / "movies_metadata.csv", DataReport())
    (tmp_path / "movies_metadata.csv").write_bytes("id,title\n1,Café\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_metadata(tmp_path / "movies_metadata.csv", DataReport())
    (tmp_path / "movies_metadata.csv").write_bytes("id,title\n1,Café\n".encode("utf-16"))
    assert read_metadata(tmp_path / "movies_metadata.csv", DataReport()).title.tolist() == ["Café"]


# Links


def the_movies_dataset(folder, links, ratings, **titles):
    metadata(folder, *(record(id=o[1:], title=title) for o, title in titles.items()))
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n" + links)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + ratings)
    return read_the_movies_dataset(folder)


def test_ratings_find_their_movie_only_through_links(tmp_path):
    data = the_movies_dataset(
        tmp_path,
        "1,1,900\n2,2,901\n3,3,1\n",
        "1,1,4,1260759144\n1,2,4,1260759145\n1,3,4,1260759146\n1,9,4,1260759147\n",
        _900="Alpha",
        _901="Beta",
        _1="Gamma",
    )
    titles = data.movies.set_index("movie_id").title
    assert titles[:3].tolist() == ["Alpha", "Beta", "Gamma"] and pd.isna(titles[9])
    assert "3 of 4 ratings have metadata" in str(data.report) and "such as 9" in str(data.report)


def test_links_with_holes(tmp_path):
    ratings = "1,1,4,1260759144\n1,2,3,1260759145\n2,4,5,1260759146\n"
    data = the_movies_dataset(
        tmp_path,
        "1,0114709,862\n2,0000052,\n3,0113228,15602.0\n4,7,862\n5,10872600,634649\n",
        ratings,
        _862="Toys",
        _15602="Old Men",
    )
    movies = data.movies.set_index("movie_id")
    assert movies.imdb_id.tolist() == ["tt0114709", "tt0000052", "tt0113228", "tt0000007", "tt10872600"]
    assert movies.title[[1, 3, 4]].tolist() == ["Toys", "Old Men", "Toys"]
    assert movies.title[[2, 5]].isna().all()
    assert movies.tmdb_id.tolist() == [862, pd.NA, 15602, 862, 634649] and len(data.ratings) == 3


def test_metadata_that_occurs_twice_multiply_no_rating(tmp_path):
    metadata(
        tmp_path,
        record(id="104", popularity="2.0", title="Twin"),
        record(id="104", budget="5000", title="Twin"),
        record(id="105", title="Twin", release_date="2007-01-01"),
    )
    (tmp_path / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,104\n2,2,105\n")
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,1,4,1260759144\n2,1,4,1260759144\n2,2,4,1260759145\n"
    )
    data = read_the_movies_dataset(tmp_path)
    assert len(data.ratings) == 3
    twins = data.movies[["title", "year", "budget"]].values.tolist()
    assert twins == [["Twin", 1999, 5000], ["Twin", 2007, pd.NA]]


def test_keywords_and_credits_join_where_they_are(tmp_path):
    (tmp_path / "keywords.csv").write_text("id,keywords\n900,\"[{'id': 1, 'name': 'toy'}]\"\n900,\"[]\"\n")
    (tmp_path / "credits.csv").write_text("cast,crew,id\n\"[{'name': 'Ann', 'order': 0}]\",[],900\n")
    data = the_movies_dataset(tmp_path, "1,1,900\n2,2,901\n", "1,1,4,1260759144\n", _900="Alpha")
    assert data.movies.keywords.tolist() == [["toy"], []]
    assert data.movies.cast.tolist() == [[dict(name="Ann", order=0)], []]
    assert data.report.summary.loc["keywords.csv"].merged == 1


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "movies_metadata_1.csv").write_text("id\n")
    with pytest.raises(DataError, match="Did you mean 'movies_metadata_1.csv'"):
        read_the_movies_dataset(tmp_path)


# Ratings

HEADER = "userId,movieId,rating,timestamp\n"
LINES = "1,31,4.0,1260759144\n2,31,3.5,1260759145\n"
QUOTED = '"userId","movieId","rating","timestamp"\n"1","31","4.0","1260759144"\n"2","31","3.5","1260759145"\n'


@pytest.mark.parametrize(
    "name, content",
    {
        "ratings.csv": (HEADER + LINES).encode(),
        "bom.csv": b"\xef\xbb\xbfuserId,movieId,rating,timestamp\n" + LINES.encode(),
        "crlf.csv": (HEADER + LINES).replace("\n", "\r\n").encode(),
        "ratings.csv.gz": gzip.compress((HEADER + LINES).encode()),
        "semicolon.csv": ("userId;movieId;rating;timestamp\n" + LINES.replace(",", ";")).encode(),
        "u.data": LINES.replace(",", "\t").encode(),
        "ratings.dat": LINES.replace(",", "::").encode(),
        "other order.csv": b"rating,timestamp,item,user\n4.0,1260759144,31,1\n3.5,1260759145,31,2\n",
        "quoted [1]*.csv": QUOTED.encode(),
        "dates.csv": b"user,movie,stars,date\n1,31,4.0,2009-12-14 02:52:24\n2,31,3.5,2009-12-14T02:52:25\n",
        "milliseconds.csv": (HEADER + "1,31,4.0,1260759144000\n2,31,3.5,1260759145000\n").encode(),
    }.items(),
    ids=lambda o: o if isinstance(o, str) else "",
)
def test_the_same_ratings_in_every_dress(tmp_path, name, content):
    # what a pattern would find
    (tmp_path / "quoted 1 and more.csv").write_text(HEADER + "9,9,1,1260759144\n")
    ratings, _ = rated(tmp_path, content, name)
    assert ratings.to_dict("list") == dict(
        user_id=[1, 2], movie_id=[31, 31], rating=[4.0, 3.5], timestamp=[1260759144, 1260759145]
    )
    assert ratings.dtypes.astype(str).tolist() == ["int64", "int64", "float32", "int64"]


def test_times_in_milliseconds_are_said_and_mixed_ones_refused(tmp_path):
    _, frame = rated(tmp_path, HEADER + "1,1,4,1260759144000\n")
    assert "milliseconds" in list(found(frame, "repaired"))[0]
    with pytest.raises(DataError, match="mixes times in seconds and milliseconds"):
        rated(tmp_path, "userId,movieId,rating,timestamp\n1,1,4,1260759144000\n1,2,4,1260759144\n")
    _, frame = rated(tmp_path, HEADER + "1,1,4,10\n")
    assert "before 1995" in list(found(frame, "note"))[0]


def test_the_latest_of_two_ratings_wins_in_any_order(tmp_path):
    lines = ["1,7,4.5,1000000010", "1,7,5.0,1000000020", "2,7,1.0,1000000001"]
    for order in (lines, lines[::-1]):
        ratings, frame = rated(tmp_path, HEADER + "\n".join(order))
        assert ratings.rating.tolist() == [5.0, 1.0]
        assert sum(count for count, _ in found(frame, "merged").values()) == 1


def test_ids_are_whole_or_rejected(tmp_path):
    ratings, frame = rated(
        tmp_path,
        HEADER + "1.0,31.0,2.5,1260759144\n1,31.5,3.0,1260759145\n2,00031,4,1260759146\n"
        "-1,31,4,1260759146\n9007199254740993,31,4,1260759146\nann,31,4,1260759146\n",
    )
    assert ratings[["user_id", "movie_id"]].values.tolist() == [[1, 31], [2, 31]]
    assert [o for o in found(frame, "rejected").values()] == [(1, "line 7"), (2, "lines 5, 6"), (1, "line 3")]


def test_ratings_out_of_range_are_rejected_by_reason(tmp_path):
    cells = ["-1", "0", "5.5", "nan", "inf", '"4,5"', "", "4.5", "0.5"]
    ratings, frame = rated(
        tmp_path,
        "userId,movieId,rating,timestamp\n\n"
        + "".join(f"1,{n},{o},{1260759144 + n}\n" for n, o in enumerate(cells)),
    )
    assert ratings.rating.tolist() == [4.5, 0.5]
    assert found(frame, "rejected") == {
        "the rating is not a number": (1, "line 8"),
        "the rating is missing or not a number": (2, "lines 6, 9"),
        "the rating is outside 0.5 to 5": (4, "lines 3, 4, 5, …"),
    }
    ratings, _ = rated(tmp_path, HEADER + "1,1,9,1260759144\n", scale=(1, 10))
    assert ratings.rating[0] == 9


def test_lines_of_the_wrong_length_are_rejected(tmp_path):
    _, frame = rated(
        tmp_path, "userId,movieId,rating,timestamp\n1,1,4\n1,2,4,1260759144,x,y\n1,3,4,1260759144\n"
    )
    assert found(frame, "rejected") == {
        "the line has too few cells": (1, "line 2"),
        "the line has too many cells": (1, "line 3"),
    }


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty: there is nothing to train on"),
        (b"\n\n", "is empty"),
        (b"userId,movieId,rating,timestamp\n", "no usable rating: there is nothing to train on"),
        (
            b"userId,movieId,rating,timestamp\nann,1,4,1\n",
            r"no usable rating: the user id is not a number \(line 2\)",
        ),
        (b"a,b,c\n1,2,3\n", "no column for user_id, only a, b, c"),
        (b"userId movieId rating\n1 2 3\n", "cut at ','"),
        ("userId,movieId,rating\n1,2,é\n".encode("latin-1") + b"\xff", "UTF-8"),
        (b"PK\x03\x04\x00\xff\xfe", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as caught:
        rated(tmp_path, content)
    assert "\n" not in str(caught.value) and "ratings.csv" in str(caught.value)


def test_one_user_is_enough_to_read(tmp_path, monkeypatch, capsys):
    assert len(rated(tmp_path, HEADER + "1,1,4,1260759144\n1,2,3,1260759145\n")[0]) == 2
    monkeypatch.chdir(tmp_path)
    assert main(["data", "source=path", "data.path=ratings.csv"]) == 0
    assert main(["train", "trainer.epochs=1"]) == 2
    said = "movierec: too few ratings: none are left for validation; a user needs at least 3\n"
    assert capsys.readouterr().err == said


# Whole datasets


def release(folder, kind):
    "Write the same three ratings of two movies as a release of MovieLens packs them."
    latin = kind in ("ml-100k", "ml-1m")
    rows = [(1, 1, 4, 874965758), (1, 2, 3, 874965759), (2, 1, 5, 874965760)]

    def write(name, text):
        (folder / name).write_bytes(text.encode("latin-1" if latin else "utf-8"))

    def join(separator):
        return "".join(separator.join(map(str, row)) + "\n" for row in rows)

    if kind == "ml-100k":
        write("u.data", join("\t"))
        write("u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n")
        write(
            "u.item",
            "1|Été à Nîmes, L' (1995)|01-Jan-1995||http://example.org/1|0|0|0|0|0|1|0|0|1|0|0|0|0|0|0|0|0|0|0\n"
            "2|American, The (1995)|||http://example.org/2|1|0|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n",
        )
    elif kind in ("ml-1m", "ml-10m"):
        write("ratings.dat", join("::"))
        write("movies.dat", "1::Été à Nîmes, L' (1995)::Comedy|Drama\n2::American, The (1995)::Drama\n")
        write("users.dat" if latin else "tags.dat", "1::F::1::10::48067\n")
    else:
        write("ratings.csv", HEADER + join(","))
        write(
            "movies.csv",
            'movieId,title,genres\n1,"Été à Nîmes, L\' (1995)",Comedy|Drama\n'
            '2,"American, The (1995)",Drama\n3,None,(no genres listed)\n',
        )
        write("links.csv", "movieId,imdbId,tmdbId\n1,0000001,11\n2,0000002,\n3,0000003,13\n")
        write("tags.csv", "userId,movieId,tag,timestamp\n1,1,x,874965758\n")


RELEASES = ["ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest"]


@pytest.mark.parametrize("packed", ["folder", "zip"])
@pytest.mark.parametrize("kind", RELEASES)
def test_every_release_of_movielens(tmp_path, kind, packed):
    path = tmp_path / kind
    path.mkdir()
    release(path, kind)
    if packed == "zip":
        with zipfile.ZipFile(tmp_path / f"{kind}.zip", "w") as z:
            for o in path.iterdir():
                z.write(o, f"{kind}/{o.name}")
        path = tmp_path / f"{kind}.zip"
    data = load_dataset("path", path)
    assert data.ratings.values.tolist() == [[1, 1, 4, 874965758], [1, 2, 3, 874965759], [2, 1, 5, 874965760]]
    movies = data.movies.set_index("movie_id")
    assert movies.title[[1, 2]].tolist() == ["Été à Nîmes, L'", "American, The"]
    assert movies.year[[1, 2]].tolist() == [1995, 1995]
    assert movies.genres[[1, 2]].tolist() == [["Comedy", "Drama"], ["Drama"]]
    if 3 in movies.index:
        assert movies.genres[3] == [] and movies.tmdb_id.tolist() == [11, pd.NA, 13]


def test_tables_of_ones_own_agree(tmp_path):
    frame = pd.DataFrame(dict(who=[1, 2], what=[7, 7], stars=[4.0, 2.5], at=[1260759144, 1260759145]))
    names = dict(user_id="who", movie_id="what", rating="stars", timestamp="at")
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    first = read_table(frame, names)
    for o in (pa.Table.from_pandas(frame), tmp_path / "t.csv", tmp_path / "t.parquet"):
        pd.testing.assert_frame_equal(read_table(o, names).ratings, first.ratings)
    views = read_table(frame, {**names, "rating": None, "timestamp": None})
    assert views.ratings.rating.tolist() == [5, 5]
    assert "no ratings" in str(views.report) and "no times" in str(views.report)
    with pytest.raises(DataError, match="no column 'star'.*Did you mean 'stars'"):
        read_table(frame, {**names, "rating": "star"})
    with pytest.raises(DataError, match="no column 'star'.*Did you mean 'stars'"):
        read_table(tmp_path / "t.csv", {**names, "rating": "star"})


def test_movies_of_ones_own_are_accounted_for(tmp_path):
    films = pd.DataFrame(
        dict(movieId=[7, 7, 8], title=["Heat", "Heat again", "Babe"], genres=["Action|Crime", None, "Drama"])
    )
    data = read_table(pd.DataFrame(dict(user=[1, 1], item=[7, 9])), movies=films)
    assert data.movies.title.fillna("").tolist() == ["Heat", "Babe", ""]
    assert data.movies.genres.tolist() == [["Action", "Crime"], ["Drama"], []]
    assert data.report.summary.loc["movies"].to_dict() == dict(read=3, rejected=0, usable=3, merged=1, kept=2)


def test_a_text_file_of_movies_is_typed(tmp_path):
    (tmp_path / "films.csv").write_text(
        "movieId,title,year,genres,budget,adult,production_companies\n7,Heat,1995,Action|Crime,,True,\n"
        'x,Gone,,,,,\n8,Babe,,Drama,much,,"[{""name"": ""X""}]"\n8,Babe,,,,,\n'
    )
    data = read_table(pd.DataFrame(dict(user=[1, 1], item=[7, 9])), movies=tmp_path / "films.csv")
    assert data.movies.movie_id.tolist() == [7, 8, 9]
    assert data.movies.year.tolist() == [1995, pd.NA, pd.NA]
    assert data.movies.genres.tolist() == [["Action", "Crime"], ["Drama"], []]
    assert data.movies.production_companies[1] == [dict(name="X")]
    counts = dict(read=4, rejected=1, usable=3, merged=1, kept=2)
    assert data.report.summary.loc["films.csv"].to_dict() == counts
    bad = {"'budget' is not a whole number: left empty": (1, "line 4")}
    assert found(data.report.frame, "bad cell") == bad


def test_damaged_files_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "r.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="r.parquet cannot be read as Parquet"):
        read_table(tmp_path / "r.parquet")
    with pytest.raises(DataError, match="no file .*nowhere.csv"):
        read_table(tmp_path / "nowhere.csv")
    with zipfile.ZipFile(tmp_path / "ml.zip", "w") as z:
        z.writestr("ratings.csv", "userId,movieId\n1,2\n")
    content = (tmp_path / "ml.zip").read_bytes()
    (tmp_path / "ml.zip").write_bytes(content.replace(b"1,2", b"1,3"))
    with pytest.raises(DataError, match="ml.zip cannot be unpacked"):
        load_dataset("path", tmp_path / "ml.zip")


def test_too_many_rejected_rows_are_an_error(tmp_path):
    (tmp_path / "r.csv").write_text("userId,movieId,rating,timestamp\n1,1,4,1260759144\n1,2,9,1260759144\n")
    assert len(load_dataset("path", tmp_path / "r.csv", max_rejected=0.5).ratings) == 1
    with pytest.raises(DataError, match="1 of 2 rows were rejected.*line 3"):
        load_dataset("path", tmp_path / "r.csv", max_rejected=0.49)


def test_the_sample_is_whole():
    data = load_sample()
    assert (len(data.movies), len(data.ratings)) == (9125, 100_004)
    assert (data.ratings.user_id.nunique(), data.ratings.movie_id.nunique()) == (671, 9066)
    assert data.movies.title.isna().sum() == 43 and "41 note: rated movies of 9,066" in str(data.report)
    titles = data.movies.set_index("movie_id").title[[1, 318, 356]].tolist()
    assert titles == ["Toy Story", "The Shawshank Redemption", "Forrest Gump"]
    # the 24 of the source (genres by name, id and language renamed), movie_id, year, keywords
    assert len(data.movies.columns) == 27
    assert data.movies.belongs_to_collection[0]["id"] == 10194
    folder = Path(__file__).parents[2] / "movierec" / "sample"
    assert sum(o.stat().st_size for o in folder.iterdir()) <= 5_000_000
    assert {"LICENSE-MovieLens.md", "ATTRIBUTION-TMDB.md"} <= {o.name for o in folder.iterdir()}
