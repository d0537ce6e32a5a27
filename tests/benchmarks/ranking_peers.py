"""Models that rank movies, each with `fit(ratings, seed)` and `scores(user_ids)`: users by movies, one
column per id in `movies`.

Models that learn by epochs have `train`, which yields after each, so that tuning can look at one run many
times. The packages of requirements.txt are imported where they are used: everything else works without
them.
"""
import numpy as np
import scipy.sparse as sparse


class RankingPeer:
    "What the leaderboard knows of a model that ranks; settings become attributes."
    task, random, epochs = "ranking", False, None

    def __init__(self, movies=None, **settings):
        self.table = movies  # metadata, for the models that use it
        for name, value in settings.items():
            if not hasattr(type(self), name):
                raise ValueError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, value)

    def index(self, ratings):
        "Number users and movies in the order of their ids; -> who watched what, one row per user, float32."
        self.users, user = np.unique(ratings.user_id, return_inverse=True)
        self.movies, movie = np.unique(ratings.movie_id, return_inverse=True)
        self.watched = sparse.csr_matrix(
            (np.ones(len(ratings), "float32"), (user, movie)), (len(self.users), len(self.movies))
        )
        return self.watched

    def fit(self, ratings, seed=0):
        "Learn from a table of ratings."
        for _ in self.train(ratings, seed): pass
        return self

    def rows(self, user_ids): return np.searchsorted(self.users, user_ids)


class Popularity(RankingPeer):
    "How many people have watched a movie."
    def fit(self, ratings, seed=0):
        self.count = np.asarray(self.index(ratings).sum(0)).ravel()
        return self

    def scores(self, user_ids): return np.tile(self.count, (len(user_ids), 1))


class ItemKNN(RankingPeer):
    """Sum of the cosine similarities of a movie to the watched ones, over each movie's nearest neighbours
    (Sarwar et al. 2001)."""
    neighbours, shrink = 100, 0.0

    def fit(self, ratings, seed=0):
        x = self.index(ratings)
        both = (x.T @ x).toarray()
        norm = np.sqrt(np.diag(both))
        similarity = both / (norm[:, None] * norm[None] + self.shrink)
        np.fill_diagonal(similarity, 0)
        if self.neighbours < len(similarity):
            smallest = np.partition(similarity, -self.neighbours, axis=1)[:, -self.neighbours, None]
            similarity[similarity < smallest] = 0
        self.similarity = similarity
        return self

    def scores(self, user_ids): return self.watched[self.rows(user_ids)] @ self.similarity.T


class EASE(RankingPeer):
    """Linear regression of each movie on all others (Steck 2019, arXiv:1905.03375).

    With P = (X'X + l)^-1 the weights are -P_ij / P_jj, and X P = (XX' + l)^-1 X: where users are fewer
    than movies, only their kernel is inverted.
    """
    penalty = 300.0

    def fit(self, ratings, seed=0):
        x = self.index(ratings).toarray().astype("float64")
        if len(x) < x.shape[1]:
            xp = np.linalg.solve(x @ x.T + self.penalty * np.eye(len(x)), x)
            diagonal = (1 - (x * xp).sum(0)) / self.penalty
        else:
            p = np.linalg.inv(x.T @ x + self.penalty * np.eye(x.shape[1]))
            xp, diagonal = x @ p, np.diag(p)
        self.all = x - xp / diagonal
        return self

    def scores(self, user_ids): return self.all[self.rows(user_ids)]


class ALS(RankingPeer):
    "Weighted matrix factorisation (Hu et al. 2008) of the package implicit."
    random, factors, regularization, alpha, epochs = True, 64, 0.05, 5.0, 15

    def train(self, ratings, seed=0):
        from implicit.als import AlternatingLeastSquares
        x = self.index(ratings)
        self.model = AlternatingLeastSquares(
            self.factors, self.regularization, self.alpha, iterations=1, num_threads=1, random_state=seed
        )
        for _ in range(self.epochs):
            self.model.fit(x, show_progress=False)  # goes on from the factors that it has
            yield

    def scores(self, user_ids):
        return self.model.user_factors[self.rows(user_ids)] @ self.model.item_factors.T


class BPR(ALS):
    "Matrix factorisation for pairs (Rendle et al. 2009) of the package implicit."
    factors, regularization, learning_rate, epochs = 64, 0.01, 0.05, 100

    def train(self, ratings, seed=0):
        from implicit.bpr import BayesianPersonalizedRanking
        x = self.index(ratings)
        self.model = BayesianPersonalizedRanking(
            self.factors,
            self.learning_rate,
            self.regularization,
            iterations=1,
            num_threads=1,
            random_state=np.random.default_rng(seed),
        )
        for _ in range(self.epochs):
            # a generator goes on; a number would draw the same pairs each time
            self.model.fit(x, show_progress=False)
            yield


class IALS(RankingPeer):
    """Weighted matrix factorisation with a penalty that grows with a row's ratings (Rendle et al. 2022,
    arXiv:2110.14037)."""
    random, factors, unobserved, penalty, exponent, epochs = True, 128, 0.1, 0.003, 1.0, 12

    def train(self, ratings, seed=0):
        x, draw = self.index(ratings), np.random.default_rng(seed)
        self.factor = {
            side: draw.normal(scale=0.1 / np.sqrt(self.factors), size=(n, self.factors))
            for side, n in zip(("user", "movie"), x.shape)
        }
        for _ in range(self.epochs):
            self.factor["user"] = self.solve(x, self.factor["movie"])
            self.factor["movie"] = self.solve(x.T.tocsr(), self.factor["user"])
            yield

    def solve(self, x, other):
        "Best factors of one side for those of the other side."
        gram, identity, answer = (
            self.unobserved * other.T @ other,
            np.eye(self.factors),
            np.zeros((x.shape[0], self.factors)),
        )
        for row in range(x.shape[0]):
            mine = other[x.indices[x.indptr[row]:x.indptr[row + 1]]]
            penalty = self.penalty * (len(mine) + self.unobserved * x.shape[1]) ** self.exponent
            answer[row] = np.linalg.solve(gram + mine.T @ mine + penalty * identity, mine.sum(0))
        return answer

    def scores(self, user_ids): return self.factor["user"][self.rows(user_ids)] @ self.factor["movie"].T
