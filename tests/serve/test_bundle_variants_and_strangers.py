"""Rounded bundles stay within what they state, moved ones load, and bad ones are refused in one line."""
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save

from movierec.core import MovierecError
from movierec.serve.bundle import _FILES, read_bundle, rewrite_bundle
from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender

TOLERANCE = {"half": 0.02, "int8": 0.5}  # of a score; scores of the sample reach from 0 to about 30


@pytest.fixture(scope="module")
def bundle(trained): return trained / "runs/latest/bundle"


@pytest.mark.parametrize("kind", TOLERANCE)
def test_a_thousand_random_histories_within_the_stated_tolerance(kind, bundle, tmp_path):
    whole = Recommender.load(bundle)
    small = Recommender.load(quantize_bundle(bundle, tmp_path / kind, kind=kind))
    draw, ids = np.random.default_rng(0), whole.movies.movie_id.to_numpy()
    for place in range(1000):
        length = int(np.exp(draw.uniform(0, np.log(1000)))) if place else 0
        history = draw.choice(ids, length, replace=False)
        expected = dict(zip(*whole.top(history=history, k=200)))
        for movie, score in zip(*small.top(history=history)):
            assert movie in expected and abs(expected[movie] - score) <= TOLERANCE[kind]
    assert small.manifest["variant"]["largest_score_difference"] <= TOLERANCE[kind]


def test_a_bundle_still_loads_after_being_moved(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "there")
    os.rename(tmp_path / "there", tmp_path / "elsewhere")
    moved = Recommender.load(tmp_path / "elsewhere").recommend(1)
    assert moved.equals(Recommender.load(bundle).recommend(1))


def cut_off(path): os.truncate(path, path.stat().st_size - 1)


def empty(path): path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", _FILES)
@pytest.mark.parametrize(
    "harm", [cut_off, empty, flip, Path.unlink], ids=["cut off", "empty", "one bit", "gone"])
def test_a_damaged_file_is_named(name, harm, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "bundle")
    harm(tmp_path / "bundle" / name)
    with pytest.raises(MovierecError, match=name) as refused: Recommender.load(tmp_path / "bundle")
    assert "\n" not in str(refused.value)


def test_files_of_another_bundle_are_refused_though_their_checksums_are_right(bundle, tmp_path):
    tables, name = load_file(bundle / "tables.safetensors"), "tables.safetensors"
    mixed = tables | {"ids": np.roll(tables["ids"], 1)}
    manifest, folder = read_bundle(bundle), tmp_path / "mixed"
    with rewrite_bundle(bundle, folder, manifest=manifest, written=[name]) as beside:
        (beside / name).write_bytes(save(mixed))
    with pytest.raises(MovierecError, match="have different movies"): Recommender.load(folder)


@pytest.mark.parametrize("history", [
    pd.Series({1: 5.0, 2: np.nan}), {1: 5, 2: None}, {"1": "5", "2": None},
    {np.int64(1): np.float32(5), 2: pd.NA}], ids=["Series", "dict", "texts", "numpy"])
def test_one_history_in_many_writings(history, bundle):
    recommender = Recommender.load(bundle)
    expected = recommender.recommend(history={1: 5.0, 2: None})
    assert recommender.recommend(history=history).equals(expected)
