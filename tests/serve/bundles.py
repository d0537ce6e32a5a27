"""Bundles with a random catalogue: the arithmetic of a trained one, and any numbers. And random histories."""
import json
import shutil

import numpy as np
import onnx.parser
import pandas as pd
from safetensors.numpy import load_file, save

from movierec.serve.bundle import write_bundle

UNKNOWN = 10**9  # a movie that no bundle has
GENRES = ["Action", "Comedy", "Drama", "War"]


def random_movies(draw, n):
    "Ids with gaps, in any order; some without a year, a genre or a language."
    years = np.where(draw.random(n) < 0.2, np.nan, draw.integers(1920, 2020, n))
    return pd.DataFrame({
        "movie_id": draw.choice(10 * n + 10, n, replace=False),
        "title": [f"Movie {row}" for row in range(n)],
        "year": pd.array(years, dtype="Int64"),
        "genres": [list(draw.choice(GENRES, draw.integers(0, 3), replace=False)) for _ in range(n)],
        "language": np.where(draw.random(n) < 0.2, None, draw.choice(["en", "fr"], n)),
        "ratings": draw.integers(0, 100, n)})


def random_users(draw, movies, n):
    "Some have watched nothing, some nearly all."
    watched = []
    for _ in range(n):
        ids = draw.permutation(movies.movie_id)
        watched.append(ids[:draw.integers(len(movies) + 1)].tolist())
    stars = [(draw.integers(1, 11, len(ids)) / 2).tolist() for ids in watched]
    return pd.DataFrame({"user_id": np.arange(1, n + 1), "watched": watched, "stars": stars})


def random_table(draw, name, shape, movies):
    n = len(movies)
    if name == "ids": return np.append(movies.movie_id.to_numpy(), [-1, -1])
    if name == "hidden": return np.append(draw.random(n) < 0.2, [True, True])
    if name.endswith("neighbours"):
        return np.append(draw.integers(n + 1, size=(n, shape[1])), np.full((2, shape[1]), n), axis=0)
    values = draw.normal(size=shape)
    fillers = values.T if name == "candidates" else values
    fillers[n:] = 0
    return values


def random_tables(draw, like, movies):
    "Numbers of the same kind and width as those of a trained bundle, for other movies."
    n, tables = len(movies), {}
    for name, table in like.items():
        shape = [n + 2 if size == like["ids"].shape[0] else size for size in table.shape]
        values = random_table(draw, name, shape, movies)
        tables[name] = np.ascontiguousarray(values.astype(table.dtype))
    return tables


def random_bundle(trained, folder, seed, n_movies, n_users=3):
    "A bundle like the trained one, with a catalogue of its own."
    draw = np.random.default_rng(seed)
    manifest = json.loads((trained / "manifest.json").read_text())
    like = load_file(trained / "tables.safetensors")
    movies = random_movies(draw, n_movies)
    with write_bundle(folder, manifest) as beside:
        shutil.copy(trained / "recommender.onnx", beside)
        (beside / "tables.safetensors").write_bytes(save(random_tables(draw, like, movies)))
        movies.to_parquet(beside / "movies.parquet")
        random_users(draw, movies, n_users).to_parquet(beside / "users.parquet")
    return folder


class Pairs:
    "A history like a dict, but a movie can come twice."
    def __init__(self, pairs): self.pairs = pairs
    def items(self): return self.pairs


def random_histories(movie_ids, users, n, seed=0):
    "A user or None, and what they watched: empty, short, 1,000 long; movies twice, and unknown ones."
    draw = np.random.default_rng(seed)
    for place in range(n):
        length = (0, 1, 2, 1000)[place] if place < 4 else int(np.exp(draw.uniform(0, np.log(1000))))
        ids = draw.choice(movie_ids, length)  # with repetition
        ids[draw.random(length) < 0.05] = UNKNOWN
        if length and (ids == UNKNOWN).all(): ids[0] = movie_ids[0]
        ratings = draw.integers(0, 11, length) / 2
        user = int(draw.choice(users)) if place % 4 == 3 else None
        yield user, Pairs([(movie, float(rating) or None) for movie, rating in zip(ids.tolist(), ratings)])


def rows_and_stars(earlier, history, row_of):
    "What a model shall see: each known movie once, where it was watched last."
    watched = dict(earlier)
    for movie, rating in history.items():
        if movie not in row_of: continue
        watched.pop(movie, None)
        watched[movie] = rating or 0.0
    return [row_of[movie] for movie in watched], list(watched.values())


KNN = """
<ir_version: 9, opset_import: ["" : 18]>
knn (int64[users, seen] history, STARS int64[users, longest] watched, int64 k, float[rows] offset,
     float[rows, rows] similarity, bool[rows] hidden, int64[rows] ids)
    => (float[users, k] score, int64[users, k] movie_id)
<float never = {-inf}, int64 minus_one = {-1}, int64[1] axis = {1}, int64[1] first = {0}>
{
  seen = Gather <axis = 0> (similarity, history)
  similar = ReduceSum <keepdims = 0> (seen, axis)
  added = Where (hidden, never, offset)
  candidates = Add (similar, added)
  shape = Shape (watched)
  masks = Expand (never, shape)
  left = ScatterElements <axis = 1> (candidates, watched, masks)
  count = Unsqueeze (k, first)
  score, place = TopK <axis = 1> (left, count)
  found = Gather <axis = 0> (ids, place)
  nothing = Equal (score, never)
  movie_id = Where (nothing, minus_one, found)
}
"""
KNN_INPUTS = {
    "history": ["users", "seen"], "stars": ["users", "seen"], "watched": ["users", "longest"],
    "k": [], "offset": ["rows"]}


def knn_bundle(folder, movies, ratings, stars="float[users, seen] stars,", **tables):
    "A bundle of a model of one's own: movies that the same people rated, added up over the history."
    ids, n = movies.movie_id.tolist(), len(movies)
    rated = pd.crosstab(ratings.user_id, ratings.movie_id).reindex(columns=ids, fill_value=0).to_numpy()
    together = (rated.T @ rated) * (1 - np.eye(n, dtype=int))
    tables |= {
        "similarity": np.pad(together, (0, 2)).astype("float32"),
        "hidden": np.append(rated.sum(0) == 0, [True, True]), "ids": np.append(ids, [-1, -1])}
    axes = {"similarity": ["rows", "rows"], "hidden": ["rows"], "ids": ["rows"]}
    manifest = {"model": "ItemKNN", "inputs": KNN_INPUTS, "tables": axes, "outputs": {}}
    by_user = ratings.sort_values("timestamp").groupby("user_id")
    users = by_user.agg(watched=("movie_id", list), stars=("rating", list)).reset_index()
    with write_bundle(folder, manifest) as beside:
        onnx.save(onnx.parser.parse_model(KNN.replace("STARS", stars)), beside / "recommender.onnx")
        (beside / "tables.safetensors").write_bytes(save(tables))
        movies.assign(ratings=rated.sum(0)).to_parquet(beside / "movies.parquet")
        users.to_parquet(beside / "users.parquet")
    return folder
