"""One way of measuring for every model of the leaderboard: ranks of the held-out movies, metrics per user,
intervals over users.

A ranking is kept as one row per held-out pair: its place among the candidates, from 0, or -1 where the
model cannot know the movie. All metrics follow from those rows, so a metric can be added without fitting
anything again. Stars are kept the same way, with their prediction.
"""
import numpy as np
import pandas as pd

RESAMPLES, SEED = 1000, 0  # of the bootstrap


def rank_candidates(scores, watched):
    """Order the columns of each row, best first, equal scores by column; -> order [n, m] and how many of
    each row are candidates [n]."""
    if np.isnan(scores).any(): raise ValueError("a score is not a number: the model has diverged")
    masked = np.where(watched, np.inf, -scores.astype("float64"))
    return np.argsort(masked, axis=1, kind="stable"), (~watched).sum(1)


def measure_ranking(scores, movies, fitted, held_out, k=10):
    """Rank all movies that `fitted` holds, less each user's own, and look up the held-out ones.

    `scores` is a function of user ids, with one column for each of `movies` (sorted ids). -> pairs,
    recommendations.
    """
    known, count = np.unique(fitted.movie_id, return_counts=True)
    users = np.unique(held_out.user_id)
    columns = np.searchsorted(movies, known)
    if not np.array_equal(np.asarray(movies)[columns.clip(max=len(movies) - 1)], known):
        raise ValueError("the model has no scores for some movies that it was fitted on")
    history = fitted[fitted.user_id.isin(users)]
    watched = np.zeros((len(users), len(known)), dtype=bool)
    watched[np.searchsorted(users, history.user_id), np.searchsorted(known, history.movie_id)] = True
    order, candidates = rank_candidates(np.asarray(scores(users))[:, columns], watched)
    pairs = _places(order, users, known, held_out).assign(
        popularity=lambda o: o.movie_id.map(dict(zip(known, count))).fillna(0).astype(int),
        history=lambda o: watched.sum(1)[np.searchsorted(users, o.user_id)],
    )
    return pairs, _recommendations(order[:, :k], candidates, users, known, count)


def _places(order, users, known, held_out):
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(order.shape[1])[None], axis=1)
    row, column = (
        np.searchsorted(users, held_out.user_id),
        np.searchsorted(known, held_out.movie_id).clip(max=len(known) - 1),
    )
    found = known[column] == held_out.movie_id.to_numpy()
    return (
        held_out[["user_id", "movie_id"]]
        .assign(place=np.where(found, place[row, column], -1))
        .reset_index(drop=True)
    )


def _recommendations(top, candidates, users, known, count):
    rank = np.empty(len(known), dtype=int)
    rank[np.argsort(-count, kind="stable")] = np.arange(1, len(known) + 1)
    real = np.arange(top.shape[1]) < candidates[:, None]
    return pd.DataFrame(
        {
            "user_id": np.repeat(users, real.sum(1)),
            "movie_id": known[top[real]],
            "popularity_rank": rank[top[real]],
        }
    )


def user_metrics(pairs):
    "NDCG@10, Recall@20 and HitRate@10 of each user, by user_id."
    hit = pairs.place >= 0
    gain = np.where(hit & (pairs.place < 10), 1 / np.log2(pairs.place.clip(lower=0) + 2), 0.0)
    columns = pd.DataFrame(
        {"gain": gain, "ten": hit & (pairs.place < 10), "twenty": hit & (pairs.place < 20), "held": 1}
    )
    total = columns.groupby(pairs.user_id.to_numpy()).sum().rename_axis("user_id")
    ideal = np.concatenate([[0], np.cumsum(1 / np.log2(np.arange(2, 12)))])[total.held.clip(upper=10)]
    return pd.DataFrame(
        {
            "ndcg@10": total.gain / ideal,
            "recall@20": total.twenty / total.held.clip(upper=20),
            "hit_rate@10": (total.ten > 0).astype(float),
        }
    )


def ranking_metrics(pairs, recommendations, n_movies):
    "Means over users, and what the lists look like beyond accuracy."
    return {
        **user_metrics(pairs).mean().to_dict(),
        "coverage@10": recommendations.movie_id.nunique() / n_movies,
        "popularity_rank@10": recommendations.popularity_rank.mean(),
        "users": int(pairs.user_id.nunique()),
        "unknown_movies": int((pairs.place < 0).sum()),
    }


def rating_metrics(pairs):
    "RMSE and MAE in stars; `pairs` has rating and prediction."
    error = pairs.prediction - pairs.rating
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(error.abs().mean()),
        "ratings": len(pairs),
    }


def user_errors(pairs):
    "Sum of squared errors and number of ratings of each user, by user_id."
    squared = (pairs.prediction - pairs.rating).astype("float64") ** 2
    return squared.groupby(pairs.user_id).agg(["sum", "size"])


def resampled_users(n, resamples=RESAMPLES, seed=SEED):
    "How often each of n users is drawn in each resample: [resamples, n]."
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)


def interval(values):
    "Percentile bootstrap: the middle 95 % of the resampled figures."
    return tuple(float(o) for o in np.percentile(values, [2.5, 97.5]))


def resampled_means(per_user):
    "Resampled means of a metric; `per_user` is indexed by user_id, with one column per seed."
    per_user = per_user.sort_index().fillna(0)
    return resampled_users(len(per_user)) @ per_user.mean(axis=1).to_numpy() / len(per_user)


def resampled_rmse(errors):
    "Resampled RMSE, mean over seeds or folds; `errors` is a list of tables of `user_errors`."
    users = sorted(set().union(*(o.index for o in errors)))
    weights = resampled_users(len(users))
    aligned = [o.reindex(users, fill_value=0) for o in errors]
    return np.mean(
        [
            np.sqrt((weights @ o["sum"].to_numpy()) / (weights @ o["size"].to_numpy()).clip(1))
            for o in aligned
        ],
        axis=0,
    )
