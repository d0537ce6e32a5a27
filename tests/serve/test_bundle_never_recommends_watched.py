"""Never a watched movie, never one twice, never fewer than there are; and reasons that add up: for any catalogue and any wish."""
import warnings

import numpy as np, pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bundles import GENRES, random_bundle
from movierec.serve.recommender import Recommender
from movierec.serve.filters import Filters, allowed_movies

RELAXED = dict(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def catalogues(trained, tmp_path_factory):
    "Bundles by seed, each with another catalogue: of one movie, of a few, of more than there are places in a history."
    folder, made = tmp_path_factory.mktemp("catalogues"), {}
    def catalogue(seed):
        if seed not in made: made[seed] = Recommender.load(random_bundle(trained/"runs/latest/bundle", folder/str(seed), seed, (1, 2, 7, 40, 300)[seed % 5]))
        return made[seed]
    return catalogue


@st.composite
def questions(draw):
    "A catalogue, somebody, and all that they may wish for."
    n = draw(st.integers(0, 19))
    history = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([None, 0.5, 3, 5.0])), max_size=60)
    wishes = dict(genres=st.lists(st.sampled_from(GENRES), max_size=2), years=st.sampled_from([(None, None), (1950, None), (1960, 1990)]),
                  allowed=st.sampled_from([None, 0.5, 0.9]), denied=st.sampled_from([0, 0.2]))
    return dict(seed=n, user=draw(st.sampled_from([None, 1, 2, 3])), history=draw(history), k=draw(st.integers(0, 310)),
                novelty=draw(st.sampled_from([0, 0.5, 1])), diversity=draw(st.sampled_from([0, 0, 0.5, 1])), **{name: draw(wish) for name, wish in wishes.items()})


def ask(recommender, question):
    "The question in the ids of this catalogue: whom, the history, the filters."
    ids = recommender.movies.movie_id.tolist()
    history = {ids[int(place * len(ids))]: stars for place, stars in question["history"]}
    some = lambda share: [movie for movie in ids if hash((movie, question["seed"])) % 100 < 100 * share]
    genres = [name for name in question["genres"] if any(name in cell for cell in recommender.movies.genres)]
    allow = None if question["allowed"] is None else some(question["allowed"]) or ids[:1]
    return history, Filters(genres=genres, years=question["years"], allow=allow, deny=some(question["denied"]))


def watched_by(recommender, user, history):
    rows = [] if user is None else recommender._past.of(user - 1)[0]
    return {*recommender.movies.movie_id[rows].tolist(), *history}


@given(questions())
@settings(**RELAXED)
def test_exactly_the_movies_that_are_left(catalogues, question):
    recommender = catalogues(question["seed"])
    history, filters = ask(recommender, question)
    movies, hidden = recommender.movies, recommender._tables["hidden"][:-2]
    left = {*movies.movie_id[allowed_movies(filters, movies) & ~hidden]} - watched_by(recommender, question["user"], history)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that fewer are left than asked for
        answer = recommender.recommend(question["user"], question["k"], history, filters, question["novelty"], question["diversity"])
    assert answer.movie_id.is_unique and {*answer.movie_id} <= left
    assert len(answer) == min(question["k"], len(left)) and answer["rank"].tolist() == list(range(1, len(answer) + 1))
    assert question["diversity"] or answer.score.is_monotonic_decreasing


@given(questions())
@settings(**RELAXED)
def test_contributions_add_up(catalogues, question):
    recommender = catalogues(question["seed"])
    history, _ = ask(recommender, question)
    reasons = recommender.explain(question["user"], history, k=3)
    for _, rows in reasons.groupby("movie_id"):
        assert abs(rows.contribution.sum() + rows.prior.iloc[0] - rows.score.iloc[0]) <= 1e-5 * max(1, abs(rows.contribution).sum())


@given(questions())
@settings(**RELAXED | {"max_examples": 20})
def test_without_its_first_reason_a_score_falls_by_what_was_stated(catalogues, question):
    recommender = catalogues(question["seed"])
    history, _ = ask(recommender, question)
    reasons = recommender.explain(None, history, k=1)
    if reasons.empty: return
    first = reasons.iloc[0]
    rest = {movie: stars for movie, stars in history.items() if movie != first.watched_id}
    after = dict(zip(*(part.tolist() for part in recommender.top(None, len(recommender.movies), rest))))
    assert abs(first.score - first.without - after[first.movie_id]) <= 1e-4 * max(1, abs(first.score))


@given(st.integers(0, 19), st.lists(st.lists(st.floats(0, 1, exclude_max=True), max_size=60), min_size=1, max_size=8), st.integers(1, 50))
@settings(**RELAXED | {"max_examples": 30})
def test_together_as_alone(catalogues, seed, histories, k):
    recommender = catalogues(seed)
    ids = recommender.movies.movie_id.tolist()
    histories = [[ids[int(place * len(ids))] for place in history] for history in histories]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together = recommender.recommend_many(histories=histories, k=k)
        for name, history in enumerate(histories):
            alone, theirs = recommender.recommend(history=history, k=k), together[together.name == name]
            assert np.allclose(theirs.score, alone.score, atol=1e-4) and len(theirs) == len(alone)


@pytest.mark.parametrize("seed", range(20))
def test_fillers_neither_hide_nor_reveal_a_movie(catalogues, seed):
    recommender = catalogues(seed)
    ids, hidden = recommender.movies.movie_id.tolist(), recommender._tables["hidden"]
    histories = [[], ids[-1:], ids[1:], ids]  # filled up to the longest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = recommender.recommend_many(histories=histories, k=len(ids))
    for name, history in enumerate(histories):
        assert {*found.movie_id[found.name == name]} == {movie for movie, never in zip(ids, hidden) if not never} - {*history}


def test_a_history_of_ten_thousand(trained, tmp_path):
    recommender = Recommender.load(random_bundle(trained/"runs/latest/bundle", tmp_path/"large", 0, 10_050))
    ids = recommender.movies.movie_id.tolist()
    with pytest.warns(UserWarning, match="movies left to watch, fewer than the 60 asked for"): answer = recommender.recommend(history=ids[:10_000], k=60)
    assert {*answer.movie_id} == {movie for movie, hidden in zip(ids[10_000:], recommender._tables["hidden"][10_000:]) if not hidden}
