"""Figures of the ArangoDB store over a socket: time, memory and bytes.

    python tests/benchmarks/arango_store.py         the sample, and 5 million made-up ratings read back
    python tests/benchmarks/arango_store.py FOLDER  and The Movies Dataset in FOLDER; further words are
                                                    load_dataset's arguments, such as metadata=NAME.csv

The server is movierec.testing.arango_server, in a process of its own, so that memory is the reader's alone.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from movierec.testing.arango_server import STATEMENTS, Collection, Database, serve

MANY = 5_000_000


class MadeUp:
    "Edges of 50,000 people and 10,000 movies, made when asked for, so that the server need not hold them."

    def __len__(self):
        return MANY

    def __getitem__(self, part):
        return [
            [
                f"{i}",
                f"Users/{1 + i // 100}",
                f"Movie/{1 + i * 7919 % 10_000}",
                0.5 + i % 10 / 2,
                946_684_800 + i,
            ]
            for i in range(*part.indices(MANY))
        ]


def stand_in(many):
    with serve() as server:
        if many:
            edges = next(
                text
                for text in STATEMENTS
                if text.startswith("FOR edge IN @@edges FILTER edge._key > @after")
            )
            STATEMENTS[edges] = lambda view, bind, counter: MadeUp()
            state = {
                "_key": "current",
                "format": 1,
                "generation": 1,
                "counts": {"ratings": MANY},
                "dtypes": {},
                "ratings": "Ratings",
            }
            server.databases["movierec"] = Database(
                "movierec",
                collections={
                    "movierec_state": Collection("movierec_state", documents={"current": state}),
                    "Ratings": Collection("Ratings", 3),
                },
            )
        print(server.url, flush=True)
        for line in sys.stdin:  # "bytes": what came in, and what the documents themselves weigh
            database = server.databases["movierec"]
            own = sum(
                len(
                    json.dumps(
                        {name: value for name, value in row.items() if name not in ("_id", "_rev")},
                        ensure_ascii=False,
                        separators=(",", ":"),
                    ).encode()
                )
                for name in ("Users", "Movie", "Ratings")
                for row in database.collections[name].documents.values()
            )
            print(server.received, own, flush=True)


def memory():  # of this process at its highest, in MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_many(url):
    from movierec.store.arango import ArangoStore
    from movierec.store.arango_settings import ArangoSettings

    before, start = memory(), time.perf_counter()
    frame = ArangoStore(ArangoSettings(url=url)).ratings()
    assert len(frame) == MANY and frame.timestamp.sum() == sum(946_684_800 + i for i in range(MANY))
    print(
        f"reading {len(frame):,} ratings: {time.perf_counter() - start:.0f} s, "
        f"at most {memory():.0f} MB of memory, {before:.0f} MB of it before reading"
    )


def load_and_read(url, dataset, bytes_of):
    from pandas.testing import assert_frame_equal

    from movierec.store.arango import ArangoStore
    from movierec.store.arango_settings import ArangoSettings

    store, start = ArangoStore(ArangoSettings(url=url)), time.perf_counter()
    store.load(dataset.movies, dataset.ratings)
    loaded, start = time.perf_counter() - start, time.perf_counter()
    movies, ratings = store.movies(), store.ratings()
    taken = time.perf_counter() - start
    assert_frame_equal(movies, dataset.movies)
    assert_frame_equal(ratings, dataset.ratings)
    sent, own = bytes_of()
    print(
        f"{len(movies):,} movies with {movies.shape[1]} columns and {len(ratings):,} ratings: "
        f"loaded in {loaded:.1f} s, read back equal in {taken:.1f} s, "
        f"{sent:,} bytes sent for documents of {own:,} ({sent / own - 1:+.1%})"
    )


def with_server(task, many=False):
    process = subprocess.Popen(
        [sys.executable, __file__, "--server", *(["many"] if many else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def bytes_of():
        process.stdin.write("bytes\n")
        process.stdin.flush()
        return map(int, process.stdout.readline().split())

    try:
        task(process.stdout.readline().strip(), bytes_of)
    finally:
        process.kill()
        process.wait()


def main(folder=None, *words):
    from movierec.data.datasets import load_dataset, load_sample

    os.environ["ARANGO_PASSWORD"] = "secret"
    with_server(
        lambda url, _: subprocess.run([sys.executable, __file__, "--read", url], check=True),
        many=True,
    )
    with_server(lambda url, bytes_of: load_and_read(url, load_sample(), bytes_of))
    if folder:
        dataset = load_dataset("path", folder, **dict(word.split("=") for word in words))
        with_server(lambda url, bytes_of: load_and_read(url, dataset, bytes_of))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--server"]:
        stand_in("many" in sys.argv)
    elif sys.argv[1:2] == ["--read"]:
        read_many(sys.argv[2])
    else:
        main(*sys.argv[1:])
