"""Write ratings in the layout and size of ml-32m, made up, and time how they get into the store.

    python tests/benchmarks/large_ratings.py [ROWS]

Each way runs in a process of its own and prints its seconds, those of the processor, and its peak memory: pandas.read_csv alone, the reader of
movierec alone, and the reader with the store. Needs 1 GB in the folder for temporary files for the 32 million rows.
"""
import subprocess, sys, tempfile
from pathlib import Path

import numpy as np, pyarrow as pa, pyarrow.csv as csv

ROWS, USERS, MOVIES = 32_000_000, 200_000, 87_000
WAYS = {
    "pandas.read_csv": "import pandas as pd; start(); pd.read_csv(folder/'ratings.csv')",
    "read": "from movierec.datasets import load_dataset; start(); load_dataset('path', folder)",
    "read and store": "from movierec.datasets import load_dataset; from movierec.store import DuckDBStore; start()\n"
                      "data = load_dataset('path', folder)\nwith DuckDBStore(folder/'store.duckdb') as store: store.load(data.movies, data.ratings)",
}
MEASURE = """
import resource, sys, time
from pathlib import Path
folder, began = Path(sys.argv[1]), []
def start(): began.extend([time.perf_counter(), time.process_time()])
{way}
print(f"{{time.perf_counter() - began[0]:.1f}} s ({{time.process_time() - began[1]:.1f}} s of processor), peak {{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f}} GB")
"""


def write_release(folder, rows):
    "Write movies.csv and ratings.csv, sorted by user and movie like GroupLens's, popular movies first; give the rows written."
    rng, written, users = np.random.default_rng(0), 0, max(USERS * rows // ROWS, 10)
    titles = "".join(f"{o},Made Up {o} ({1920 + o % 100}),Drama|Comedy\n" for o in range(1, MOVIES + 1))
    (folder/"movies.csv").write_text("movieId,title,genres\n" + titles)
    kinds = pa.schema([("userId", pa.int64()), ("movieId", pa.int64()), ("rating", pa.float32()), ("timestamp", pa.int64())])
    with csv.CSVWriter(folder/"ratings.csv", kinds, write_options=csv.WriteOptions(quoting_header="none")) as file:
        for some in np.array_split(np.arange(1, users + 1), max(users // 10_000, 1)):
            user = np.repeat(some, 170)
            pairs = np.unique(user * 100_000 + 1 + (MOVIES * rng.random(len(user))**2).astype(int))
            wanted = min(len(pairs), rows * len(some) // users)
            pairs = np.sort(rng.choice(pairs, wanted, replace=False))
            user, movie = np.divmod(pairs, 100_000)
            columns = user, movie, (rng.integers(1, 11, wanted) / 2).astype("float32"), 850_000_000 + user * 4000 + rng.integers(0, 100_000, wanted)
            file.write(pa.table(dict(zip(kinds.names, columns)), schema=kinds))
            written += wanted
    return written


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        count = write_release(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
        print(f"{count:,} ratings, {(Path(folder)/'ratings.csv').stat().st_size / 1e6:,.0f} MB")
        for name, way in WAYS.items():
            answer = subprocess.run([sys.executable, "-c", MEASURE.format(way=way), folder], check=True, capture_output=True, text=True)
            print(f"{name}: {answer.stdout.strip()}", flush=True)
