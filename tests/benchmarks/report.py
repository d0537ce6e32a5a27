"""Tables and figures of the leaderboard, from the cells that `leaderboard.py` has kept.

    python tests/benchmarks/report.py FOLDER [PAGE]

PAGE is where the leaderboard page reads its tables from, nbs/tutorials/leaderboard: aggregated figures,
no user or movie.
"""
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import metrics

MODELS = yaml.safe_load((Path(__file__).parent/"models.yaml").read_text())
LABELS = {name: model["label"] for name, model in MODELS.items()}
FIRST = {"R": "ndcg@10", "R2": "ndcg@10", "P": "rmse"}  # the metric that orders a table
TITLES = {
    "R": "R: which movies a user watches next",
    "R2": "R2: the same without the help of order",
    "P": "P: how many stars (lower is better)",
}
SHOWN = {
    "ranking": ["ndcg@10", "recall@20", "hit_rate@10", "coverage@10", "popularity_rank@10"],
    "rating": ["rmse", "mae"],
}


def read_cells(folder):
    "All results: one row per cell, with its pairs."
    cells = [
        {**json.loads(file.read_text()), "pairs": pd.read_parquet(file.with_suffix(".parquet"))}
        for file in sorted(Path(folder).glob("*/*/*/*.json"))
        if file.parts[-4] in FIRST
    ]
    return pd.DataFrame(cells).sort_values(["track", "data", "model", "seed"], ignore_index=True)


def resampled(cells, metric):
    """The metric of one model, mean over its seeds, in each resample of the users; None for what has no
    figure per user."""
    if metric == "rmse": return metrics.resampled_rmse([metrics.user_errors(o) for o in cells.pairs])
    per_user = [metrics.user_metrics(o) for o in cells.pairs] if "place" in cells.pairs.iloc[0] else None
    if per_user is None or metric not in per_user[0]: return None
    return metrics.resampled_means(pd.concat([o[metric] for o in per_user], axis=1))


def rows_of(cells):
    "One row for each metric of one model on one data set."
    track, data, model = cells.iloc[0][["track", "data", "model"]]
    common = {
        "track": track,
        "data": data,
        "model": model,
        "label": LABELS[model],
        "seeds": len(cells),
        "fit_seconds": cells.fit_processor_seconds.mean(),
        "peak_mb": cells.peak_mb.max(),
    }
    for metric in SHOWN["rating" if track == "P" else "ranking"]:
        values, drawn = np.array([o[metric] for o in cells.metrics]), resampled(cells, metric)
        low, high = metrics.interval(drawn) if drawn is not None else (np.nan, np.nan)
        yield {
            **common,
            "metric": metric,
            "value": values.mean(),
            "spread": values.std(),
            "low": low,
            "high": high,
        }


def differences(cells):
    "What ours is ahead of each peer by, with the interval over users: ours less the peer's."
    for (track, data), some in cells.groupby(["track", "data"]):
        ours = [o for o in some.model.unique() if MODELS[o].get("ours")]
        for mine, peer in ((a, b) for a in ours for b in some.model.unique() if a != b):
            for metric in ["rmse"] if track == "P" else ["ndcg@10", "recall@20"]:
                first, second = (resampled(some[some.model == o], metric) for o in (mine, peer))
                value = np.subtract(
                    *(np.mean([o[metric] for o in some[some.model == name].metrics]) for name in (mine, peer))
                )
                yield dict(
                    zip(
                        ("track", "data", "ours", "peer", "metric", "difference", "low", "high"),
                        (track, data, mine, peer, metric, value, *metrics.interval(first - second)),
                    )
                )


def thirds(values, names):
    "Name the third that each value lies in; equal values stay together."
    edges = np.quantile(values, [1 / 3, 2 / 3])
    return np.asarray(names)[np.searchsorted(edges, values)]


def sliced(cells):
    """The first metric by activity of the user, and the share found (or the error) by popularity of the
    movie; means over seeds."""
    for _, cell in cells.iterrows():
        pairs, key = (
            cell.pairs,
            {"track": cell.track, "data": cell.data, "model": cell.model, "seed": cell.seed},
        )
        per_user = pairs.groupby("user_id").history.first()
        activity = dict(
            zip(per_user.index, thirds(per_user, ["few ratings", "some ratings", "many ratings"]))
        )
        known = thirds(pairs.popularity, ["rare movies", "other movies", "popular movies"])
        for name, rows in [*pairs.groupby(pairs.user_id.map(activity)), *pairs.groupby(known)]:
            if cell.track == "P":
                metric, value = "rmse", metrics.rating_metrics(rows)["rmse"]
            elif name.endswith("movies"):
                metric, value = "found in 20", float(rows.place.between(0, 19).mean())
            else: metric, value = "ndcg@10", float(metrics.user_metrics(rows)["ndcg@10"].mean())
            yield {**key, "slice": name, "metric": metric, "value": value, "rows": len(rows)}


def with_interval(row):
    digits = 1 if row.metric == "popularity_rank@10" else 4
    return f"{row.value:.{digits}f}" + (f" ({row.low:.3f} to {row.high:.3f})" if row.low == row.low else "")


def markdown(table, track, data):
    "One table, best model first."
    some = table[(table.track == track) & (table.data == data)].assign(
        text=lambda o: [with_interval(row) for row in o.itertuples()]
    )
    text = some.pivot(index="model", columns="metric", values="text")[
        [o for o in SHOWN["rating" if track == "P" else "ranking"]]
    ]
    order = some[some.metric == FIRST[track]].sort_values("value", ascending=track == "P").set_index("model")
    head = ["model", *text.columns, "seeds", "fit, s of processor", "peak, MB"]
    rows = [
        [
            order.label[o],
            *text.loc[o],
            str(order.seeds[o]),
            f"{order.fit_seconds[o]:.1f}",
            f"{order.peak_mb[o]:.0f}",
        ]
        for o in order.index
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def figure(table, track, data, file):
    "Bars of the first metric with the intervals over users."
    from matplotlib.figure import Figure

    some = table[(table.track == track) & (table.data == data) & (table.metric == FIRST[track])].sort_values(
        "value", ascending=track != "P"
    )
    drawing = Figure(figsize=(7, 1 + 0.35 * len(some)), layout="constrained")
    axes = drawing.subplots()
    colours = ["tab:blue" if MODELS[o].get("ours") else "tab:grey" for o in some.model]
    axes.barh(
        some.label,
        some.value,
        xerr=[some.value - some.low, some.high - some.value],
        color=colours,
        error_kw={"ecolor": "black", "capsize": 2},
    )
    for place, (value, high) in enumerate(zip(some.value, some.high)):
        axes.text(high, place, f" {value:.3f}", va="center")
    best = some.iloc[-1]
    axes.set(
        title=f"{data}, track {track}: {best.label} is first",
        xlabel=f"{FIRST[track]}, with 95 % interval over users",
    )
    if track == "P": axes.set_xlim(left=0.9 * some.value.min())
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    drawing.savefig(file, dpi=120)


def slice_figure(slices, track, data, file):
    "One line of points for each slice."
    from matplotlib.figure import Figure

    some = (
        slices[(slices.track == track) & (slices.data == data)]
        .groupby(["slice", "model"], sort=False)
        .value.mean()
        .unstack()
    )
    drawing = Figure(figsize=(7, 4.5), layout="constrained")
    axes = drawing.subplots()
    for model in some.columns: axes.plot(some[model], some.index, "o", label=LABELS[model], alpha=0.7)
    axes.set(
        title=f"{data}, track {track}: by user and by movie",
        xlabel="RMSE" if track == "P" else "NDCG@10 of users; share of movies found in 20",
    )
    axes.legend(fontsize=7, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    drawing.savefig(file, dpi=120)


def write(folder):
    "Write leaderboard.csv, differences.csv, slices.csv, leaderboard.md and the figures."
    folder, cells = Path(folder), read_cells(folder)
    table = pd.DataFrame(
        [row for _, some in cells.groupby(["track", "data", "model"], sort=False) for row in rows_of(some)]
    )
    slices = (
        pd.DataFrame(sliced(cells))
        .groupby(["track", "data", "slice", "model", "metric"], sort=False, as_index=False)[["value", "rows"]]
        .mean()
    )
    table.to_csv(folder/"leaderboard.csv", index=False)
    slices.to_csv(folder/"slices.csv", index=False)
    pd.DataFrame(
        differences(cells), columns=["track", "data", "ours", "peer", "metric", "difference", "low", "high"]
    ).to_csv(folder / "differences.csv", index=False)
    text = []
    for track, data in table[["track", "data"]].drop_duplicates().itertuples(index=False):
        text.append(f"## {TITLES[track]}, {data}\n\n{markdown(table, track, data)}\n")
        figure(table, track, data, folder/f"{track}_{data}.png")
        slice_figure(slices, track, data, folder/f"{track}_{data}_slices.png")
    (folder/"leaderboard.md").write_text("\n".join(text))


def publish(folder, page):
    "Copy the tables to where the page reads them, with the digits that it shows."
    page = Path(page)
    page.mkdir(parents=True, exist_ok=True)
    for name in ("leaderboard", "differences", "slices", "ablations", "newcomers"):
        table = pd.read_csv(Path(folder)/f"{name}.csv")
        if "peak_mb" in table: table = table.round({"peak_mb": 0, "fit_seconds": 1})
        table.round(4).to_csv(page/f"{name}.csv", index=False)


if __name__ == "__main__":
    write(sys.argv[1])
    if sys.argv[2:]: publish(*sys.argv[1:])
