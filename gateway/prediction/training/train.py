"""Trains one model of the documented shape and writes model.onnx and card.json beside each other.

    /usr/bin/python3 gateway/prediction/training/train.py --quantity flow  --pems DIR --out gateway/prediction/models/flow
    /usr/bin/python3 gateway/prediction/training/train.py --quantity speed --los DIR  --out gateway/prediction/models/speed
    … --history DIR    adds, or stands alone with, what `npm run evaluate -- export` wrote
    … --validate       holds back the last fifth of the training days and prints errors there
    … --unseen         with --validate: learns without every third detector, and tells those apart

Needs torch and numpy (Debian: python3-torch). One thread, seeded. Rows behind a published split are never read in
(datasets.py cuts them off and asserts it); the card holds a checksum of the rows that were.
"""
import argparse
import datetime
import hashlib
import json
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch

import datasets
import features as f
import network
import synthetic

torch.set_num_threads(1)
FIRST_ROW = 6
KNOWN_AT = 2 * f.LAGS
FIRST_DAY_ROWS = f.SLOTS + f.STEPS
# A first day is simpler than a life: a smaller network does, and costs little beside the members.
YOUNG_SIZE, YOUNG_EPOCHS = dict(hidden=64, recurrent=16), 4
# From fewer detectors it learns their own course of the day by heart, and expects it of streets it has never seen.
YOUNG_SERIES_MIN = 20


def samples(values, slots, days, neighbours=None, rng=None, keep=None, first=FIRST_ROW):
    """Inputs, targets in units of the scale at the time, and weights; windows that leave the rows are not made."""
    x, scale, _ = f.run(values, slots, days, neighbours)
    last = len(values) - f.STEPS
    y = np.stack([values[first + h : last + h] / scale[first:last] for h in range(1, f.STEPS + 1)], 2)
    x, y = x[first:last].reshape(-1, f.FEATURES), y.reshape(-1, f.STEPS)
    known = np.isfinite(y)
    if keep is not None and keep < len(x):
        rows = rng.permutation(len(x))[:keep]
        x, y, known = x[rows], y[rows], known[rows]
    return x, np.where(known, y, 0).astype(np.float32), known.astype(np.float32)


def permuted_days(series, rng, column=0):
    """One column with its whole days in another order: another history of the same detector, as young or as old."""
    whole = len(series.values) // f.SLOTS
    first = int(np.argmax(series.slots == 0))
    whole = (len(series.values) - first) // f.SLOTS
    values = series.values[first : first + whole * f.SLOTS, column].reshape(whole, f.SLOTS)
    days = series.days[first : first + whole * f.SLOTS : f.SLOTS]
    order = rng.permutation(whole)
    return values[order].reshape(-1), np.repeat(days[order], f.SLOTS)


def with_gaps(values, rng, per_series=30):
    values = values.copy()
    for column in range(values.shape[1]):
        for _ in range(per_series):
            at = rng.integers(len(values))
            values[at : at + rng.integers(1, 8), column] = np.nan
    return values


def thinned(values, kind, rng):
    """As seen by a detector that misses some vehicles (other counting noise, same traffic), or on a wider road."""
    whole = np.isfinite(values)
    counts = np.where(whole, np.round(values), 0).astype(int)
    if kind in (1, 2):
        counts = rng.binomial(counts, rng.uniform(0.5, 1) if kind == 1 else np.exp(rng.uniform(np.log(0.03), 0)))
    if kind == 3:
        counts = counts * np.exp(rng.uniform(0, np.log(6)))
    return np.where(whole, counts, np.nan)


def first_days(values, slots, days, neighbours=None, rng=None, keep=None):
    """Samples of series that were just born; a detector of which nothing is known in the last hour is not asked for."""
    x, y, known = samples(values, slots, days, neighbours, first=0)
    rows = np.flatnonzero(x[:, KNOWN_AT : KNOWN_AT + f.LAGS].any(1) & (network.first_day(x)[:, 0] > 0))
    if keep is not None and keep < len(rows):
        rows = rng.permutation(rows)[:keep]
    return x[rows], y[rows], known[rows]


def rows_of_first_day(rng, rows):
    """How much of a first day is looked at: every second time only its first hours, so that they are not lost in the rest."""
    most = FIRST_DAY_ROWS if rng.random() < 0.5 else 4 * f.LAGS
    return min(int(rng.uniform(f.LAGS, most)) + f.STEPS, rows - 1)


def young_streets(values, slots, days, neighbours, rng, windows, keep=None):
    """A whole street that begins at a random moment: nobody knows anything yet. Half of them without neighbours."""
    blocks = []
    for window in range(windows):
        long = rows_of_first_day(rng, len(values))
        rows = slice(at := rng.integers(len(values) - long), at + long)
        nearby = neighbours if window % 2 == 0 else None
        blocks.append(first_days(values[rows], slots[rows], days[rows], nearby, rng, keep))
    return blocks


def young_detectors(values, slots, days, neighbours, rng):
    """Every third detector is new on a street that is known: its first day."""
    values = values.copy()
    new = np.arange(values.shape[1])[rng.integers(3) :: 3]
    for column, birth in zip(new, rng.integers(f.SLOTS, len(values) - f.SLOTS, len(new))):
        values[:birth, column] = np.nan
    # The others' own first day is among it: without it the street would have no past.
    return first_days(values, slots, days, neighbours)


def young_columns(series, rng, windows=40, columns=32):
    """Copies of one column that all begin at the same time of day, each on another day."""
    blocks = []
    for _ in range(windows):
        long = rows_of_first_day(rng, len(series.values))
        starts = rng.permutation(np.arange(len(series.values) - long)[:: f.SLOTS])
        shift = rng.integers(min(f.SLOTS, len(series.values) - long - starts.max()))
        values, days = [], []
        for i in range(columns):
            at = starts[i % len(starts)] + shift
            column = rng.integers(series.values.shape[1])
            values.append(thinned(series.values[at : at + long, column], i % 4, rng))
            days.append(series.days[at : at + long])
        slots = series.slots[starts[0] + shift] + np.arange(long)
        blocks.append(first_days(np.stack(values, 1), slots % f.SLOTS, np.stack(days, 1)))
    return blocks


def young_blocks(real, rng, is_flow, streets):
    """What the network of the first day learns from: births at random times of the day."""
    blocks, weights = [], []
    for series in real:
        if is_flow:
            blocks += young_columns(series, rng)
        else:
            rest = (series.slots, series.days, neighbours_of(series), rng)
            blocks += young_streets(series.values, *rest, 64, keep=2_500)
            if len(series.values) > 3 * f.SLOTS:
                blocks += [young_detectors(series.values, *rest) for _ in range(2)]
    weights += [1.0] * len(blocks)
    for i in range(streets):
        counts, days, upstream = synthetic.street(rng, 16, 24, 600.0 if i % 3 == 0 and is_flow else 40.0)
        values = counts if is_flow else synthetic.street_speeds(rng, counts)
        nearby = np.full((values.shape[1], f.NEIGHBOURS), -1)
        nearby[:, 0] = upstream
        young = young_streets(values, np.arange(len(values)) % f.SLOTS, days, nearby, rng, 8)
        blocks += young
        weights += [0.7] * len(young)
    return blocks, weights


def neighbours_of(series):
    if series.neighbours is not None or series.values.shape[1] < 2:
        return series.neighbours
    return f.find_neighbours(series.values, series.slots, series.days)


def flow_blocks(real, rng, columns=32, streets=6):
    blocks, weights = [], []
    for series in real:
        blocks.append(samples(series.values, series.slots, series.days, series.neighbours))
        weights.append(2.0)
        copies, calendars = [], []
        for i in range(columns):
            values, days = permuted_days(series, rng, rng.integers(series.values.shape[1]))
            copies.append(thinned(values, i % 4, rng))
            calendars.append(days)
        values, days = np.stack(copies, 1), np.stack(calendars, 1)
        values[:, 2::5] = with_gaps(values[:, 2::5], rng)
        # No neighbours here: columns with shuffled days were never measured together.
        blocks.append(samples(values, np.arange(len(values)) % f.SLOTS, days))
        weights.append(1.0)
    for i in range(streets):
        counts, days, upstream = synthetic.street(rng, 16, 24, 600.0 if i % 3 == 0 else 40.0)
        neighbours = None
        if i % 2 == 0:
            neighbours = np.full((counts.shape[1], f.NEIGHBOURS), -1)
            neighbours[:, 0] = upstream
        if i % 3 == 2:
            counts = with_gaps(counts, rng)
        slots = np.arange(len(counts)) % f.SLOTS
        blocks.append(samples(counts, slots, days, neighbours, rng, keep=25_000))
        weights.append(0.4)
    return blocks, weights


def speed_blocks(real, rng, streets=2):
    blocks, weights = [], []
    for series in real:
        found = neighbours_of(series)
        blocks.append(samples(series.values, series.slots, series.days, found))
        blocks.append(samples(with_gaps(series.values, rng, 12), series.slots, series.days, None, rng, keep=120_000))
        first = int(np.argmax(series.slots == 0))
        whole = (len(series.values) - first) // f.SLOTS
        order = rng.permutation(whole)
        rows = np.concatenate([np.arange(first + d * f.SLOTS, first + (d + 1) * f.SLOTS) for d in order])
        blocks.append(samples(series.values[rows], series.slots[rows], series.days[rows], found))
        weights += [1.0, 1.0, 1.0]
    for _ in range(streets):
        counts, days, _ = synthetic.street(rng, 16, 24, 60.0)
        speeds = synthetic.street_speeds(rng, counts)
        blocks.append(samples(speeds, np.arange(len(speeds)) % f.SLOTS, days, None, rng, keep=25_000))
        weights.append(0.5)
    return blocks, weights


def assemble(blocks, weights, by_noise):
    x = np.concatenate([block[0] for block in blocks])
    y = np.concatenate([block[1] for block in blocks])
    w = np.concatenate([block[2] * weight for block, weight in zip(blocks, weights)])
    if by_noise:  # A busy detector's error is small in its own unit; weigh both alike by their counting noise.
        at = [name for name, _ in f.layout].index("noise")
        column = sum(width for _, width in f.layout[:at])
        w *= (0.13 / np.clip(x[:, column], 0.05, 0.6))[:, None]
    return x, y, w


def cut(series, share):
    rows = int(len(series.values) * share)
    return datasets.Series(
        series.name, series.values[:rows], series.slots[:rows], series.days[:rows], series.rows_of,
        series.neighbours, series.names,
    )


def some_of(series, is_third):
    at = [i for i in range(series.values.shape[1]) if (i % 3 == 2) == is_third]
    names = [series.names[i] for i in at if series.names]
    return datasets.Series(series.name, series.values[:, at], series.slots, series.days, series.rows_of, None, names)


def parts_of(series, unseen):
    if not unseen:
        return [(series.name, series)]
    return [(f"{series.name} learned from", some_of(series, False)), (f"{series.name} never seen", some_of(series, True))]


def errors(net, series, start):
    """Mean absolute error, RMSE and coverage per horizon on rows from `start` on; all rows before have only passed by."""
    neighbours = series.neighbours
    if neighbours is None and series.values.shape[1] > 1:
        neighbours = f.find_neighbours(series.values[:start], series.slots[:start], series.days[:start])
    x, scale, _ = f.run(series.values, series.slots, series.days, neighbours)
    with torch.no_grad():
        out = np.stack([net(torch.from_numpy(row)).numpy() for row in x[start:-f.STEPS]]) * scale[start : -f.STEPS, :, None, None]
    result = {}
    for step in (1, 3, 6, 12):
        actual = series.values[start + step : len(series.values) - f.STEPS + step]
        p10, p50, p90, mean = np.moveaxis(out[:, :, step - 1], 2, 0)
        ok = np.isfinite(actual)
        result[f"{step * 5}min"] = {
            "mae": round(float(np.abs(actual - p50)[ok].mean()), 3),
            "rmse": round(float(np.sqrt(((actual - mean)[ok] ** 2).mean())), 3),
            "coverage": round(float(((actual >= p10) & (actual <= p90))[ok].mean()), 3),
        }
    return result


def range_of(*parts):
    low, high = (np.stack([np.quantile(part, q, 0) for part in parts]) for q in (0.001, 0.999))
    return {"low": low.min(0).round(4).tolist(), "high": high.max(0).round(4).tolist()}


def probe_of(*parts):
    rows = [part[:: max(1, len(part) // 4)][:4] for part in parts] + [np.zeros((1, f.FEATURES), np.float32)]
    return np.concatenate(rows).round(6).astype(np.float32)


def export(net, out, card, probe):
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, "model.onnx")
    torch.onnx.export(
        net, torch.from_numpy(probe), path, opset_version=13, input_names=["features"], output_names=["forecast"],
        dynamic_axes={"features": {0: "series"}, "forecast": {0: "series"}},
    )
    with open(path, "rb") as file:
        card["sha256"] = hashlib.sha256(file.read()).hexdigest()
    with torch.no_grad():
        answer = net(torch.from_numpy(probe)).numpy()
    card["vector"] = {"features": probe.round(6).tolist(), "forecast": answer.reshape(len(probe), -1).round(5).tolist()}
    with open(os.path.join(out, "card.json"), "w", encoding="utf-8") as file:
        json.dump(card, file, indent=1)
        file.write("\n")
    print(path, os.path.getsize(path), "bytes", card["sha256"])


def main():
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--quantity", choices=["flow", "speed"], required=True)
    read.add_argument("--pems"), read.add_argument("--los"), read.add_argument("--history"), read.add_argument("--out")
    read.add_argument("--seed", type=int, default=20)
    read.add_argument("--members", type=int, default=3)
    read.add_argument("--epochs", type=int, default=None)
    read.add_argument("--streets", type=int, default=None), read.add_argument("--columns", type=int, default=32)
    read.add_argument("--id", default=None), read.add_argument("--date", default=None)
    read.add_argument("--validate", action="store_true"), read.add_argument("--unseen", action="store_true")
    given = read.parse_args()
    rng = np.random.default_rng(given.seed)
    is_flow = given.quantity == "flow"
    real = []
    if given.pems and is_flow:
        real.append(datasets.pems(given.pems))
    if given.los and not is_flow:
        real.append(datasets.los_loop(given.los))
    if given.history:
        series = datasets.exported(given.history, given.quantity)
        real += [series] if series else []
    if not given.validate and not given.out:
        sys.exit("train.py: --out or --validate is needed")
    learned = [cut(series, 0.8) for series in real] if given.validate else real
    if given.unseen:
        learned = [some_of(series, False) for series in learned]
    if is_flow:
        blocks, weights = flow_blocks(learned, rng, given.columns, given.streets or 6)
    else:
        blocks, weights = speed_blocks(learned, rng, given.streets or 2)
    x, y, w = assemble(blocks, weights, by_noise=is_flow)
    print(given.quantity, "samples", x.shape, flush=True)
    epochs = given.epochs or (5 if is_flow else 3)
    how = dict(batch=512 if is_flow else 1024, rate=1e-3 if is_flow else 2e-3, mean_weight=8.0 if is_flow else 10.0)
    log = lambda line: print(line, flush=True)
    young, parts = None, [x]
    if sum(series.values.shape[1] for series in learned) >= YOUNG_SERIES_MIN:
        born = np.random.default_rng(given.seed + 1_000)  # Of its own: the members are the same with and without it.
        fresh = assemble(*young_blocks(learned, born, is_flow, given.streets or 4), by_noise=is_flow)
        print("first days", fresh[0].shape, flush=True)
        young = network.train(*fresh, given.seed + 1_000, YOUNG_EPOCHS, log=log, **how, **YOUNG_SIZE)
        parts.append(fresh[0])
    members = []
    for i in range(given.members):
        members.append(network.train(x, y, w, given.seed + i, epochs, log=log, **how))
        if given.validate:
            for series, part in zip(real, learned):
                net, start = network.Ensemble(members, young).eval(), len(part.values)
                for name, judged in parts_of(series, given.unseen):
                    print(name, json.dumps(errors(net, judged, start)), flush=True)
    if not given.out:
        return
    date = given.date or datetime.datetime.utcnow().strftime("%Y-%m-%d")
    card = {
        "id": given.id or f"{given.quantity}-{date}",
        "quantities": ["vehiclesPer5Min", "occupancyPercent"] if is_flow else ["speedKmh"],
        "date": date,
        "seed": given.seed,
        "members": given.members,
        "learnedFrom": [series.describe() for series in learned] + [{"name": "synthetic days", "seed": given.seed}],
        "firstDay": young and {"seed": given.seed + 1_000, "learnedFrom": [series.describe() for series in learned]},
        "input": {"name": "features", "shape": [None, f.FEATURES], "layout": [[n, w] for n, w in f.layout]},
        "output": {
            "name": "forecast",
            "shape": [None, f.STEPS, 4],
            "columns": ["p10", "p50", "p90", "mean"],
            "unit": "scale of the series: mean level + 1",
        },
        "inputRange": range_of(*parts),
    }
    probe = probe_of(*parts)
    export(network.Ensemble(members, young).eval(), given.out, card, probe)


if __name__ == "__main__":
    main()
