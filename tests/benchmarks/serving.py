"""How fast a bundle answers, on one thread: one person, all users at once, and a fresh process.

    python tests/benchmarks/serving.py

Trains the history model and LightGCN on the sample, exports both, and times them against PyTorch itself and,
where it is installed, against `implicit` with vectors of the same size.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ[name] = "1"
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix

from movierec.data.datasets import load_sample
from movierec.models.relations import Histories
from movierec.models.splits import split_ratings
from movierec.serve.recommender import Recommender
from movierec.train.export import export_bundle
from movierec.train.learner import fit_epochs, recommender_learner

SIZE, K = 64, 10

FRESH = """
import re, sys, time
start = time.perf_counter()
from movierec.serve.recommender import Recommender
Recommender.load(sys.argv[1]).recommend(42)
seconds = time.perf_counter() - start
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(f"{seconds:.2f} s, {int(peak) / 1024:.0f} MB")
"""


def best_of(action, times=5):
    "Seconds of the fastest run."
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def random_history(draw, movie_ids):
    "A new person with 100 rated movies."
    ids = draw.choice(movie_ids, 100, replace=False).tolist()
    return dict(zip(ids, (draw.integers(1, 11, 100) / 2).tolist()))


def one_person(recommender, movie_ids, times=3000, seed=0):
    "Median and 99th percentile in ms for a new person with a history of 100; a new person each time."
    draw = np.random.default_rng(seed)
    histories = [random_history(draw, movie_ids) for _ in range(times)]
    ways = {"ids and scores (top)": recommender.top, "the whole table (recommend)": recommender.recommend}
    for name, ask in ways.items():
        for history in histories[:50]: ask(history=history)
        seconds = []
        for history in histories:
            start = time.perf_counter()
            ask(history=history, k=K)
            seconds.append(time.perf_counter() - start)
        median, slow = np.percentile(seconds, [50, 99]) * 1e3
        print(f"  {name}: median {median:.2f} ms, 99th percentile {slow:.2f} ms")


def torch_one_by_one(learn):
    "PyTorch's ten for each user, one forward per user: as the model is called, and with its tables kept."
    histories, model = Histories(learn.graph), learn.model.eval()
    def all_users(tables):
        with torch.no_grad():
            for user in range(histories.n_users):
                start, length = histories.start[user], histories.length[user]
                remembered = min(model.remembered, max(int(length), 1))
                movies, stars = histories.latest(torch.tensor([user]), remembered)
                scores = model(movies, stars, tables)
                scores[0, histories.movie[start:start + length]] = -torch.inf
                scores.topk(K)
    with torch.no_grad(): tables = model.tables()
    return best_of(lambda: all_users(None), 1), best_of(lambda: all_users(tables), 2)


def implicit_batch(ratings):
    "Seconds of implicit's batch recommend for all users, watched movies left out; None: not installed."
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        return None
    _, user = np.unique(ratings.user_id, return_inverse=True)
    _, movie = np.unique(ratings.movie_id, return_inverse=True)
    matrix = csr_matrix((np.ones(len(user), dtype="float32"), (user, movie)))
    model = AlternatingLeastSquares(SIZE, iterations=2, num_threads=1, use_gpu=False, random_state=0)
    model.fit(matrix, show_progress=False)
    model.num_threads = 1
    return best_of(lambda: model.recommend(np.arange(matrix.shape[0]), matrix, N=K))


def ids_and_scores(recommender):
    "All users in one go, without titles: what implicit's recommend gives."
    people = [recommender._histories.of(user) for user in recommender.user_ids]
    return recommender._best(people, K, offset=recommender._scorer.no_offset, diversity=0)


def trained(movies, split, name, epochs, folder):
    learn = recommender_learner(movies, split.assign(part="train"), model=name, embedding_size=SIZE)
    fit_epochs(learn, epochs, learning_rate=0.01, weight_decay=0.1, one_cycle=True)
    return learn, export_bundle(learn, folder / name)


def all_users(learn, recommender, embeddings, ratings):
    print(f"All {ratings.user_id.nunique()} users, k = {K}")
    whole = best_of(lambda: recommender.recommend_many(k=K))
    kept = best_of(lambda: ids_and_scores(recommender))
    print(f"  history model, one batch: {whole:.3f} s with titles, {kept:.3f} s without")
    calls, tables = torch_one_by_one(learn)
    print(f"  PyTorch, one forward per user: {calls:.2f} s ({calls / whole:.0f} times); "
          f"with tables kept: {tables:.2f} s ({tables / whole:.1f} times)")
    ours, implicit = best_of(lambda: ids_and_scores(embeddings)), implicit_batch(ratings)
    peer = "not installed" if implicit is None else f"{implicit:.3f} s ({implicit / ours:.2f} times)"
    print(f"  LightGCN's bundle, {SIZE} numbers per movie: {ours:.3f} s; "
          f"implicit's batch, {SIZE} too: {peer}")


def fresh_process(bundle):
    command = [sys.executable, "-c", FRESH, str(bundle)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    print("Import, load and first answer in a fresh process, and its peak of memory (Linux): "
          + "; ".join(text.strip() for text in said))


def main():
    torch.set_num_threads(1)
    movies, ratings, *_ = load_sample()
    split = split_ratings(ratings)
    with tempfile.TemporaryDirectory() as folder:
        learn, bundle = trained(movies, split, "history", 2, Path(folder))
        _, dots = trained(movies, split, "lightgcn", 1, Path(folder))
        recommender, embeddings = Recommender.load(bundle), Recommender.load(dots)
        rated = np.unique(ratings.movie_id)
        print(f"One person, history of 100, {len(rated):,} movies with ratings of {len(movies):,}, k = {K}")
        one_person(recommender, rated)
        all_users(learn, recommender, embeddings, ratings)
        fresh_process(bundle)


if __name__ == "__main__": main()
