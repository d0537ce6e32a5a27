"""How soon a rating model is better than the ArangoDB tutorial's ever gets: both in one run, on the sample,
random split, seed 0.

    python tests/benchmarks/tutorial_time.py

The tutorial's network takes its 299 steps over all edges at once, on true half stars, and is judged by
its best step; movierec's `stars` model is made small and sweeps 20 times. Both are measured on
validation; seconds count fitting alone.
"""
import time

import torch
from fastai.callback.core import Callback

from movierec.data.datasets import load_sample
from movierec.models.splits import split_ratings
from movierec.train.learner import recommender_learner

STEPS, SWEEPS = 299, 20


class Stopwatch(Callback):
    "Seconds of training, without validation."
    def before_train(self): self.since = time.perf_counter()

    def after_train(self):
        self.learn.seconds = getattr(self.learn, "seconds", 0.0) + time.perf_counter() - self.since


def fitted(model, batch_size, epochs, learning_rate, **options):
    movies, ratings, *_ = load_sample()
    split = split_ratings(ratings, "random", seed=0)
    began = time.perf_counter()
    learn = recommender_learner(movies, split, model=model, batch_size=batch_size, progress=False, **options)
    learn.seconds = time.perf_counter() - began  # making the model counts, too
    learn.add_cb(Stopwatch())
    learn.fit(epochs, learning_rate)
    return min(row[2] for row in learn.recorder.values), learn.seconds


def main():
    train = 80_004
    best, seconds = fitted(
        "sage", train, STEPS, 0.01, decoder="edge", baseline=False, dropout=0.0, features=["genres"]
    )
    print(f"the tutorial's network, {STEPS} steps: best RMSE {best:.4f} in {seconds:.1f} s")
    ours, taken = fitted(
        "stars", -(-train // SWEEPS), 1, 1.0, embedding_size=6, components=40, draws=8, thinning=1
    )
    print(
        f"movierec's stars, {SWEEPS} sweeps: RMSE {ours:.4f} in {taken:.1f} s,"
        f" {taken / seconds:.3f} of that time"
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
