"""What each part of movierec's ranking model gives: leave it out, train again, and measure on validation.

    python tests/benchmarks/ablations.py --results FOLDER --data ml-100k=PATH ratings_small

Protocol R, fitted on train alone. A row that is in FOLDER/ablations.csv isn't fitted again.
"""
import argparse
from pathlib import Path

import pandas as pd
import torch

from leaderboard import read_data, settings_of, split


def _freeze(weight, value):
    with torch.no_grad(): weight.copy_(value)
    weight.requires_grad_(False)


def no_identity(model):
    for part in (model.watched, model.candidate): _freeze(part.own.weight, torch.zeros_like(part.own.weight))


# what is left out: options of the model, a change of the ratings, a change of the model before training
VARIANTS = {
    "nothing": {},
    "watched-next relation": {"options": {"watched_next": 0.0}},
    "co-rated relation": {"options": {"co_rated": 0.0}},
    "both relations": {"options": {"watched_next": 0.0, "co_rated": 0.0}},
    "order of the history": {"options": {"ordered": False}},
    "learned recency": {"model": lambda model: _freeze(model.recency, torch.ones_like(model.recency))},
    "stars": {"ratings": lambda ratings: ratings.assign(rating=ratings.rating.dtype.type(3))},
    "content": {"options": {"features": []}},
    "identity of movies": {"model": no_identity},
    "popularity": {"model": lambda model: _freeze(model.prior, torch.zeros_like(model.prior))},
    "dropout of the taste": {"options": {"dropout": 0.0}},
}


def ndcg(data, variant, seed):
    from movierec.train.evaluation import compare
    from movierec.train.learner import fit_epochs, recommender_learner
    settings, change = settings_of("R", data.name, "history"), VARIANTS[variant]
    parts = change.get("ratings", lambda ratings: ratings)(split("R", data, 0))
    learn = recommender_learner(
        data.movies,
        parts,
        batch_size=settings["batch_size"],
        seed=seed,
        progress=False,
        **settings["options"] | change.get("options", {}),
    )
    change.get("model", lambda model: None)(learn.model)
    learn.create_opt()
    fit_epochs(
        learn,
        settings["epochs"],
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        one_cycle=True,
    )
    return (
        compare(learn, parts[parts.part == "validation"])
        .loc["HistoryRanker", ["ndcg@10", "recall@20"]]
        .to_dict()
    )


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--results", type=Path, default=Path("runs/leaderboard"), help="folder of ablations.csv"
    )
    options.add_argument("--data", nargs="+", default=["ratings_small"], help="ratings_small, or name=path")
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    given = options.parse_args()
    file = given.results/"ablations.csv"
    given.results.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(file).to_dict("records") if file.exists() else []
    for data in map(read_data, given.data):
        for seed in given.seeds:
            for variant in VARIANTS:
                if any(
                    (row["data"], row["without"], row["seed"]) == (data.name, variant, seed) for row in rows
                ):
                    continue
                rows.append(
                    {"data": data.name, "without": variant, "seed": seed, **ndcg(data, variant, seed)}
                )
                print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(file, index=False)
    table = (
        pd.DataFrame(rows)
        .pivot_table(index="without", columns="data", values=["ndcg@10", "recall@20"])
        .reindex(VARIANTS)
    )
    print(table.round(4).to_string())


if __name__ == "__main__": main()
