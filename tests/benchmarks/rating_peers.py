"""Models that predict stars, each with `fit(ratings, seed)` and `predict(pairs)`: one number per row, not
yet clipped.

The packages of requirements.txt are imported where they are used.
"""
import numpy as np
import pandas as pd

from ranking_peers import RankingPeer


class RatingPeer(RankingPeer):
    "What the leaderboard knows of a model that predicts stars."
    task = "rating"


class Constant(RatingPeer):
    "The mean of all stars."
    def fit(self, ratings, seed=0):
        self.mean = ratings.rating.mean()
        return self

    def predict(self, pairs): return np.full(len(pairs), self.mean)


class Biases(RatingPeer):
    """Mean, plus the user's generosity, plus the movie's appeal, damped and fitted in turns (Koren 2008,
    section 2.1)."""
    user_damping, movie_damping, rounds = 5.0, 3.0, 15

    def fit(self, ratings, seed=0):
        self.mean, self.user, self.movie = (
            ratings.rating.astype("float64").mean(),
            pd.Series(dtype="float64"),
            None,
        )
        for _ in range(self.rounds):
            self.movie = self.damped(
                ratings, "movie_id", self.of(self.user, ratings.user_id), self.movie_damping
            )
            self.user = self.damped(
                ratings, "user_id", self.of(self.movie, ratings.movie_id), self.user_damping
            )
        return self

    def damped(self, ratings, by, other, damping):
        "Mean of what the other side leaves open, pulled to 0."
        groups = (ratings.rating - self.mean - other).groupby(ratings[by])
        return groups.sum() / (groups.size() + damping)

    def of(self, bias, ids): return ids.map(bias).fillna(0).to_numpy("float64")  # 0 for the unknown

    def predict(self, pairs):
        return self.mean + self.of(self.user, pairs.user_id) + self.of(self.movie, pairs.movie_id)


class Surprise(RatingPeer):
    "A model of the package scikit-surprise."
    def model(self, seed): raise NotImplementedError

    def fit(self, ratings, seed=0):
        from surprise import Dataset, Reader
        reader = Reader(rating_scale=(float(ratings.rating.min()), float(ratings.rating.max())))
        rows = Dataset.load_from_df(ratings[["user_id", "movie_id", "rating"]], reader).build_full_trainset()
        self.fitted = self.model(seed).fit(rows)
        return self

    def predict(self, pairs):
        return np.array(
            [self.fitted.predict(user, movie).est for user, movie in zip(pairs.user_id, pairs.movie_id)]
        )


class KNNBaseline(Surprise):
    "Stars of the nearest movies, less their biases (Koren 2010), with similarities that are shrunk."
    neighbours, shrinkage, min_support = 40, 100, 1

    def model(self, seed):
        from surprise import KNNBaseline as Model

        similarity = {
            "name": "pearson_baseline",
            "user_based": False,
            "shrinkage": self.shrinkage,
            "min_support": self.min_support,
        }
        return Model(
            k=self.neighbours,
            sim_options=similarity,
            bsl_options={"method": "als", "n_epochs": 15, "reg_u": 5, "reg_i": 3},
            verbose=False,
        )


class SVD(Surprise):
    "Matrix factorisation with biases (Funk 2006; Koren et al. 2009)."
    random, factors, learning_rate, regularization, epochs = True, 100, 0.005, 0.1, 100

    def model(self, seed):
        from surprise import SVD as Model

        return Model(
            n_factors=self.factors,
            n_epochs=self.epochs,
            lr_all=self.learning_rate,
            reg_all=self.regularization,
            random_state=seed,
        )


class SVDpp(SVD):
    "The same with what a user has rated at all (Koren 2008)."
    factors, learning_rate, regularization, epochs = 20, 0.007, 0.02, 20

    def model(self, seed):
        from surprise import SVDpp as Model

        return Model(
            n_factors=self.factors,
            n_epochs=self.epochs,
            lr_all=self.learning_rate,
            reg_all=self.regularization,
            cache_ratings=True,
            random_state=seed,
        )


class FastaiCollab(RatingPeer):
    """fastai's `collab_learner`: dot product with biases, squeezed into the range of the stars, one-cycle
    training."""
    random, factors, learning_rate, weight_decay, batch_size, epochs = True, 50, 0.005, 0.1, 512, 5

    def fit(self, ratings, seed=0):
        from fastai.collab import CollabDataLoaders, collab_learner
        from fastai.torch_core import set_seed
        set_seed(seed, reproducible=True)
        columns = {"user_name": "user_id", "item_name": "movie_id", "rating_name": "rating"}
        self.low, self.high = float(ratings.rating.min()), float(ratings.rating.max())
        loaders = CollabDataLoaders.from_df(
            ratings[[*columns.values()]], valid_pct=0.0, seed=seed, bs=self.batch_size, **columns
        )
        self.learn = collab_learner(
            loaders, n_factors=self.factors, y_range=(self.low - 0.5, self.high + 0.5)
        )
        with self.learn.no_bar(), self.learn.no_logging():
            self.learn.fit_one_cycle(self.epochs, self.learning_rate, wd=self.weight_decay)
        return self

    def predict(self, pairs):
        import torch
        classes = self.learn.dls.classes  # number 0 stands for the unknown
        codes = [
            pairs[name]
            .map({value: code for code, value in enumerate(classes[name])})
            .fillna(0)
            .astype(int)
            .to_numpy()
            for name in ("user_id", "movie_id")
        ]
        with torch.no_grad():
            return self.learn.model.cpu().eval()(torch.from_numpy(np.stack(codes, axis=1))).numpy().ravel()


class Sage(RatingPeer):
    "movierec's GraphSAGE through its learner; a constant learning rate."
    random, model, learning_rate, weight_decay, batch_size, epochs = True, "sage", 0.003, 0.0, 8192, 20
    options = {"features": ["genres", "language", "period"]}

    def train(self, ratings, seed=0):
        from movierec.train.learner import recommender_learner
        self.low, self.high = float(ratings.rating.min()), float(ratings.rating.max())
        self.learn = recommender_learner(
            self.table,
            ratings.assign(part="train"),
            model=self.model,
            batch_size=self.batch_size,
            seed=seed,
            progress=False,
            **self.options,
        )
        for _ in range(self.epochs):
            self.learn.fit(1, self.learning_rate, wd=self.weight_decay)
            yield

    def predict(self, pairs):
        import torch

        from movierec.models.graph import pair_index
        from movierec.train.evaluation import model_ratings
        graph = self.learn.graph
        with torch.no_grad(): return model_ratings(self.learn.model, graph)(*pair_index(graph, pairs)).numpy()


class Tutorial(Sage):
    """The ArangoDB tutorial's network: two `SAGEConv` for both kinds of node and an edge decoder, on true
    half stars."""
    options = {**Sage.options, "decoder": "edge", "baseline": False, "dropout": 0.0}


class Stars(Sage):
    "movierec's average over factorisations: it draws, so the rate means nothing."
    model, learning_rate, batch_size, epochs = "stars", 1.0, 1024, 4
