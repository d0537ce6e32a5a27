"""Write ratings in the layout and size of ml-32m, made up, and time how they get into the store.

    python tests/benchmarks/large_ratings.py [ROWS]

Each way runs in a process of its own and prints its seconds, those of the processor, its peak memory, and
its seconds as a share of those of pandas.read_csv: with the types that it finds and with those that it is
told, what DuckDB needs at least to read the file and to read it into a table of a file, and movierec with
the ratings in memory and in the store. Give the machine nothing else to do, since all but pandas use
every core. Needs 2 GB in the folder for temporary files for the 32 million rows.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

ROWS, USERS, MOVIES = 32_000_000, 200_000, 87_000
TYPED = ("read_csv('{folder}/ratings.csv', auto_detect=false, header=true, delim=',',"
         " columns={{'userId': 'BIGINT', 'movieId': 'BIGINT', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}})")
QUIET = "execute('SET enable_progress_bar = false')"
READ_TYPED = """import pandas as pd; start()
types = dict(userId='int32', movieId='int32', rating='float32', timestamp='int64')
pd.read_csv(folder/'ratings.csv', dtype=types)"""
READ_ALONE = f"""import duckdb; start()
sums = "SELECT sum(userId), sum(movieId), sum(rating), sum(timestamp)"
duckdb.{QUIET}.execute(f"{{sums}} FROM {TYPED}").fetchall()"""
INTO_TABLE = f"""import duckdb; start()
with duckdb.connect(folder/'bare.duckdb') as db:
    db.{QUIET}.execute(f"CREATE TABLE r AS SELECT * FROM {TYPED}")"""
INTO_MEMORY = "from movierec.data.datasets import load_dataset; start(); load_dataset('path', folder)"
INTO_STORE = """from movierec.data.datasets import load_dataset
from movierec.store.duckdb import DuckDBStore
start()
with DuckDBStore(folder/'store.duckdb') as store:
    data = load_dataset('path', folder, into=store.writing)
    store.load(data.movies, data.ratings, users=data.users, report=data.report)"""
WAYS = {
    "pandas.read_csv": "import pandas as pd; start(); pd.read_csv(folder/'ratings.csv')",
    "pandas.read_csv, told the types": READ_TYPED,
    "DuckDB, reading alone": READ_ALONE,
    "DuckDB, into a table": INTO_TABLE,
    "movierec, into memory": INTO_MEMORY,
    "movierec, into the store": INTO_STORE,
}
MEASURE = """
import resource, sys, time
from pathlib import Path
folder, began = Path(sys.argv[1]), []
def start(): began.extend([time.perf_counter(), time.process_time()])
{way}
wall, processor = time.perf_counter() - began[0], time.process_time() - began[1]
print(wall, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def write_release(folder, rows):
    """Write movies.csv and ratings.csv, sorted by user and movie like GroupLens's, popular movies first;
    give the rows written."""
    rng, written, users = np.random.default_rng(0), 0, max(USERS * rows // ROWS, 10)
    titles = "".join(f"{o},Made Up {o} ({1920 + o % 100}),Drama|Comedy\n" for o in range(1, MOVIES + 1))
    (folder/"movies.csv").write_text("movieId,title,genres\n" + titles)
    kinds = pa.schema(
        [("userId", pa.int64()), ("movieId", pa.int64()), ("rating", pa.float32()), ("timestamp", pa.int64())]
    )
    with csv.CSVWriter(
        folder / "ratings.csv", kinds, write_options=csv.WriteOptions(quoting_header="none")
    ) as file:
        for some in np.array_split(np.arange(1, users + 1), max(users // 10_000, 1)):
            user = np.repeat(some, 170)
            pairs = np.unique(user * 100_000 + 1 + (MOVIES * rng.random(len(user))**2).astype(int))
            wanted = min(len(pairs), rows * len(some) // users)
            pairs = np.sort(rng.choice(pairs, wanted, replace=False))
            user, movie = np.divmod(pairs, 100_000)
            columns = (
                user,
                movie,
                (rng.integers(1, 11, wanted) / 2).astype("float32"),
                850_000_000 + user * 4000 + rng.integers(0, 100_000, wanted),
            )
            file.write(pa.table(dict(zip(kinds.names, columns)), schema=kinds))
            written += wanted
    return written


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        count = write_release(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
        print(f"{count:,} ratings, {(Path(folder)/'ratings.csv').stat().st_size / 1e6:,.0f} MB")
        first = None
        for name, way in WAYS.items():
            answer = subprocess.run(
                [sys.executable, "-c", MEASURE.format(way=way), folder],
                check=True,
                capture_output=True,
                text=True,
            )
            wall, processor, peak = map(float, answer.stdout.split())
            first = first or wall
            print(
                f"{name:32} {wall:5.1f} s, {wall / first:4.2f} of pandas"
                f" ({processor:.1f} s of processor), peak {peak:.2f} GB",
                flush=True,
            )
