"""What a network is shown of a series: the same numbers as gateway/prediction/online computes.

- Online and causal: row t knows values up to t and nothing later; the profile, the scale and the residuals are the
  state after value t.
- Everything is in units of the series' own scale (its mean level + 1), so that one network serves every detector.
- The order of the columns is `layout`; test/gateway/prediction/features.test.ts holds TypeScript and this file to one vector.

Slots are 5 minutes, 288 a day; a missing value is NaN.
"""
import numpy as np

LAGS = 12
STEPS = 12
SLOTS = 288
NEIGHBOURS = 6
AREA_SERIES_MIN = 5
KERNEL = np.array([1, 2, 3, 4, 3, 2, 1.0])
RESIDUAL_MEMORIES = (6, 24, 96)

layout = (
    [("residual", LAGS), ("value", LAGS), ("known", LAGS), ("profile", STEPS), ("rawProfile", STEPS)]
    + [("days", 4), ("residualMean", 3), ("noise", 1), ("deviation", 1), ("level", 1), ("timeOfDay", 4), ("dayOfWeek", 3)]
    + [("neighbourNow", NEIGHBOURS), ("neighbourBefore", NEIGHBOURS), ("neighbourTrend", NEIGHBOURS)]
    + [("neighbourKnown", NEIGHBOURS), ("neighbourMean", 2), ("area", 2)]
)
FEATURES = sum(width for _, width in layout)


class State:
    """Of N series side by side."""

    def __init__(self, series, neighbours=None):
        n = series
        self.n = n
        self.value = np.zeros((3, n, SLOTS))
        self.count = np.zeros((3, n, SLOTS))
        self.seen = np.zeros(n)
        self.level = np.zeros(n)
        self.deviation = np.zeros(n)
        self.recent = np.zeros(n)
        self.residual_means = np.zeros((n, len(RESIDUAL_MEMORIES)))
        self.values = np.zeros((n, LAGS))
        self.residuals = np.zeros((n, LAGS))
        self.known = np.zeros((n, LAGS))
        self.neighbours = neighbours
        self.rows = np.arange(n)[:, None]

    def scale(self):
        return self.level + 1.0

    def profile(self, slots, types):
        """slots [M], types [N, M] → smooth, raw, days, days of type, each [N, M]."""
        at = (np.asarray(slots)[:, None] + np.arange(-3, 4)) % SLOTS
        every = self.count[0][:, at]
        rows, kind = self.rows[:, :, None], 1 + types[:, :, None]
        own = self.count[kind, rows, at]
        weight = own / (own + 1.5)
        blend = weight * self.value[kind, rows, at] + (1 - weight) * self.value[0][:, at]
        kernel = KERNEL * np.minimum(every, 8.0)
        total = kernel.sum(2)
        smooth = np.where(total > 0, (kernel * blend).sum(2) / np.maximum(total, 1e-9), self.recent[:, None])
        days = every[:, :, 3]
        return smooth, np.where(days > 0, blend[:, :, 3], smooth), days, own[:, :, 3]

    def update(self, x, slot, kind):
        """x [N], slot a number, kind [N]: 0 weekday, 1 weekend."""
        ok = np.isfinite(x)
        expected = self.profile([slot], kind[:, None])[0][:, 0]
        expected = np.where(ok & (self.seen == 0), x, expected)
        value = np.where(ok, x, expected)
        residual = value - expected
        self.seen += ok
        follow = lambda mean, now, memory: np.where(
            ok, mean + np.maximum(1 / np.maximum(self.seen, 1), 1 / memory) * (now - mean), mean
        )
        self.level = follow(self.level, np.abs(value), 2016)
        self.deviation = follow(self.deviation, np.abs(residual), 576)
        self.recent = follow(self.recent, value, 6)
        for i, memory in enumerate(RESIDUAL_MEMORIES):
            self.residual_means[:, i] += (residual - self.residual_means[:, i]) / memory
        rows = self.rows[:, 0]
        for kinds in (np.zeros(self.n, int), 1 + kind):
            days = self.count[kinds, rows, slot]
            rate = np.maximum(1 / (days + 1), 0.05)
            before = self.value[kinds, rows, slot]
            self.value[kinds, rows, slot] = np.where(ok, before + rate * (value - before), before)
            self.count[kinds, rows, slot] = np.minimum(days + ok, 255)
        for ring, now in ((self.values, value), (self.residuals, residual), (self.known, ok)):
            ring[:, :-1] = ring[:, 1:]
            ring[:, -1] = now

    def features(self, slot, day):
        """slot and day of week [N] of the value just taken in → [N, FEATURES]."""
        s = self.scale()[:, None]
        ahead = slot + np.arange(1, STEPS + 1)
        types = ((day[:, None] + ahead // SLOTS) % 7 >= 5).astype(int)
        smooth, raw, days, own = self.profile(ahead % SLOTS, types)
        smooth, raw = smooth / s, raw / s
        counts = np.stack([days[:, 0], days[:, -1], own[:, 0], own[:, -1]], 1)
        angle = 2 * np.pi * slot / SLOTS
        time_of_day = np.tile([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], (self.n, 1))
        week = 2 * np.pi * (day + slot / SLOTS) / 7
        day_of_week = np.stack([np.sin(week), np.cos(week), 1.0 * (day >= 5)], 1)
        r, v = self.residuals / s, self.values / s
        around = np.zeros((self.n, 4 * NEIGHBOURS + 4))
        if self.neighbours is not None:
            at = np.maximum(self.neighbours, 0)
            has = 1.0 * (self.neighbours >= 0)
            k = NEIGHBOURS
            around[:, 0:k] = r[at, -1] * has
            around[:, k : 2 * k] = r[at, -3] * has
            around[:, 2 * k : 3 * k] = (v[at, -1] - v[at, -4]) * has
            around[:, 3 * k : 4 * k] = has
            count = np.maximum(has.sum(1), 1)
            around[:, 4 * k] = around[:, 0:k].sum(1) / count
            around[:, 4 * k + 1] = around[:, k : 2 * k].sum(1) / count
            if self.n >= AREA_SERIES_MIN:
                around[:, 4 * k + 2] = r[:, -1].mean()
                around[:, 4 * k + 3] = (r[:, -1] - r[:, -4]).mean()
        parts = [r, v, self.known, smooth, raw - smooth, counts / (counts + 2), self.residual_means / s]
        parts += [np.sqrt(self.level)[:, None] / s, self.deviation[:, None] / s, np.log1p(self.level)[:, None] / 5]
        return np.concatenate(parts + [time_of_day, day_of_week, around], 1).astype(np.float32)


def run(values, slots, days, neighbours=None, state=None):
    """values [T, N], slots [T], days of week [T] or [T, N] → features [T, N, F], scale [T, N], state."""
    steps, series = values.shape
    state = state or State(series, neighbours)
    days = np.broadcast_to(days[:, None] if days.ndim == 1 else days, (steps, series))
    out = np.zeros((steps, series, FEATURES), np.float32)
    scale = np.zeros((steps, series), np.float32)
    for t in range(steps):
        state.update(values[t], slots[t], (days[t] >= 5).astype(int))
        out[t] = state.features(slots[t], days[t])
        scale[t] = state.scale()
    return out, scale, state


def find_neighbours(values, slots, days, score_min=0.05):
    """Who, among series measured together, tells earliest what a series will do: from these rows only.

    Correlation of j's residual now with what i's own residual does not explain of i's residual 15 and 30 minutes on.
    """
    features, _, _ = run(values, slots, days)
    r = features[SLOTS:, :, LAGS - 1].astype(float)
    if len(r) < SLOTS or values.shape[1] < 2:
        return np.full((values.shape[1], NEIGHBOURS), -1)
    r = r - r.mean(0)
    score = np.zeros((r.shape[1], r.shape[1]))
    for step in (3, 6):
        now, then = r[:-step], r[step:]
        own = (now * then).sum(0) / np.maximum((now * now).sum(0), 1e-9)
        rest = then - own * now
        score += (rest.T @ now) / np.sqrt(np.outer((rest**2).sum(0), (now**2).sum(0)) + 1e-9)
    np.fill_diagonal(score, -1)
    best = np.argsort(-score, 1)[:, :NEIGHBOURS]
    best = np.pad(best, ((0, 0), (0, NEIGHBOURS - best.shape[1])), constant_values=0)[:, :NEIGHBOURS]
    kept = np.take_along_axis(score, best, 1) > score_min
    kept[:, min(NEIGHBOURS, r.shape[1]) :] = False
    return np.where(kept, best, -1)
