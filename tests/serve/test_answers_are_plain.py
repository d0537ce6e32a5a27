"""Answers carry their reasons, name each movie, know one rule for ties, and one stranger stops nobody."""
import json
import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save

from bundles import knn_bundle, random_bundle
from movierec.core import MovierecError
from movierec.serve.bundle import read_bundle, rewrite_bundle
from movierec.serve.recommender import Recommender
from movierec.serve.rerank import diversify
from movierec.testing.examples import six_people, small_bundle

UNKNOWN = 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "Item-kNN: how many people rated both movies. Jumanji has no title."
    movies, ratings = six_people()
    movies["title"] = movies.title.where(movies.movie_id != 2)
    return knn_bundle(tmp_path_factory.mktemp("knn") / "bundle", movies, ratings)


@pytest.fixture(scope="module")
def recommender(folder): return Recommender.load(folder)


@pytest.fixture(scope="module")
def learned(tmp_path_factory): return small_bundle(tmp_path_factory.mktemp("learned") / "bundle", epochs=1)


def test_a_recommendation_has_its_reason_as_a_column(recommender):
    answer = recommender.recommend(history=[1, 593], k=3)
    assert answer.columns[-1] == "reason"
    assert answer.reason[0] == "you watched The Silence of the Lambs and Toy Story"
    assert answer.reason[1] == "you watched Toy Story"
    records = json.loads(answer.to_json(orient="records"))
    assert [record["reason"] for record in records] == [None if pd.isna(r) else r for r in answer.reason]
    assert answer.reason[0] in answer.to_csv() and answer.reason[0] in answer._repr_html_()
    assert recommender.recommend(k=2).reason.isna().all()  # nothing watched, no reason
    assert "reason" not in recommender.recommend_many([10, 20], k=1).columns
    assert "reason" not in recommender.recommend(history=[1, 593], k=3, reasons=False).columns


def test_a_movie_without_a_title_is_named_by_its_id(recommender):
    answer = recommender.recommend(history=[2], k=1)
    assert answer.reason[0] == "you watched movie 2" and "movie 2" in answer._repr_html_()
    untitled = recommender.recommend(history=[1], k=2)
    assert untitled.movie_id.tolist() == [2, 260]
    assert "<td>movie 2</td>" in untitled._repr_html_() and "nan" not in untitled._repr_html_().lower()


def test_one_unknown_user_does_not_stop_the_others(recommender):
    with pytest.warns(UserWarning) as said:
        answer = recommender.recommend_many([10, 20, 999], k=1)
    assert answer.user_id.tolist() == [10, 20] and len(said) == 1
    assert str(said[0].message) == "1 of 3 users are unknown to this bundle, such as 999: left out"
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="9 of 10 users are unknown .*, such as 500, 501, 502: left out"):
        recommender.recommend_many([10, *range(500, 509)], k=1)
    with pytest.raises(MovierecError, match="unknown user 998"): recommender.recommend_many([998, 999])


def test_one_history_of_unknown_movies_does_not_stop_the_others(recommender):
    histories = {"Ann": [1], "Bob": [UNKNOWN], "Eve": {UNKNOWN: 5, 260: 4}}
    with pytest.warns(UserWarning) as said:
        answer = recommender.recommend_many(histories=histories, k=1)
    assert answer.name.tolist() == ["Ann", "Eve"]
    assert [str(warning.message) for warning in said] == [
        "1 of 3 histories are unknown to this bundle, such as Bob: left out",
        "1 watched movies are unknown to this bundle, such as 1000000000: ignored"]
    with pytest.raises(MovierecError, match="knows none of the 1 movies"):
        recommender.recommend_many(histories=[[UNKNOWN], [UNKNOWN + 1]])
    with pytest.raises(MovierecError, match="has rating 'good'"):  # a mistake is no unknown movie
        recommender.recommend_many(histories=[[1], {260: "good"}])


def test_diversity_of_five_thousand_is_bounded_in_time(learned, tmp_path):
    recommender = Recommender.load(random_bundle(learned, tmp_path / "large", 0, 6000))
    ids, hidden = recommender.movies.movie_id.to_numpy(), recommender._scorer.tables["hidden"][:-2]
    history, k = ids[~hidden][:5].tolist(), 4500
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        answer = recommender.recommend(history=history, k=k, diversity=0.3)
        taken.append(time.perf_counter() - start)
    assert len(answer) == k and answer.movie_id.is_unique
    plain = recommender.recommend(history=history, k=k)
    assert {*answer.movie_id[:1000]} == {*plain.movie_id[:1000]}  # the best thousand are re-ranked
    assert answer.movie_id[1000:].tolist() == plain.movie_id[1000:].tolist()
    assert min(taken) < 0.2, taken


def test_up_to_a_hundred_diverse_movies_are_chosen_as_ever():
    draw = np.random.default_rng(0)
    scores, vectors = np.sort(draw.normal(size=1000))[::-1], draw.normal(size=(1000, 8))
    relevance = (scores - scores.min()) / np.ptp(scores)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    taken = [0]
    for _ in range(99):  # word for word
        gain = 0.7 * relevance - 0.3 * (unit @ unit[taken].T).max(axis=1)
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
    assert diversify(scores, vectors, k=100, diversity=0.3).tolist() == taken


def top_of(recommender, history): return recommender.recommend(history=history, k=3).movie_id.tolist()


def test_a_recommender_is_pickled_as_its_folder(recommender, folder):
    copy = pickle.loads(pickle.dumps(recommender))
    assert copy.folder == folder.resolve() and top_of(copy, [1]) == top_of(recommender, [1])
    assert len(pickle.dumps(recommender)) < 1000
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(top_of, recommender, [1]).result() == top_of(recommender, [1])


def test_a_pickled_recommender_of_a_relative_folder_opens_elsewhere(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder.parent)
    content = pickle.dumps(Recommender.load("bundle"))
    monkeypatch.chdir(tmp_path)
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.decode().startswith("Recommender(ItemKNN")


def test_two_answers_side_by_side_can_be_shown(recommender):
    answers = [recommender.recommend(user, k=2) for user in (10, 20)]
    for beside in (pd.concat(answers, axis=1), pd.concat(answers, axis=1, keys=["a", "b"]),
                   answers[0].merge(answers[1], on="rank"), pd.concat(answers), answers[0].T):
        assert "Toy Story" in beside._repr_html_() or "Star Wars" in beside._repr_html_()


def test_explore_takes_a_path_or_says_so(learned, folder):
    from movierec.serve.explorer import explore
    for path in (learned, str(learned)):
        assert explore(path, k=2).answer.value
    for wrong in (5, None, {}):
        with pytest.raises(MovierecError, match="explore takes a Recommender or the folder of a bundle"):
            explore(wrong)
    with pytest.raises(MovierecError, match="is no bundle"): explore(folder.parent / "none")


@pytest.mark.parametrize("wrong", [[-1], [-1, UNKNOWN], [-UNKNOWN]])
def test_a_new_movie_with_a_negative_id_is_an_error(wrong, learned, tmp_path):
    new = pd.DataFrame({"movie_id": wrong, "title": "New", "genres": [["Drama"]] * len(wrong)})
    message = f"1 of the new movies have a negative movie_id, such as {wrong[0]}"
    with pytest.raises(MovierecError, match=message):
        Recommender.load(learned).add_movies(new, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def tied(bundle, folder):  # the same bundle, in which all movies have the same score
    tables, name = load_file(bundle / "tables.safetensors"), "tables.safetensors"
    for table, values in tables.items():
        if values.dtype == np.float32: tables[table] = np.zeros_like(values)
    with rewrite_bundle(bundle, folder, manifest=read_bundle(bundle), written=[name]) as beside:
        (beside / name).write_bytes(save(tables))
    return folder


@pytest.mark.parametrize("k", [1, 7, 20, 43])
def test_of_equal_scores_the_lower_movie_id_comes_first(k, learned, tmp_path):
    recommender = Recommender.load(tied(learned, tmp_path / "tied"))
    hidden, ids = recommender._scorer.tables["hidden"][:-2], recommender.movies.movie_id
    expected = [movie for movie in ids[~hidden] if movie not in (3, 9)]
    assert expected == sorted(expected)
    with warnings.catch_warnings(action="ignore"):
        assert recommender.recommend(history=[3, 9], k=k).movie_id.tolist() == expected[:k]
        many = recommender.recommend_many(histories=[[3, 9], [1]] * 40, k=k)
        assert many.movie_id[many.name == 78].tolist() == expected[:k]
        assert recommender.top(history=[3, 9], k=k)[0].tolist() == expected[:k]


def test_some_equal_scores_among_others_keep_the_rule(recommender):
    answer = recommender.similar(1, k=7)
    for _, same in answer.groupby("score"):
        assert same.movie_id.is_monotonic_increasing


@pytest.mark.parametrize("k", [1, 10])
def test_javascript_keeps_the_same_rule_for_equal_scores(k, learned, tmp_path, node_modules):
    from test_javascript import ask
    bundle = tied(learned, tmp_path / "tied")
    recommender = Recommender.load(bundle)
    histories = [[(3, 5), (9, None)], [], [(1, 0.5)]]
    for history, answer in zip(histories, ask(bundle, histories, k=k)[0]["answers"]):
        expected = recommender.top(history=dict(history), k=k)[0].tolist()
        assert [best["movie_id"] for best in answer["best"]] == expected == sorted(expected)
        assert {best["score"] for best in answer["best"]} == {0}
