"""Build the sample that comes with movierec from a folder with the files of The Movies Dataset.

    python tests/tools/build_sample.py FOLDER [--metadata movies_metadata.csv]

Takes all of ratings_small.csv, and what movies_metadata.csv (and keywords.csv, where it is there) knows of
the movies that links_small.csv reaches. Columns that are empty for all of these are left out.
"""
import argparse
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from movierec.data.datasets import read_the_movies_dataset

SAMPLE, LARGEST = Path(__file__).parents[2]/"movierec"/"sample", 5_000_000  # bytes


def write(frame, path):
    "Write a table as compressed Parquet: beside it first, then in its place."
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, f"{path}.part", compression="zstd", compression_level=19)
    os.replace(f"{path}.part", path)
    return path.stat().st_size


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--metadata", default="movies_metadata.csv")
    given = parser.parse_args()
    data = read_the_movies_dataset(
        given.folder, metadata=given.metadata, links="links_small.csv", ratings="ratings_small.csv")
    print(data.report)
    size = write(data.movies.dropna(axis=1, how="all"), SAMPLE / "movies.parquet") + write(
        data.ratings, SAMPLE / "ratings.parquet"
    )
    print(f"{size:,} bytes of at most {LARGEST:,}")
    if size > LARGEST: raise SystemExit("the sample is too large to travel with the package")


if __name__ == "__main__": main()
