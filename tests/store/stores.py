"""What the tests of both stores share: six people, eight movies, and a fresh store of either kind.

ArangoDB is a stand-in that speaks its HTTP API over a socket (movierec.testing.arango_server), unless
ARANGO_URL names a real server, ARANGO_USER a user who may make databases (root where it names none), and
ARANGO_PASSWORD the password. Then each test makes a database of its own there and drops it.
"""

import contextlib
import json
import os
import re
import uuid
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from movierec.data.datasets import as_movies, as_ratings
from movierec.store import arango_client
from movierec.store.arango import ArangoStore
from movierec.store.arango_settings import ArangoSettings
from movierec.store.duckdb import DuckDBStore
from movierec.testing.arango_server import serve

SIX_USERS = as_ratings(
    pd.DataFrame(
        [
            (1, 1, 5.0),
            (1, 318, 4.5),
            (1, 593, 4.0),
            (2, 1, 4.0),
            (2, 3114, 4.5),
            (3, 318, 5.0),
            (3, 858, 5.0),
            (4, 593, 4.5),
            (4, 296, 3.5),
            (5, 2571, 5.0),
            (5, 296, 4.0),
            (6, 356, 3.0),
            (6, 1, 4.5),
        ],
        columns=["user_id", "movie_id", "rating"],
    ).assign(timestamp=lambda rows: 964982700 + 60 * rows.index)
)
EIGHT_MOVIES = as_movies(
    pd.DataFrame(
        [
            (1, "Toy Story", 1995, ["Animation", "Comedy", "Family"]),
            (296, "Pulp Fiction", 1994, ["Thriller", "Crime"]),
            (318, "The Shawshank Redemption", 1994, ["Drama", "Crime"]),
            (356, "Forrest Gump", 1994, ["Comedy", "Drama", "Romance"]),
            (593, "The Silence of the Lambs", 1991, ["Crime", "Drama", "Thriller"]),
            (858, "The Godfather", 1972, ["Drama", "Crime"]),
            (2571, "The Matrix", 1999, ["Action", "Science Fiction"]),
            (3114, "Toy Story 2", 1999, ["Animation", "Comedy", "Family"]),
        ],
        columns=["movie_id", "title", "year", "genres"],
    )
)
KINDS = ["duckdb", "arango"]
TUTORIAL = Path(__file__).parents[2] / "nbs" / "tutorials" / "arango.ipynb"


def shown_statements():
    "The tutorial's own statements, which are shown and not run."
    cells = json.loads(TUTORIAL.read_text())["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    return re.findall(r"```aql\n(.*?)```", text, re.S)


@contextlib.contextmanager
def arango(**settings):
    "(store, server): a fresh database on the stand-in, or on a real server, where `server` is None."
    if real := os.environ.get("ARANGO_URL"):
        store = ArangoStore(
            ArangoSettings(
                **{
                    "url": real,
                    "user": os.environ.get("ARANGO_USER", "root"),
                    "database": f"movierec-test-{uuid.uuid4().hex[:12]}",
                    **settings,
                }
            )
        )
        try:
            make_single_shard(store)
            yield store, None
        finally:
            store._database("_system").delete_database(store.settings.database, ignore_missing=True)
            store.close()
        return
    with serve() as server, password("secret"), no_pause():
        store = ArangoStore(ArangoSettings(**{"url": server.url, "tries": 3, **settings}))
        yield store, server
        store.close()
        assert server.surprises == []


def make_single_shard(store):
    "In a cluster: make the database with all data on one leader, where a load is one step."
    if store._database("_system").cluster.server_role() == "COORDINATOR":
        copies = {"sharding": "single", "replication_factor": 3, "write_concern": 2}
        store._database("_system").create_database(store.settings.database, **copies)


def no_pause():
    "Tries that follow each other at once; a server of their own is not spared by waiting."
    return patch.object(arango_client, "_PAUSE", 0.001)


@contextlib.contextmanager
def password(text):
    "The environment with this ARANGO_PASSWORD."
    before = os.environ.get("ARANGO_PASSWORD")
    os.environ["ARANGO_PASSWORD"] = text
    try:
        yield
    finally:
        del os.environ["ARANGO_PASSWORD"]
        if before is not None:
            os.environ["ARANGO_PASSWORD"] = before


@contextlib.contextmanager
def store_of(kind, folder):
    "A fresh store of either kind."
    if kind == "duckdb":
        yield DuckDBStore(folder / "movies.duckdb")
    else:
        with arango() as (store, _):
            yield store


def content(store):
    "All that a store holds, as one text, to compare to the byte."
    movies, ratings = store.movies(), store.ratings()
    types = [
        f"{name} {dtype}" for frame in (movies, ratings) for name, dtype in frame.dtypes.items()
    ]
    return "\n".join(
        [*types, movies.to_csv(), ratings.to_csv(float_format="%.9g"), repr(store.users().tolist())]
    )
