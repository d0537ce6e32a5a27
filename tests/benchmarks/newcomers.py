"""What the history model knows of people and of movies that it never saw in training.

    python tests/benchmarks/newcomers.py --results FOLDER --data ml-100k=PATH ratings_small

The table is kept as FOLDER/newcomers.csv. People: each tenth of the users in turn takes no part in
training and is judged on validation beside a model that saw them; either ranks the movies that it was
fitted on, so what only they rated is a miss. Movies: a tenth of the movies loses all ratings, five times,
and only these are ranked, beside the popularity of their genres.
"""
import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch_geometric.metrics import LinkPredNDCG

from leaderboard import read_data
from movierec.models.batches import user_movie_matrix
from movierec.models.graph import build_graph, rating_counts
from movierec.models.splits import split_ratings
from movierec.train.evaluation import ranking_metrics
from movierec.train.learner import fit_epochs, recommender_learner
from movierec.train.metrics import top_movies


def trained(movies, train, seed):
    "The history model with the settings of `movierec train`, on these ratings alone."
    learn = recommender_learner(movies, train.assign(part="train"), seed=seed)
    fit_epochs(learn)
    return learn.model.eval()


def scorer_of_known(model, graph):
    "Score for the histories of a graph; movies that the model was not fitted on are no candidates."
    scores = model.scorer(graph)
    return lambda users: scores(users).masked_fill(model.unrated, -torch.inf)


def new_users(movies, train, validation, folds=10):
    "Yield NDCG@10 of one tenth of the users after the other: seen in training, and never seen."
    everyone, users = build_graph(movies, train), np.random.default_rng(0).permutation(train.user_id.unique())
    seen = trained(movies, train, seed=0)
    for new in np.array_split(users, folds):
        without = trained(movies, train[~train.user_id.isin(new)], seed=0)
        theirs = validation[validation.user_id.isin(new)]

        def ndcg(model):
            return ranking_metrics(scorer_of_known(model, everyone), everyone, held_out=theirs)["ndcg@10"]
        yield {"seen": ndcg(seen), "never seen": ndcg(without)}


def genre_popularity(graph, movies, new):
    "Score a movie by the mean count of ratings of the known movies that share a genre with it."
    genres = graph["movie"].x[:, [name.startswith("genres") for name in graph["movie"].feature_names]]
    known, counts = (~new).float(), rating_counts(graph).float()
    mean = (genres.T @ (counts * known)) / (genres.T @ known).clamp(min=1)
    return (genres @ mean) / genres.sum(1).clamp(min=1)


def new_movies(movies, ratings, seed):
    "NDCG@10 among a tenth of the movies that training never saw rated."
    rated = ratings.movie_id.unique()
    gone = np.random.default_rng(seed).choice(rated, len(rated) // 10, replace=False)
    train, held = ratings[~ratings.movie_id.isin(gone)], ratings[ratings.movie_id.isin(gone)]
    graph = build_graph(movies, train)
    new = torch.from_numpy(np.isin(graph["movie"].movie_id.numpy(), gone))
    relevant = user_movie_matrix(graph, held[held.user_id.isin(train.user_id)]).to_dense()
    users = relevant.any(1).nonzero().flatten()
    rows = {"HistoryRanker": trained(movies, train, seed).scorer(graph)(users),
            "popularity of the genres": genre_popularity(graph, movies, new).expand(len(users), -1)}
    found = {name: top_movies(scores, ~new.expand(len(users), -1), k=10) for name, scores in rows.items()}
    def ndcg(top):
        metric = LinkPredNDCG(10)
        metric.update(top, relevant[users].nonzero().T)
        return metric.compute().item()
    finite = rows["HistoryRanker"][:, new].isfinite().all().item()
    return {name: ndcg(top) for name, top in found.items()} | {
        "new movies": int(new.sum()),
        "in somebody's ten": len(found["HistoryRanker"].unique()),
        "all have a score": finite,
    }


def measured(data):
    "A row for each tenth of the users and for each draw of movies: ours, and what to set it beside."
    split = split_ratings(data.ratings)
    train, validation = (split[split.part == part].drop(columns="part") for part in ("train", "validation"))
    for fold, users in enumerate(new_users(data.movies, train, validation)):
        yield {
            "data": data.name,
            "who": "users never seen",
            "draw": fold,
            "ndcg@10": users["never seen"],
            "beside": users["seen"],
            "which is": "the same users, seen",
        }
    for seed in range(5):
        movies = new_movies(data.movies, pd.concat([train, validation]), seed)
        yield {
            "data": data.name,
            "who": "movies never seen",
            "draw": seed,
            "ndcg@10": movies["HistoryRanker"],
            "beside": movies["popularity of the genres"],
            "which is": "popularity of the genres",
            **{name: movies[name] for name in ("new movies", "in somebody's ten", "all have a score")},
        }


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--results", type=Path, default=Path("runs/leaderboard"), help="folder of newcomers.csv"
    )
    options.add_argument("--data", nargs="+", default=["ratings_small"], help="ratings_small, or name=path")
    given = options.parse_args()
    torch.set_num_threads(1)
    given.results.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame([row for data in map(read_data, given.data) for row in measured(data)])
    rows.to_csv(given.results/"newcomers.csv", index=False)
    print(rows.round(4).to_string(), "\n")
    print(
        rows.groupby(["who", "data"])[["ndcg@10", "beside"]]
        .mean()
        .assign(ratio=lambda o: o["ndcg@10"] / o["beside"])
        .round(4)
        .to_string()
    )


if __name__ == "__main__": main()
