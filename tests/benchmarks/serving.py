"""How fast a bundle answers, on one thread: one person, everybody at once, and a fresh process.

    python tests/benchmarks/serving.py

Trains the history model and LightGCN on the sample, exports both, and times them beside PyTorch itself and,
where it is installed, beside `implicit` with vectors of the same size.
"""
import os
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ[name] = "1"
import subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np, torch
from scipy.sparse import csr_matrix

from movierec.data.datasets import load_sample
from movierec.train.export import export_bundle
from movierec.models.splits import split_ratings
from movierec.train.learner import fit_epochs, recommender_learner
from movierec.serve.recommender import Recommender
from movierec.models.relations import Histories

SIZE, K = 64, 10

FRESH = """
import re, sys, time
start = time.perf_counter()
from movierec.serve.recommender import Recommender
Recommender.load(sys.argv[1]).recommend(42)
seconds, peak = time.perf_counter() - start, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
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


def one_person(recommender, movie_ids, times=3000, seed=0):
    "Median and 99th percentile in ms for a new person with a history of 100 rated movies; a new person each time."
    draw = np.random.default_rng(seed)
    histories = [dict(zip(draw.choice(movie_ids, 100, replace=False).tolist(), (draw.integers(1, 11, 100) / 2).tolist())) for _ in range(times)]
    for name, ask in {"ids and scores (top)": recommender.top, "the whole table (recommend)": recommender.recommend}.items():
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
    def everybody(tables):
        with torch.no_grad():
            for user in range(histories.n_users):
                movies, stars = histories.latest(torch.tensor([user]), min(model.remembered, max(int(histories.length[user]), 1)))
                scores = model(movies, stars, tables)
                scores[0, histories.movie[histories.start[user]:histories.start[user] + histories.length[user]]] = -torch.inf
                scores.topk(K)
    with torch.no_grad(): tables = model.tables()
    return best_of(lambda: everybody(None), 1), best_of(lambda: everybody(tables), 2)


def implicit_batch(ratings):
    "Seconds of implicit's batch recommend for all users, watched movies left out; None where it is not installed."
    try: from implicit.als import AlternatingLeastSquares
    except ImportError: return None
    _, user = np.unique(ratings.user_id, return_inverse=True)
    _, movie = np.unique(ratings.movie_id, return_inverse=True)
    matrix = csr_matrix((np.ones(len(user), dtype="float32"), (user, movie)))
    model = AlternatingLeastSquares(SIZE, iterations=2, num_threads=1, use_gpu=False, random_state=0)
    model.fit(matrix, show_progress=False)
    model.num_threads = 1
    return best_of(lambda: model.recommend(np.arange(matrix.shape[0]), matrix, N=K))


def ids_and_scores(recommender):
    "All users in one go, without titles: what implicit's recommend gives."
    return recommender._answers(recommender._everybody(None, None)[1], K, recommender._nothing, 0)


def trained(movies, split, name, epochs, folder):
    learn = recommender_learner(movies, split.assign(part="train"), model=name, embedding_size=SIZE)
    fit_epochs(learn, epochs, learning_rate=0.01, weight_decay=0.1, one_cycle=True)
    return learn, export_bundle(learn, folder / name)


def main():
    torch.set_num_threads(1)
    movies, ratings, *_ = load_sample()
    with tempfile.TemporaryDirectory() as folder:
        (learn, bundle), (_, dots) = (trained(movies, split_ratings(ratings), name, epochs, Path(folder)) for name, epochs in (("history", 2), ("lightgcn", 1)))
        recommender, embeddings = Recommender.load(bundle), Recommender.load(dots)
        rated = np.unique(ratings.movie_id)
        print(f"One person, history of 100, {len(rated):,} movies with ratings of {len(movies):,}, k = {K}")
        one_person(recommender, rated)
        print(f"All {ratings.user_id.nunique()} users, k = {K}")
        whole, theirs, kept = best_of(lambda: recommender.recommend_many(k=K)), best_of(lambda: ids_and_scores(embeddings)), best_of(lambda: ids_and_scores(recommender))
        calls, tables = torch_one_by_one(learn)
        print(f"  history model, one batch: {whole:.3f} s with titles, {kept:.3f} s without\n  PyTorch, one forward per user: {calls:.2f} s ({calls / whole:.0f} times); with tables kept: {tables:.2f} s ({tables / whole:.1f} times)")
        implicit = implicit_batch(ratings)
        print(f"  LightGCN's bundle, {SIZE} numbers per movie: {theirs:.3f} s; implicit's batch, {SIZE} too: " + ("not installed" if implicit is None else f"{implicit:.3f} s ({implicit / theirs:.2f} times)"))
        fresh = [subprocess.run([sys.executable, "-c", FRESH, str(bundle)], capture_output=True, text=True, check=True).stdout.strip() for _ in range(3)]
        print(f"Import, load and first answer in a fresh process, and its peak of memory (Linux): {'; '.join(fresh)}")


if __name__ == "__main__": main()
