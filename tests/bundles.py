"""Bundles with a random catalogue: the arithmetic of a trained one, and any numbers."""
import json, shutil

import numpy as np, pandas as pd
from safetensors.numpy import load_file, save

from movierec.bundle import write_bundle

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
