"""The leaderboard measures every model alike: metrics worked out by hand, peers as in textbooks."""
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import leaderboard
import metrics
import ranking_peers
import rating_peers
import report
from movierec.models.splits import split_ratings

MOVIES = [10, 20, 30, 40, 50]


def table(*rows):
    return pd.DataFrame(rows, columns=["user_id", "movie_id"]).astype("int64").assign(rating=4.0, timestamp=0)


def random_ratings(users=12, movies=30, seed=0):
    draw = np.random.default_rng(seed)
    rows = [(user, movie) for user in range(users) for movie in draw.choice(movies, size=10, replace=False)]
    return table(*rows).assign(
        timestamp=draw.integers(0, 100, len(rows)), rating=draw.integers(1, 11, len(rows)) / 2
    )


def places(scores, fitted, held_out):
    return metrics.measure_ranking(
        lambda users: np.tile(scores, (len(users), 1)), np.array(MOVIES), fitted, held_out
    )


FITTED = table((1, 10), (1, 20), (2, 30), (2, 40), (3, 50))


def test_metrics_equal_those_worked_out_by_hand():
    pairs, lists = places(np.array([5., 4, 3, 2, 1]), FITTED, table((1, 40), (1, 50), (2, 10)))
    assert pairs.place.tolist() == [1, 2, 0]  # user 1 has 30, 40, 50 left; user 2 has 10, 20, 50
    per_user = metrics.user_metrics(pairs)
    first = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert per_user["ndcg@10"].tolist() == pytest.approx([first, 1.0])
    assert per_user["recall@20"].tolist() == [1.0, 1.0]
    listed = lists.groupby("user_id").movie_id.apply(list)
    assert listed.tolist() == [[30, 40, 50], [10, 20, 50]]  # shorter than ten, nothing watched
    assert metrics.ranking_metrics(pairs, lists, 5)["coverage@10"] == 1.0


def test_recall_divides_by_what_can_be_reached():
    pairs = pd.DataFrame({"user_id": 1, "movie_id": range(40), "place": [*range(10), *range(30, 60)]})
    assert metrics.user_metrics(pairs).loc[1].to_dict() == pytest.approx(
        {"ndcg@10": 1.0, "recall@20": 0.5, "hit_rate@10": 1.0}
    )


def test_equal_scores_are_ordered_by_movie():
    pairs, _ = places(np.zeros(5), FITTED, table((1, 50), (2, 10)))
    assert pairs.place.tolist() == [2, 0]


def test_movies_that_the_model_cannot_know_are_misses():
    pairs, lists = places(np.array([5., 4, 3, 2, 1]), FITTED, table((1, 30), (1, 99)))
    assert pairs.place.tolist() == [0, -1]
    assert metrics.user_metrics(pairs).loc[1, "ndcg@10"] == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert metrics.user_metrics(pairs).loc[1, "recall@20"] == 0.5
    assert metrics.ranking_metrics(pairs, lists, 5)["unknown_movies"] == 1


def test_only_movies_of_the_fitted_data_are_candidates():
    fitted = FITTED[FITTED.movie_id != 50]  # 50 has the best score and no ratings
    pairs, lists = places(np.array([1., 1, 1, 1, 9]), fitted, table((1, 30), (1, 50)))
    assert pairs.place.tolist() == [0, -1] and 50 not in set(lists.movie_id)


def test_popularity_rank_is_1_for_the_most_watched():
    fitted = table((1, 10), (2, 10), (2, 20), (3, 10), (3, 30))
    _, lists = metrics.measure_ranking(
        lambda users: np.zeros((len(users), 3)), np.array([10, 20, 30]), fitted, table((1, 30))
    )
    assert lists.popularity_rank.tolist() == [2, 3]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="diverged"):
        places(np.array([1, np.nan, 1, 1, 1]), FITTED, table((1, 30)))


def test_stars_are_clipped_and_measured():
    class Peer(rating_peers.RatingPeer):
        def predict(self, pairs): return np.array([9.0, 3.0])
    fitted = table((1, 10), (2, 20)).assign(rating=[1.0, 5.0])
    values, pairs = leaderboard.measure(Peer(), fitted, table((1, 20), (9, 99)).assign(rating=[4.0, 5.0]))
    assert values == {"rmse": pytest.approx(np.sqrt(2.5)), "mae": 1.5, "ratings": 2}
    assert pairs.history.tolist() == [1, 0] and pairs.popularity.tolist() == [1, 0]


@pytest.mark.parametrize("users", [12, 60])  # fewer and more than movies: both ways through
def test_ease_equals_the_textbook_inverse(users):
    ratings = random_ratings(users)
    peer = ranking_peers.EASE(penalty=7.0).fit(ratings)
    x = peer.watched.toarray().astype("float64")
    p = np.linalg.inv(x.T @ x + 7.0 * np.eye(x.shape[1]))
    weights = -p / np.diag(p)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(peer.scores(peer.users), x @ weights, atol=1e-9)


def test_itemknn_is_the_sum_of_cosines_without_the_movie_itself():
    peer = ranking_peers.ItemKNN(neighbours=5).fit(
        table((1, 10), (1, 20), (2, 10), (2, 20), (2, 30), (3, 30))
    )
    cosine = {(10, 20): 1.0, (10, 30): 0.5, (20, 30): 0.5}
    assert peer.scores([1])[0] == pytest.approx(
        [cosine[10, 20], cosine[10, 20], cosine[10, 30] + cosine[20, 30]]
    )


def test_ials_solves_its_equations():
    peer = ranking_peers.IALS(factors=4, unobserved=0.5, penalty=0.1, epochs=2).fit(random_ratings(), seed=1)
    x, users, movies = peer.watched.toarray(), peer.factor["user"], peer.factor["movie"]
    left = (
        0.5 * users.T @ users
        + users.T @ (users * x[:, [3]])
        + 0.1 * (x[:, 3].sum() + 0.5 * len(x)) * np.eye(4)
    )
    np.testing.assert_allclose(left @ movies[3], users.T @ x[:, 3])


def test_biases_are_those_of_two_damped_means():
    ratings = table((1, 10), (2, 10), (1, 20)).assign(rating=[5.0, 4.0, 3.0])
    peer = rating_peers.Biases(user_damping=0, movie_damping=1, rounds=1).fit(ratings)
    movie, user = {10: 1 / 3, 20: -1 / 2}, {1: (1 - 1 / 3 + (-1 + 1 / 2)) / 2}
    assert peer.predict(table((1, 10), (9, 99))) == pytest.approx([4 + movie[10] + user[1], 4.0])


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="EASE has no setting 'penalti'"): ranking_peers.EASE(penalti=3)


def test_published_folds_are_fifths_of_the_file():
    ratings = random_ratings().assign(row=lambda o: np.random.default_rng(1).permutation(len(o)))
    folds = [leaderboard.published_fold(ratings, fold) for fold in range(1, 6)]
    assert [fold[fold.part == "test"].row.tolist() for fold in folds] == [
        [*range(24 * i, 24 * i + 24)] for i in range(5)
    ]
    validation = [(fold.part == "validation").sum() for fold in folds]
    assert set(validation) == {9}  # a tenth of the other 96, rounded down


def test_models_are_fitted_on_what_the_protocol_says():
    data = SimpleNamespace(name="ratings_small", movies=None, ratings=random_ratings())
    part = {
        track: split_ratings(data.ratings, name).part.value_counts()
        for track, name in (("R", "temporal_user"), ("P", "random"))
    }
    sizes = {
        (track, tuning): [len(o) for o in leaderboard.parts(track, data, 0, tuning)]
        for track in ("R", "P")
        for tuning in (True, False)
    }
    assert sizes["R", True] == [part["R"].train, part["R"].validation]
    assert sizes["R", False] == [part["R"].train + part["R"].validation, part["R"].test]
    assert sizes["P", True] == [part["P"].train, part["P"].validation]
    assert sizes["P", False] == [part["P"].train, part["P"].test]


def popular_on_the_sample(tmp_path, **changed):
    return leaderboard.run_cell(tmp_path, "ratings_small", "R", "popularity", 0, changed)


def test_a_finished_cell_is_not_fitted_again(tmp_path):
    ran = []
    def run(*cell):
        ran.append(cell[2:5])
        leaderboard.run_cell(*cell)
    given = tmp_path, ["ratings_small"], ["R"], ["popularity"], None
    assert leaderboard.run_cells(*given, run=run) == 1
    assert leaderboard.run_cells(*given, run=run) == 0
    assert ran == [("R", "popularity", 0)]


def test_a_cell_is_fitted_again_with_other_settings_or_when_it_was_cut_off(tmp_path):
    file = leaderboard.cell_file(tmp_path, "R", "ratings_small", "popularity", 0)
    cell = popular_on_the_sample(tmp_path)
    assert leaderboard.is_done(file, {}) and not leaderboard.is_done(file, {"penalty": 3})
    assert json.loads(file.read_text()) == cell and not list(file.parent.glob("*.part"))
    file.unlink()  # the JSON file comes last: rows alone are no result
    assert not leaderboard.is_done(file, {})


def test_the_kept_rows_give_the_metrics_again(tmp_path):
    cell = popular_on_the_sample(tmp_path)
    pairs = pd.read_parquet(
        leaderboard.cell_file(tmp_path, "R", "ratings_small", "popularity", 0).with_suffix(".parquet")
    )
    assert metrics.user_metrics(pairs)["ndcg@10"].mean() == cell["metrics"]["ndcg@10"]
    assert cell["metrics"]["ndcg@10"] == pytest.approx(0.051, abs=0.002)  # what protocol R is known to give


def test_the_interval_is_the_same_each_time_and_holds_the_mean():
    per_user = pd.DataFrame({0: np.random.default_rng(3).random(200)})
    first, again = (metrics.interval(metrics.resampled_means(per_user)) for _ in range(2))
    mean, error = per_user[0].mean(), per_user[0].std() / np.sqrt(200)
    assert first == again
    assert first == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.3 * error)


def test_a_pair_of_models_is_compared_user_by_user():
    worse = pd.DataFrame({0: np.random.default_rng(3).random(200)})
    low, high = metrics.interval(metrics.resampled_means(worse + 0.01) - metrics.resampled_means(worse))
    assert low == pytest.approx(0.01) and high == pytest.approx(0.01)  # users differ far more than models do


def test_resampled_rmse_is_that_of_the_drawn_users():
    errors = [pd.DataFrame({"sum": [4.0, 0.0], "size": [1, 1]}, index=[1, 2])]
    weights = metrics.resampled_users(2)
    assert metrics.resampled_rmse(errors) == pytest.approx(np.sqrt(weights[:, 0] * 4 / 2))


def test_tables_and_figures_are_written(tmp_path):
    popular_on_the_sample(tmp_path)
    leaderboard.run_cell(tmp_path, "ratings_small", "P", "biases", 0, {})
    report.write(tmp_path)
    rows = pd.read_csv(tmp_path / "leaderboard.csv")
    assert set(rows.metric) >= {
        "ndcg@10",
        "recall@20",
        "hit_rate@10",
        "coverage@10",
        "popularity_rank@10",
        "rmse",
        "mae",
    }
    assert ((rows.low <= rows.value) & (rows.value <= rows.high))[rows.low.notna()].all()
    assert (
        "Popularity" in (tmp_path / "leaderboard.md").read_text()
        and (tmp_path / "R_ratings_small.png").stat().st_size > 1000
    )


def test_tuning_keeps_the_best_on_validation_and_does_not_try_twice(tmp_path, monkeypatch):
    monkeypatch.setitem(
        leaderboard.MODELS,
        "toy",
        {"class": "ranking_peers.EASE", "task": "ranking", "grid": {"penalty": [1.0, 300.0]}},
    )
    monkeypatch.setattr(
        leaderboard,
        "read_data",
        lambda source: SimpleNamespace(name=source, movies=None, ratings=random_ratings(60)),
    )
    kept, tried = {}, []
    monkeypatch.setattr(leaderboard, "keep_tuned", lambda track, name, model, entry: kept.update(entry))
    measure = leaderboard.measure
    monkeypatch.setattr(leaderboard, "measure", lambda *given: tried.append(1) or measure(*given))
    settings, figure = leaderboard.tune(tmp_path, "made_up", "R", "toy")
    figures = [o[0][1] for o in json.loads((tmp_path/"tuning"/"R"/"made_up"/"toy.json").read_text()).values()]
    assert figure == max(figures) and len(set(figures)) == 2 and kept["settings"] == settings
    assert leaderboard.tune(tmp_path, "made_up", "R", "toy") == [settings, figure] and len(tried) == 2
