"""Fit movierec and what people would pick instead on the same splits, measure all with one code, and write
tables and figures.

    python tests/benchmarks/leaderboard.py --results FOLDER --data ml-100k=PATH ratings_small
    python tests/benchmarks/leaderboard.py --results FOLDER --data ml-100k=PATH ratings_small --tune

Tracks: R ranks what a user watches next, R2 ranks with the order taken away, P predicts stars.
`--tracks`, `--models` and `--seeds` take a part. Every model, seed and data set is one cell, fitted in a
process of its own and kept as one JSON file with a Parquet file beside it; what is there with the same
settings isn't fitted again. `--tune` tries each model's grid of models.yaml on validation and keeps the
best in tuned.yaml. Peers need `pip install -r tests/benchmarks/requirements.txt`; one that is not
installed is named and left out.
"""
import argparse
import fcntl
import importlib
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
import metrics

MODELS = yaml.safe_load((HERE/"models.yaml").read_text())
TRACKS = {"R": "ranking", "R2": "ranking", "P": "rating"}
FOLDS = "ml-100k"  # the data set whose published folds protocol P uses


# Data and splits

def read_data(source):
    "Read `ratings_small`, which comes with movierec, or `name=path`; -> name, movies, ratings."
    from movierec.data.datasets import load_dataset, load_sample
    name, _, path = source.partition("=")
    data = load_dataset("path", path) if path else load_sample()
    ratings = (
        data.ratings.merge(_file_order(path), on=["user_id", "movie_id"], validate="1:1")
        if name == FOLDS
        else data.ratings
    )
    return SimpleNamespace(name=name, movies=data.movies, ratings=ratings)


def _file_order(path):
    rows = pd.read_csv(Path(path)/"u.data", sep="\t", usecols=[0, 1], names=["user_id", "movie_id"])
    return rows.assign(row=np.arange(len(rows)))


def published_fold(ratings, fold):
    """Fold i's test is the i-th fifth of the file; a tenth of the rest, drawn by the number of the fold, is
    validation."""
    size = len(ratings) // 5
    ratings = ratings.sort_values("row", ignore_index=True)
    test = (ratings.row >= size * (fold - 1)) & (ratings.row < size * fold)
    drawn = np.random.default_rng(fold).permutation(np.flatnonzero(~test))[:size * 4 // 10]
    return ratings.assign(part=np.where(test, "test", "train")).pipe(
        lambda o: o.assign(part=o.part.where(~o.index.isin(drawn), "validation"))
    )


def split(track, data, seed):
    "The ratings with a column `part`, as the protocol of the track says."
    from movierec.models.splits import split_ratings
    if track == "P" and data.name == FOLDS: return published_fold(data.ratings, seed)
    return split_ratings(
        data.ratings, {"R": "temporal_user", "R2": "random_user", "P": "random"}[track], seed=seed
    )


def parts(track, data, seed, tuning):
    "What a model is fitted on and what it is measured by."
    ratings = split(track, data, seed)
    def of(*names):
        return (
            ratings[ratings.part.isin(names)]
            .drop(columns=["part", "row"], errors="ignore")
            .reset_index(drop=True)
        )
    if tuning: return of("train"), of("validation")
    with_validation = track != "P" or data.name == FOLDS
    return (of("train", "validation") if with_validation else of("train")), of("test")


def seeds_of(track, name, model):
    if track == "P": return range(1, 6) if name == FOLDS else range(3)
    # a fixed split and no chance: one run says all
    return range(3) if track == "R2" or peer_class(model).random else range(1)


# Models

def peer_class(model):
    module, name = MODELS[model]["class"].rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def models_of(track): return [o for o in MODELS if MODELS[o]["task"] == TRACKS[track]]


def tuned():
    return (yaml.safe_load((HERE / "tuned.yaml").read_text()) or {}) if (HERE / "tuned.yaml").exists() else {}


def fixed_settings(track, model):
    return {**MODELS[model].get("settings", {}), **MODELS[model].get(f"settings_{track}", {})}


def settings_of(track, name, model):
    best = tuned().get(track, {}).get(name, {}).get(model, {}).get("settings", {})
    return {**fixed_settings(track, model), **best}


def measure(peer, fitted, held_out):
    "-> metrics and the pairs that they were computed from."
    if peer.task == "ranking":
        pairs, lists = metrics.measure_ranking(peer.scores, peer.movies, fitted, held_out)
        return metrics.ranking_metrics(pairs, lists, fitted.movie_id.nunique()), pairs
    counts = {
        name: held_out[f"{name}_id"].map(fitted[f"{name}_id"].value_counts()).fillna(0).astype(int)
        for name in ("user", "movie")
    }
    prediction = np.clip(peer.predict(held_out), fitted.rating.min(), fitted.rating.max())
    pairs = held_out[["user_id", "movie_id", "rating"]].assign(
        prediction=prediction, history=counts["user"], popularity=counts["movie"]
    )
    return metrics.rating_metrics(pairs), pairs


# Cells

def run_cell(folder, source, track, model, seed, settings):
    """Fit and measure one model once, and keep the result; the JSON file comes last and tells that the cell
    is done."""
    data = read_data(source)
    fitted, held_out = parts(track, data, seed, tuning=False)
    before, clocks = _peak_mb(), (time.perf_counter(), time.process_time())
    peer = peer_class(model)(movies=data.movies, **settings).fit(fitted, seed)
    seconds = [clock() - start for clock, start in zip((time.perf_counter, time.process_time), clocks)]
    values, pairs = measure(peer, fitted, held_out)
    file = cell_file(folder, track, data.name, model, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file.with_suffix(".parquet"), lambda o: pairs.to_parquet(o, index=False))
    cell = {
        "track": track,
        "data": data.name,
        "model": model,
        "seed": seed,
        "settings": settings,
        "metrics": values,
        "fit_seconds": seconds[0],
        "fit_processor_seconds": seconds[1],
        "peak_mb": _peak_mb(),
        "peak_mb_before": before,
    }
    _write(file, lambda o: o.write_text(json.dumps(cell, indent=1)))
    return cell


def cell_file(folder, track, name, model, seed): return Path(folder)/track/name/model/f"{seed}.json"


def _peak_mb(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _write(file, write):  # all of it or nothing
    part = file.with_name(file.name + ".part")
    write(part)
    os.replace(part, file)


def is_done(file, settings):
    "Is there a result of the same settings?"
    return file.exists() and json.loads(file.read_text())["settings"] == settings


def run_cells(folder, sources, tracks, models, seeds, run=None):
    "Run what is missing, each cell in a process of its own; -> how many were run."
    count = 0
    for track, source, model in itertools.product(tracks, sources, models or MODELS):
        name = source.partition("=")[0]
        if model not in models_of(track): continue
        for seed in [o for o in seeds_of(track, name, model) if seeds is None or o in seeds]:
            settings = settings_of(track, name, model)
            if is_done(cell_file(folder, track, name, model, seed), settings): continue
            (run or run_in_process)(folder, source, track, model, seed, settings)
            count += 1
    return count


def run_in_process(*cell):
    done = subprocess.run(
        [sys.executable, __file__, "--cell", json.dumps([str(cell[0]), *cell[1:]])],
        capture_output=True,
        text=True,
    )
    said = (
        done.stdout.strip() if not done.returncode else (done.stderr.strip().splitlines() or ["no word"])[-1]
    )
    print(
        *cell[2:5],
        cell[1].partition("=")[0],
        said if not done.returncode else f"left out: {said}",
        flush=True,
    )


# Tuning

def grid_of(track, model):
    "All combinations of the grid of models.yaml; epochs are looked at while one run goes on."
    grid = {**MODELS[model].get("grid", {}), **MODELS[model].get(f"grid_{track}", {})}
    epochs = grid.pop("epochs", None) if getattr(peer_class(model), "train", None) else None
    return [dict(zip(grid, values)) for values in itertools.product(*grid.values())], epochs


def trial(make, settings, epochs, fitted, held_out):
    "Validation figures of one combination: a list of settings and figure, one for each number of epochs."
    peer = make(**settings, **({"epochs": max(epochs)} if epochs else {}))
    def figure():
        return measure(peer, fitted, held_out)[0][{"ranking": "ndcg@10", "rating": "rmse"}[peer.task]]
    if not epochs: return [(settings, peer.fit(fitted, 0) and figure())]
    return [
        ({**settings, "epochs": epoch}, figure())
        for epoch, _ in enumerate(peer.train(fitted, 0), 1)
        if epoch in epochs
    ]


def tune(folder, source, track, model):
    "Try the grid on validation, going on where a run before ended, and keep the best in tuned.yaml."
    data = read_data(source)
    file = Path(folder)/"tuning"/track/data.name/f"{model}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    tried = json.loads(file.read_text()) if file.exists() else {}
    fitted, held_out = parts(track, data, next(iter(seeds_of(track, data.name, model))), tuning=True)
    combinations, epochs = grid_of(track, model)
    def make(**settings):
        return peer_class(model)(
            movies=data.movies, **{**fixed_settings(track, model), **settings}
        )
    for settings in combinations:
        key = json.dumps([settings, epochs], sort_keys=True)
        if key not in tried: tried[key] = trial(make, settings, epochs, fitted, held_out)
        _write(file, lambda o: o.write_text(json.dumps(tried, indent=1)))
    wanted = [
        found for settings in combinations for found in tried[json.dumps([settings, epochs], sort_keys=True)]
    ]
    best = (max if TRACKS[track] == "ranking" else min)(wanted, key=lambda o: o[1])
    keep_tuned(
        track, data.name, model, {"settings": best[0], "validation": round(best[1], 4), "trials": len(wanted)}
    )
    return best


def keep_tuned(track, name, model, entry):
    "Write one entry of tuned.yaml; several tunings may run at once."
    with open(HERE/"models.yaml") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everything = tuned()
        everything.setdefault(track, {}).setdefault(name, {})[model] = entry
        note = "# Best of each grid of models.yaml on validation (NDCG@10; RMSE in track P)." \
               " Written by leaderboard.py --tune.\n"
        _write(
            HERE / "tuned.yaml",
            lambda o: o.write_text(note + yaml.safe_dump(everything, default_flow_style=None, width=160)),
        )


def tune_all(folder, sources, tracks, models):
    for track, source, model in itertools.product(tracks, sources, models or MODELS):
        if model not in models_of(track) or not {"grid", f"grid_{track}"} & MODELS[model].keys(): continue
        began = time.perf_counter()
        try:
            print(
                track,
                source.partition("=")[0],
                model,
                *tune(folder, source, track, model),
                f"{time.perf_counter() - began:.0f} s",
                flush=True,
            )
        except (ImportError, ValueError) as error:
            print(track, source.partition("=")[0], model, "left out:", error, flush=True)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--results", type=Path, default="runs/leaderboard", help="folder of the cells, tables and figures"
    )
    options.add_argument("--data", nargs="+", default=["ratings_small"], help="ratings_small, or name=path")
    options.add_argument("--tracks", nargs="+", default=list(TRACKS), choices=list(TRACKS))
    options.add_argument("--models", nargs="+", choices=list(MODELS))
    options.add_argument("--seeds", nargs="+", type=int, help="in track P of ml-100k, numbers of folds")
    options.add_argument("--tune", action="store_true", help="choose settings on validation instead")
    options.add_argument("--cell", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.cell: return print(json.dumps(run_cell(*json.loads(given.cell))["metrics"]))
    if given.tune: return tune_all(given.results, given.data, given.tracks, given.models)
    run_cells(given.results, given.data, given.tracks, given.models, given.seeds)
    import report
    report.write(given.results)


if __name__ == "__main__": main()
