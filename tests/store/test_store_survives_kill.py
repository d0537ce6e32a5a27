"A process killed in a load leaves the old rows or the new ones, and no reader sees anything between."

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import movierec
from movierec.data.datasets import as_movies, as_ratings
from movierec.data.fingerprint import fingerprint
from movierec.store.duckdb import DuckDBStore

LOADER = """
import sys
import pandas as pd
from movierec.data.datasets import as_movies, as_ratings
from movierec.store.duckdb import DuckDBStore
from test_store_survives_kill import state
store, states = DuckDBStore(sys.argv[1]), [state(0), state(1)]
print("ready", flush=True)
for turn in range(10_000): store.load(*states[turn % 2])
"""


def state(number):
    "Two states that share no row: any mixture of them has a fingerprint of its own."
    ids = range(1 + 5_000 * number, 5_001 + 5_000 * number)
    movies = pd.DataFrame(
        {"movie_id": ids, "title": f"state {number}", "genres": [["Drama"]] * 5_000}
    )
    ratings = pd.DataFrame(
        {
            "user_id": [1 + i % 50 for i in ids],
            "movie_id": ids,
            "rating": 3.0 + number,
            "timestamp": ids,
        }
    )
    return as_movies(movies), as_ratings(ratings)


@pytest.fixture
def loader(tmp_path):
    "A process that loads one state after the other without end, and the file that it loads into."
    path = tmp_path / "movies.duckdb"
    DuckDBStore(path).load(*state(0))
    places = Path(__file__).parent, Path(movierec.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout.readline() == "ready\n"
    yield path, process
    process.kill()
    process.wait()


@pytest.mark.parametrize("seed", range(4))
def test_killed_in_the_middle(loader, seed):
    path, process = loader
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=random.Random(seed).uniform(0.05, 0.4))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    store = DuckDBStore(path)
    assert fingerprint(store.movies(), store.ratings()) in {
        fingerprint(*state(0)),
        fingerprint(*state(1)),
    }
    store.load(*state(1))  # and it goes on working
    assert fingerprint(store.movies(), store.ratings()) == fingerprint(*state(1))


def test_reader_sees_whole_states(loader):
    path, _ = loader
    store = DuckDBStore(path, wait=60)
    seen = {tuple(sorted(set(store.movies().title))) for _ in range(20)}
    assert seen <= {("state 0",), ("state 1",)}
    for _ in range(20):
        assert store.ratings().rating.nunique() == 1
