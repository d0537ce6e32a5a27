"""Bundles with a random catalogue: the arithmetic of a trained one, and any numbers. And random histories to ask a trained one about."""
import json, shutil

import numpy as np, pandas as pd
from safetensors.numpy import load_file, save

from movierec.serve.bundle import write_bundle

UNKNOWN = 10**9  # a movie that no bundle has
GENRES = ["Action", "Comedy", "Drama", "War"]


def random_movies(draw, n):
    "Ids with gaps, in any order; some without a year, a genre or a language."
    return pd.DataFrame({
        "movie_id": draw.choice(10 * n + 10, n, replace=False), "title": [f"Movie {row}" for row in range(n)],
        "year": pd.array(np.where(draw.random(n) < 0.2, np.nan, draw.integers(1920, 2020, n)), dtype="Int64"),
        "genres": [list(draw.choice(GENRES, draw.integers(0, 3), replace=False)) for _ in range(n)],
        "language": np.where(draw.random(n) < 0.2, None, draw.choice(["en", "fr"], n)), "ratings": draw.integers(0, 100, n)})


def random_users(draw, movies, n):
    "Some have watched nothing, some nearly all."
    watched = [draw.permutation(movies.movie_id)[:draw.integers(len(movies) + 1)].tolist() for _ in range(n)]
    return pd.DataFrame({"user_id": np.arange(1, n + 1), "watched": watched, "stars": [(draw.integers(1, 11, len(ids)) / 2).tolist() for ids in watched]})


def random_tables(draw, like, movies):
    "Numbers of the same kind and width as those of a trained bundle, for other movies."
    n, tables = len(movies), {}
    for name, table in like.items():
        shape = [n + 2 if size == like["ids"].shape[0] else size for size in table.shape]
        if name == "ids": values = np.append(movies.movie_id.to_numpy(), [-1, -1])
        elif name == "hidden": values = np.append(draw.random(n) < 0.2, [True, True])
        elif name.endswith("neighbours"): values = np.append(draw.integers(n + 1, size=(n, shape[1])), np.full((2, shape[1]), n), axis=0)
        else:
            values = draw.normal(size=shape)
            fillers = values.T if name == "candidates" else values
            fillers[n:] = 0
        tables[name] = np.ascontiguousarray(values.astype(table.dtype))
    return tables


def random_bundle(trained, folder, seed, n_movies, n_users=3):
    "A bundle like the trained one, with a catalogue of its own."
    draw, manifest = np.random.default_rng(seed), json.loads((trained/"manifest.json").read_text())
    movies = random_movies(draw, n_movies)
    with write_bundle(folder, manifest) as beside:
        shutil.copy(trained/"recommender.onnx", beside)
        (beside/"tables.safetensors").write_bytes(save(random_tables(draw, load_file(trained/"tables.safetensors"), movies)))
        movies.to_parquet(beside/"movies.parquet")
        random_users(draw, movies, n_users).to_parquet(beside/"users.parquet")
    return folder


class Pairs:
    "A history like a dict, but a movie can come twice."
    def __init__(self, pairs): self.pairs = pairs
    def items(self): return self.pairs


def random_histories(movie_ids, users, n, seed=0):
    "A user or None, and what they watched, of real users and of nobody; empty, short and 1,000 long; movies watched twice and movies that nobody knows."
    draw = np.random.default_rng(seed)
    for place in range(n):
        length = (0, 1, 2, 1000)[place] if place < 4 else int(np.exp(draw.uniform(0, np.log(1000))))
        ids = draw.choice(movie_ids, length)  # with repetition
        ids[draw.random(length) < 0.05] = UNKNOWN
        if length and (ids == UNKNOWN).all(): ids[0] = movie_ids[0]
        stars = draw.integers(0, 11, length) / 2
        yield int(draw.choice(users)) if place % 4 == 3 else None, Pairs([(movie, float(star) or None) for movie, star in zip(ids.tolist(), stars)])


def rows_and_stars(earlier, history, row_of):
    "What a model shall see: each known movie once, where it was watched last."
    watched = dict(earlier)
    for movie, star in history.items():
        if movie in row_of: watched.pop(movie, None); watched[movie] = star or 0.0
    return [row_of[movie] for movie in watched], list(watched.values())
