"""Models that PyTorch fits: LightGCN with its paper's loss, SASRec, and movierec's own by its learner."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ranking_peers import RankingPeer


class LightGCN(RankingPeer):
    """PyTorch Geometric's LightGCN with the pairwise loss that it ships (He et al. 2020, arXiv:2002.02126).

    movierec's subclass multiplies with one fixed matrix instead of passing messages: equal embeddings and
    gradients, in a fraction of the time. Without layers this is matrix factorisation for pairs (Rendle et
    al. 2009).
    """

    random, embedding_size, layers, learning_rate, penalty, batch_size, epochs = (
        True,
        64,
        3,
        0.003,
        1e-4,
        4096,
        100,
    )

    def train(self, ratings, seed=0):
        from movierec.models.graph import build_graph
        from movierec.models.registry import create_model
        self.index(ratings)
        torch.manual_seed(seed)
        graph = build_graph(self.table, ratings, features=())
        self.columns = torch.from_numpy(np.searchsorted(graph["movie"].movie_id.numpy(), self.movies))
        self.model = create_model("lightgcn", graph, embedding_size=self.embedding_size, layers=self.layers)
        optimiser = torch.optim.Adam(self.model.parameters(), self.learning_rate)
        edges = torch.from_numpy(np.stack(self.watched.nonzero()))
        for _ in range(self.epochs):
            for batch in torch.randperm(edges.shape[1]).split(self.batch_size):
                self.step(edges[:, batch], optimiser)
            yield

    def step(self, edges, optimiser):
        "Push each watched movie above one that is drawn from all of them."
        user, movie, other = (
            edges[0],
            self.columns[edges[1]],
            self.columns[torch.randint(len(self.columns), edges.shape[1:])],
        )
        embedding = self.model.encode()
        mine = embedding["user"][user]
        better, worse = (mine * embedding["movie"][movie]).sum(-1), (mine * embedding["movie"][other]).sum(-1)
        nodes = torch.cat([user, movie + len(self.users), other + len(self.users)])
        loss = self.model.recommendation_loss(better, worse, nodes, lambda_reg=self.penalty)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def scores(self, user_ids):
        embedding = self.model.encode()
        return (embedding["user"][self.rows(user_ids)] @ embedding["movie"][self.columns].T).numpy()


class PairwiseMF(LightGCN):
    "Matrix factorisation for pairs with Adam: LightGCN without its layers."
    layers = 0


class Block(nn.Module):
    "Attention and a small network, each added to what comes in."
    def __init__(self, size, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.first, self.second, self.qkv, self.out = (
            nn.LayerNorm(size),
            nn.LayerNorm(size),
            nn.Linear(size, 3 * size),
            nn.Linear(size, size),
        )
        self.feed = nn.Sequential(
            nn.Linear(size, size), nn.GELU(), nn.Dropout(dropout), nn.Linear(size, size), nn.Dropout(dropout)
        )

    def forward(self, x, allowed):  # [n, length, size], [n, 1, length, length]
        q, k, v = (
            o.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for o in self.qkv(self.first(x)).chunk(3, dim=-1)
        )
        found = F.scaled_dot_product_attention(q, k, v, allowed, self.dropout if self.training else 0.0)
        x = x + F.dropout(self.out(found.transpose(1, 2).flatten(2)), self.dropout, self.training)
        return x + self.feed(self.second(x))


class Transformer(nn.Module):
    """SASRec's network: each place of a history attends to itself and to those before it; movie 0 is the
    padding."""
    def __init__(self, n_movies, size, length, blocks, heads, dropout):
        super().__init__()
        self.movie, self.place, self.dropout = (
            nn.Embedding(n_movies + 1, size, padding_idx=0),
            nn.Embedding(length, size),
            nn.Dropout(dropout),
        )
        for table in (self.movie, self.place): nn.init.normal_(table.weight, std=0.02)
        self.blocks, self.norm = (
            nn.ModuleList([Block(size, heads, dropout) for _ in range(blocks)]),
            nn.LayerNorm(size),
        )

    def forward(self, history):  # [n, length], padded on the left -> [n, length, size]
        length = history.shape[1]
        x = self.dropout(self.movie(history) * self.movie.embedding_dim ** 0.5 + self.place.weight[-length:])
        earlier = torch.ones(length, length, dtype=torch.bool).tril()
        allowed = (earlier & (history > 0)[:, None] | torch.eye(length, dtype=torch.bool))[:, None]
        for block in self.blocks: x = block(x, allowed)
        return self.norm(x)


class SASRec(RankingPeer):
    """Self-attention over the history (Kang & McAuley 2018, arXiv:1808.09781), trained with a softmax over
    all movies.

    With that loss it is clearly better than with one negative (Klenitskiy & Vasilev 2023,
    arXiv:2309.07602).
    """

    random, size, length, blocks, heads, dropout, learning_rate, batch_size, epochs = (
        True,
        64,
        100,
        2,
        2,
        0.3,
        0.001,
        64,
        60,
    )
    label_smoothing = 0.0

    def train(self, ratings, seed=0):
        self.index(ratings)
        torch.manual_seed(seed)
        ordered = ratings.sort_values(["user_id", "timestamp", "movie_id"])
        movie = torch.from_numpy(np.searchsorted(self.movies, ordered.movie_id) + 1)
        self.histories = movie.split(np.unique(ordered.user_id, return_counts=True)[1].tolist())
        self.network = Transformer(
            len(self.movies), self.size, self.length, self.blocks, self.heads, self.dropout
        )
        optimiser = torch.optim.Adam(self.network.parameters(), self.learning_rate, betas=(0.9, 0.98))
        # [n, length + 1]
        windows = torch.stack([o for history in self.histories for o in self.windows(history)])
        for _ in range(self.epochs):
            self.network.train()
            for batch in torch.randperm(len(windows)).split(self.batch_size):
                self.step(windows[batch], optimiser)
            yield

    def windows(self, history):
        "Cut a history, from its end, into pieces of which each movie is predicted once."
        ends = range(len(history), 1, -self.length)
        return [
            F.pad(part := history[max(end - self.length - 1, 0) : end], (self.length + 1 - len(part), 0))
            for end in ends
        ]

    def step(self, windows, optimiser):
        "Predict each movie of some histories from those before it."
        windows = windows[:, (windows > 0).any(0)]
        x, y = self.network(windows[:, :-1]), windows[:, 1:]
        real = windows[:, :-1] > 0
        loss = F.cross_entropy(
            x[real] @ self.network.movie.weight[1:].T, y[real] - 1, label_smoothing=self.label_smoothing
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def scores(self, user_ids):
        self.network.eval()
        last = [self.histories[row][-self.length:] for row in self.rows(user_ids)]
        padded = torch.stack([F.pad(o, (self.length - len(o), 0)) for o in last])
        return torch.cat(
            [self.network(part)[:, -1] @ self.network.movie.weight[1:].T for part in padded.split(64)]
        ).numpy()


class Movierec(RankingPeer):
    "movierec's own models that rank, through `recommender_learner`, with a constant learning rate."

    random, model, epochs, learning_rate, weight_decay, batch_size, options = (
        True,
        "lightgcn",
        40,
        0.03,
        0.3,
        None,
        {},
    )

    def prepare(self, ratings, seed):
        from movierec.train.learner import recommender_learner
        self.index(ratings)
        self.learn = recommender_learner(
            self.table,
            ratings.assign(part="train"),
            model=self.model,
            batch_size=self.batch_size,
            seed=seed,
            progress=False,
            **self.options,
        )
        return self.learn

    def train(self, ratings, seed=0):
        learn = self.prepare(ratings, seed)
        for _ in range(self.epochs):
            learn.fit(1, self.learning_rate, wd=self.weight_decay)
            yield

    def scores(self, user_ids):
        columns = np.searchsorted(self.learn.graph["movie"].movie_id.numpy(), self.movies)
        return (
            self.learn.model.cpu()
            .eval()
            .scorer(self.learn.graph)(torch.from_numpy(self.rows(user_ids)))[:, columns]
            .numpy()
        )


class History(Movierec):
    "movierec's ranking model: one cycle of the learning rate, so every number of epochs is a run of its own."
    model, epochs, learning_rate, weight_decay, train = "history", 6, 0.01, 0.0, None

    def fit(self, ratings, seed=0):
        self.prepare(ratings, seed).fit_one_cycle(self.epochs, self.learning_rate, wd=self.weight_decay)
        return self
