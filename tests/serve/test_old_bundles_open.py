"""Bundles from before the package was split into folders still open, and answer the same."""
import json

import pytest

from conftest import ROOT
from movierec.serve.recommender import Recommender

OLD = ROOT / "tests" / "fixtures" / "0.1.0"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def expected(): return json.loads((OLD / "expected.json").read_text())


@pytest.fixture(scope="module", params=["history", "lightgcn"])
def model(request): return request.param


def old(model): return Recommender.load(OLD / model / "bundle")


def check_same(answer, expected):
    assert answer.movie_id.tolist() == expected["movie_id"]
    assert answer.score.tolist() == pytest.approx(expected["score"], abs=TOLERANCE)


def test_users_get_the_same_movies_and_scores(model, expected):
    check_same(old(model).recommend(1, k=5), expected[model]["recommend"])


def test_a_history_gets_the_same_movies_and_scores(expected):
    check_same(old("history").recommend(history={1: 5, 2: 4.5}, k=5), expected["history"]["history"])


def test_reasons_are_the_same(expected):
    why, before = old("history").explain(1, k=1), expected["history"]["explain"]
    assert why.watched_id.tolist() == before["watched_id"]
    assert why.contribution.tolist() == pytest.approx(before["contribution"], abs=TOLERANCE)


def test_all_other_questions_are_answered(model):
    recommender = old(model)
    assert len(recommender.recommend_many([1, 2], k=3, diversity=0.5)) == 6
    assert len(recommender.similar(1, k=3)) == 3
    assert len(recommender.history(1)) == 30
