"""Never a watched movie, none twice, never fewer than there are; reasons add up: for any catalogue."""
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundles import GENRES, random_bundle
from movierec.serve.filters import Filters, allowed_movies
from movierec.serve.recommender import Recommender

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
RELAXED = dict(max_examples=60, deadline=None, suppress_health_check=SLOW)
SIZES = 1, 2, 7, 40, 300  # of catalogues: one movie, a few, more than there are places in a history


@pytest.fixture(scope="module")
def catalogues(trained, tmp_path_factory):
    "A function: seed -> a bundle with a catalogue of its own."
    folder, made = tmp_path_factory.mktemp("catalogues"), {}
    def catalogue(seed):
        if seed not in made:
            bundle = trained / "runs/latest/bundle"
            made[seed] = Recommender.load(random_bundle(bundle, folder / str(seed), seed, SIZES[seed % 5]))
        return made[seed]
    return catalogue


@st.composite
def questions(draw):
    "A catalogue, a person, and all that may be asked for."
    place = st.floats(0, 1, exclude_max=True)
    rated = st.tuples(place, st.sampled_from([None, 0.5, 3, 5.0]))
    return dict(
        seed=draw(st.integers(0, 19)), user=draw(st.sampled_from([None, 1, 2, 3])),
        history=draw(st.lists(rated, max_size=60)), k=draw(st.integers(0, 310)),
        novelty=draw(st.sampled_from([0, 0.5, 1])), diversity=draw(st.sampled_from([0, 0, 0.5, 1])),
        genres=draw(st.lists(st.sampled_from(GENRES), max_size=2)),
        years=draw(st.sampled_from([(None, None), (1950, None), (1960, 1990)])),
        allowed=draw(st.sampled_from([None, 0.5, 0.9])), denied=draw(st.sampled_from([0, 0.2])))


def ask(recommender, question):
    "The question in the ids of this catalogue: the history and the filters."
    ids = recommender.movies.movie_id.tolist()
    def some(share): return [movie for movie in ids if hash((movie, question["seed"])) % 100 < 100 * share]
    history = {ids[int(place * len(ids))]: rating for place, rating in question["history"]}
    named = {name for cell in recommender.movies.genres for name in cell}
    genres = [name for name in question["genres"] if name in named]
    allow = None if question["allowed"] is None else some(question["allowed"]) or ids[:1]
    return history, Filters(
        genres=genres, years=question["years"], allow=allow, deny=some(question["denied"]))


def watched_by(recommender, user, history):
    return {*history} | ({*recommender.history(user)} if user else set())


@given(questions())
@settings(**RELAXED)
def test_exactly_the_movies_that_are_left(catalogues, question):
    recommender = catalogues(question["seed"])
    history, filters = ask(recommender, question)
    movies, candidate = recommender.movies, ~recommender._scorer.tables["hidden"][:-2]
    allowed = {*movies.movie_id[allowed_movies(filters, movies) & candidate]}
    left = allowed - watched_by(recommender, question["user"], history)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that fewer are left than asked for
        answer = recommender.recommend(
            question["user"], question["k"], history=history, filters=filters,
            novelty=question["novelty"], diversity=question["diversity"])
    assert answer.movie_id.is_unique and {*answer.movie_id} <= left
    assert len(answer) == min(question["k"], len(left))
    assert answer["rank"].tolist() == list(range(1, len(answer) + 1))
    assert question["diversity"] or answer.score.is_monotonic_decreasing


@given(questions())
@settings(**RELAXED)
def test_contributions_add_up(catalogues, question):
    recommender = catalogues(question["seed"])
    history, _ = ask(recommender, question)
    reasons = recommender.explain(question["user"], 3, history=history)
    for _, rows in reasons.groupby("movie_id"):
        gap = rows.contribution.sum() + rows.prior.iloc[0] - rows.score.iloc[0]
        assert abs(gap) <= 1e-5 * max(1, abs(rows.contribution).sum())


@given(questions())
@settings(**RELAXED | {"max_examples": 20})
def test_without_its_first_reason_a_score_falls_by_what_was_stated(catalogues, question):
    recommender = catalogues(question["seed"])
    history, _ = ask(recommender, question)
    reasons = recommender.explain(None, 1, history=history)
    if reasons.empty: return
    first = reasons.iloc[0]
    rest = {movie: rating for movie, rating in history.items() if movie != first.watched_id}
    found = recommender.top(None, len(recommender.movies), history=rest)
    after = dict(zip(*(part.tolist() for part in found)))
    fall = first.score - after[first.movie_id]
    assert abs(fall - first.without) <= 1e-4 * max(1, abs(first.score))


places = st.lists(st.floats(0, 1, exclude_max=True), max_size=60)


@given(st.integers(0, 19), st.lists(places, min_size=1, max_size=8), st.integers(1, 50))
@settings(**RELAXED | {"max_examples": 30})
def test_together_as_alone(catalogues, seed, histories, k):
    recommender = catalogues(seed)
    ids = recommender.movies.movie_id.tolist()
    histories = [[ids[int(place * len(ids))] for place in history] for history in histories]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together = recommender.recommend_many(histories=histories, k=k)
        for name, history in enumerate(histories):
            alone, found = recommender.recommend(history=history, k=k), together[together.name == name]
            assert np.allclose(found.score, alone.score, atol=1e-4) and len(found) == len(alone)


@pytest.mark.parametrize("seed", range(20))
def test_fillers_neither_hide_nor_reveal_a_movie(catalogues, seed):
    recommender = catalogues(seed)
    ids, hidden = recommender.movies.movie_id.tolist(), recommender._scorer.tables["hidden"]
    candidates = {movie for movie, never in zip(ids, hidden) if not never}
    histories = [[], ids[-1:], ids[1:], ids]  # filled up to the longest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = recommender.recommend_many(histories=histories, k=len(ids))
    for name, history in enumerate(histories):
        assert {*found.movie_id[found.name == name]} == candidates - {*history}


def test_a_history_of_ten_thousand(trained, tmp_path):
    bundle = random_bundle(trained / "runs/latest/bundle", tmp_path / "large", 0, 10_050)
    recommender = Recommender.load(bundle)
    ids, hidden = recommender.movies.movie_id.tolist(), recommender._scorer.tables["hidden"]
    with pytest.warns(UserWarning, match="movies left to watch, fewer than the 60 asked for"):
        answer = recommender.recommend(history=ids[:10_000], k=60)
    left = zip(ids[10_000:], hidden[10_000:])
    assert {*answer.movie_id} == {movie for movie, never in left if not never}
