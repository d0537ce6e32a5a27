"""The bundle that Python serves answers the same in JavaScript: movies, scores and reasons."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bundles import random_bundle
from conftest import ROOT
from explorer import JAVASCRIPT
from movierec.serve.quantize import _KINDS, quantize_bundle
from movierec.serve.recommender import Recommender

TOLERANCE = 1e-4
K, EXPLAINED = 11, 2  # one more than the ten that are compared, to see whether the tenth is tied


@pytest.fixture(scope="module")
def bundle(trained): return trained / "runs/latest/bundle"


def ask(bundle, histories, k=K):  # -> {"answers": […]} or {"error": …}, and what JavaScript warned of
    question = json.dumps({"k": k, "explained": EXPLAINED, "histories": histories})
    command = ["node", JAVASCRIPT / "answer.mjs", bundle]
    done = subprocess.run(command, input=question, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def random_histories(recommender, n, seed=0):
    "Empty, short and long, of people known and unknown; movies watched twice, with ratings and without."
    draw, ids = np.random.default_rng(seed), recommender.movies.movie_id.to_numpy()
    users = draw.choice(recommender.user_ids, min(n // 3, len(recommender.user_ids)), replace=False)
    histories = [list(recommender.history(user).items()) for user in users]
    ratings = [None, *np.arange(0.5, 5.5, 0.5).tolist()]
    for length in [0, 1, 300, *np.exp(draw.uniform(0, np.log(400), n - len(users) - 3)).astype(int)]:
        watched = draw.choice(ids, length)
        histories.append([(int(movie), ratings[draw.integers(len(ratings))]) for movie in watched])
    return histories


def in_order(history):  # a dict of Python keeps the place of the first time, and what counts is the last
    latest = {}
    for movie, rating in history:
        latest.pop(movie, None)
        latest[movie] = rating
    return latest


def check_same(recommender, history, best, why):
    movies, scores = recommender.top(history=in_order(history), k=K)
    assert [answer["score"] for answer in best] == pytest.approx(scores.tolist(), abs=TOLERANCE)
    found = {answer["movie_id"]: answer["score"] for answer in best[:10]}
    tied, differing = scores[9:10].tolist(), set(found) ^ set(movies[:10].tolist())
    known = dict(zip(movies.tolist(), scores.tolist())) | found
    assert all(known[movie] == pytest.approx(tied[0], abs=2 * TOLERANCE) for movie in differing)
    check_same_reasons(recommender, in_order(history), why)


def check_same_reasons(recommender, history, why):
    targets = [reasons["movie_id"] for reasons in why]
    explained = recommender.explain(history=history, movie_ids=targets)
    expected = explained.set_index(["movie_id", "watched_id"]).contribution
    for reasons in why:
        parts = [part["contribution"] for part in reasons["reasons"]]
        assert reasons["prior"] + sum(parts) == pytest.approx(reasons["score"], abs=1e-3) or not parts
        assert parts == sorted(parts, reverse=True)
        assert len(parts) == min(len(history), recommender.manifest["remembered"])
        for part in reasons["reasons"]:
            in_python = expected[reasons["movie_id"], part["watched_id"]]
            assert part["contribution"] == pytest.approx(in_python, abs=TOLERANCE)


@pytest.mark.parametrize("kind, n", [("whole", 120), *((kind, 20) for kind in _KINDS)])
def test_random_histories_get_the_same_answers(kind, n, bundle, tmp_path, node_modules):
    if kind != "whole": bundle = quantize_bundle(bundle, tmp_path / kind, kind=kind)
    recommender = Recommender.load(bundle)
    histories = random_histories(recommender, n)
    answers = ask(bundle, histories)[0]["answers"]
    assert len(answers) == n
    for history, answer in zip(histories, answers):
        check_same(recommender, history, **answer)


@pytest.mark.parametrize("seed, n_movies", [(0, 3), (1, 40), (2, 300)])
def test_other_catalogues_get_the_same_answers(seed, n_movies, bundle, tmp_path, node_modules):
    folder = random_bundle(bundle, tmp_path / "bundle", seed, n_movies)
    recommender = Recommender.load(folder)
    histories = random_histories(recommender, 12, seed)
    for history, answer in zip(histories, ask(folder, histories)[0]["answers"]):
        movies = [best["movie_id"] for best in answer["best"]]
        expected = recommender.top(history=in_order(history), k=K)[0]
        assert len(movies) == len(set(movies)) == len(expected)
        assert not set(movies) & set(in_order(history))
        if len(movies) == K: check_same(recommender, history, **answer)


def test_a_movie_that_is_unknown_is_left_out_with_a_warning(bundle, node_modules):
    answers, warned = ask(bundle, [[(10**9, 5), (260, 5)], [(260, 5)]])
    assert answers["answers"][0] == answers["answers"][1]
    assert "1 watched movies are unknown to this bundle, such as 1000000000: ignored" in warned


@pytest.mark.parametrize("history, k, message", [
    ([(10**9, 5)], 10, "knows none of the 1 movies of the history, such as 1000000000: give MovieLens ids"),
    ([(260, 11)], 10, "movie 260 has 11 stars: give a number from 0.5 to 5"),
    ([], -1, "k must be a whole number from 0 on, not -1")])
def test_questions_that_cannot_be_answered_get_one_line(history, k, message, bundle, node_modules):
    assert message in ask(bundle, [history], k)[0]["error"]


def change_manifest(folder, **values):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


BY_NUMBER = {"inputs": {"user_index": ["users"]}, "model": "LightGCN"}


@pytest.mark.parametrize("harm, message", [
    (lambda folder: os.truncate(folder / "tables.safetensors", 10**6),
     "tables.safetensors is not what the manifest says, it was altered or cut off"),
    (lambda folder: (folder / "recommender.onnx").write_bytes(b"?"),
     "recommender.onnx is not what the manifest says"),
    (lambda folder: change_manifest(folder, format_version=3),
     "the bundle has format 3, and only 2 is read here"),
    (lambda folder: change_manifest(folder, format="?"),
     "not the manifest of a movierec bundle"),
    (lambda folder: change_manifest(folder, **BY_NUMBER),
     "LightGCN knows people by their number alone: train with model=history")])
def test_bad_bundles_are_refused_in_one_line(harm, message, bundle, tmp_path, node_modules):
    shutil.copytree(bundle, tmp_path / "bundle")
    harm(tmp_path / "bundle")
    assert message in ask(tmp_path / "bundle", [[]])[0]["error"]


def test_the_code_on_the_explorers_page_runs(bundle, tmp_path, node_modules, monkeypatch):
    cells = json.loads((ROOT / "nbs" / "browser.ipynb").read_text())["cells"]
    page = "\n".join("".join(cell["source"]) for cell in cells)
    python, javascript = (
        re.search(rf"```{language}\n(.*?)```", page, flags=re.S)[1] for language in ("python", "js"))
    shutil.copy(ROOT / "nbs" / "explorer" / "recommender.js", tmp_path)
    os.symlink(node_modules, tmp_path / "node_modules")
    os.symlink(bundle, tmp_path / "bundle")
    (tmp_path / "page.mjs").write_text(javascript)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(["node", "page.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    best = Recommender.load(bundle).top(history={260: 5, 1196: 5, 2571: None}, k=3)[0]
    assert all(f"movie_id: {movie}" in done.stdout for movie in best) and "reasons" in done.stdout
    monkeypatch.chdir(tmp_path)
    exec(python, {})
    assert len(json.loads(Path("movies.json").read_text())) == len(Recommender.load("bundle").movies)
