"""Writes the vector that holds features.py and gateway/prediction/online/features.ts to the same numbers.

    /usr/bin/python3 gateway/prediction/training/make_vector.py test/gateway/prediction/features.vector.json
"""
import json
import sys

import numpy as np

import features as f
import synthetic

rng = np.random.default_rng(5)
counts, days, upstream = synthetic.street(rng, 4, 6, 60.0)
counts[rng.random(counts.shape) < 0.03] = np.nan
counts[400:409, 2] = np.nan
first_day = int(days[0])
neighbours = np.full((6, f.NEIGHBOURS), -1)
neighbours[:, 0] = upstream
neighbours[:3, 2] = 5
slots = np.arange(len(counts)) % f.SLOTS
x, scale, _ = f.run(counts, slots, days, neighbours)
rows = [0, 1, 5, 13, 287, 288, 404, 700, len(counts) - 1]
json.dump(
    {
        "firstDayOfWeek": first_day,
        "values": [[None if np.isnan(v) else int(v) for v in row] for row in counts],
        "neighbours": neighbours.tolist(),
        "checks": [{"row": r, "features": x[r].round(5).tolist(), "scale": scale[r].round(5).tolist()} for r in rows],
    },
    open(sys.argv[1], "w", encoding="utf-8"),
)
