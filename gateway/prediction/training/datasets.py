"""Training rows, and the proof that they are only that.

Every reader here returns a `Series`: values [T, N], slot and day of week per row, and what the rows were cut from.
A published data set is cut at its published split before anything else sees it; `fingerprint` is the checksum of
exactly the numbers a model may learn from, and goes into the model card. The evaluator computes it again.
"""
import csv
import datetime
import hashlib
import json
import os
from dataclasses import dataclass, field

import numpy as np

SLOTS = 288


@dataclass
class Series:
    name: str
    values: np.ndarray
    slots: np.ndarray
    days: np.ndarray
    rows_of: int
    neighbours: np.ndarray = None
    names: list = field(default_factory=list)

    def fingerprint(self):
        """SHA-256 over the rows as little-endian float32, row by row."""
        return hashlib.sha256(np.ascontiguousarray(self.values, "<f4").tobytes()).hexdigest()

    def describe(self):
        return {
            "name": self.name,
            "rows": len(self.values),
            "rowsOf": self.rows_of,
            "series": self.values.shape[1],
            "sha256": self.fingerprint(),
        }


def pems(folder):
    """train.csv alone: the file with the test rows is never opened."""
    with open(os.path.join(folder, "train.csv"), encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))[1:]
    times = [datetime.datetime.strptime(row[0], "%d/%m/%Y %H:%M") for row in rows]
    values = np.array([[float(row[1] or 0)] for row in rows])
    assert len(values) == 7776 and max(times) < datetime.datetime(2016, 3, 1), "these are not the published training rows"
    return Series("pems-tfp", values, *clock(times), rows_of=len(values))


def los_loop(folder):
    """The first 80 % of the rows, cut before anything else is done with them."""
    with open(os.path.join(folder, "los_speed.csv"), encoding="utf-8") as file:
        rows = list(csv.reader(file))
    split = int((len(rows) - 1) * 0.8)
    values = np.array(rows[1 : 1 + split], float)
    assert values.shape == (1612, 207), "these are not the published training rows"
    start = datetime.datetime(2012, 3, 1)
    times = [start + datetime.timedelta(minutes=5 * i) for i in range(split)]
    return Series("tgcn-los", values, *clock(times), rows_of=len(rows) - 1, names=rows[0])


def exported(folder, quantity, share=0.8):
    """What `npm run evaluate -- export` wrote: <quantity>.csv with a time and a column per detector, 5 minutes a row."""
    path = os.path.join(folder, quantity + ".csv")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        rows = list(csv.reader(file))
    split = int((len(rows) - 1) * share)
    kept = rows[1 : 1 + split]
    times = [datetime.datetime.fromisoformat(row[0].replace("Z", "+00:00")) for row in kept]
    values = np.array([[float(x) if x else np.nan for x in row[1:]] for row in kept])
    neighbours = None
    table = os.path.join(folder, "neighbours.json")
    if os.path.exists(table):
        with open(table, encoding="utf-8") as file:
            known = json.load(file)
        at = {name: i for i, name in enumerate(rows[0][1:])}
        lists = [[at[n] for n in known.get(name, []) if n in at][:6] for name in rows[0][1:]]
        neighbours = np.array([line + [-1] * (6 - len(line)) for line in lists])
    return Series(quantity, values, *clock(times), rows_of=len(rows) - 1, neighbours=neighbours, names=rows[0][1:])


def clock(times):
    slots = np.array([t.hour * 12 + t.minute // 5 for t in times])
    return slots, np.array([t.weekday() for t in times])
