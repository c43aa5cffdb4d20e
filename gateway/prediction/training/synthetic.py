"""Made-up days: what the simulated street needs, and volumes and gaps that no published detector shows.

Poisson arrivals over rush hours, with days that are stronger or weaker, slow drifts, incidents, weekends, and a
neighbour upstream whose surplus comes by five minutes later. Nothing in here is taken from data.
"""
import numpy as np

SLOTS = 288


def street(rng, days, series, mean_max):
    """Counts per 5 minutes [days*288, series], days of week [rows], neighbour upstream [series]."""
    n, hour = series, (np.arange(SLOTS) / 12.0)[:, None]
    bell = lambda at, width: np.exp(-0.5 * ((hour - at) / width) ** 2)
    u = lambda low, high: rng.uniform(low, high, n)
    mean = np.exp(u(np.log(0.5), np.log(mean_max)))
    awake = 1 / (1 + np.exp(-1.5 * (hour - u(5, 7.5)))) / (1 + np.exp(0.9 * (hour - u(19, 23))))
    work = 0.06 + 0.7 * awake + u(0, 2.5) * bell(u(6.5, 9.5), u(0.7, 2)) + u(0.3, 2.5) * bell(u(15.5, 18.5), u(1, 3))
    rest = 0.06 + u(0.4, 0.9) * bell(u(13, 16), u(3, 5))
    work, rest = work / work.mean(0), rest / rest.mean(0) * u(0.5, 0.8)
    common, drift = rng.uniform(0.02, 0.08), u(0.005, 0.03) * rng.choice([0.3, 1.0, 1.5])
    stay, spread = rng.choice([0.9, 0.97, 0.99]), rng.choice([0.0, 0.0, 0.02, 0.05])
    upstream = np.r_[-1, np.arange(n - 1)]
    share = u(0, 0.7) * (rng.random(n) < 0.7) * (upstream >= 0)
    slow, area, first = np.zeros(n), 0.0, rng.integers(7)
    counts, surplus = np.zeros((days * SLOTS, n)), np.ones(n)
    for day in range(days):
        factor = np.exp(rng.normal(0, common) + rng.normal(0, 0.04, n))
        curve = np.roll(rest if (first + day) % 7 >= 5 else work, int(np.round(rng.normal(0, 1.5))), 0)
        incident = np.ones((SLOTS, n))
        for _ in range(rng.poisson(0.15 * n)):
            at, long = rng.integers(60, 270), rng.integers(4, 24)
            strength = rng.uniform(0.2, 0.8) if rng.random() < 0.7 else rng.uniform(1.2, 1.6)
            incident[at : at + long, rng.integers(n)] *= strength
        for slot in range(SLOTS):
            slow = stay * slow + rng.normal(0, drift)
            area = 0.97 * area + rng.normal(0, 0.01)
            rate = mean * factor * curve[slot] * np.exp(slow + area) * incident[slot]
            rate = rate * (1 - share + share * surplus[upstream])
            if spread:
                rate = rate * rng.gamma(1 / spread, spread, n)
            now = rng.poisson(rate)
            surplus = (now + 1) / (rate + 1)
            counts[day * SLOTS + slot] = now
    return counts, (first + np.arange(days * SLOTS) // SLOTS) % 7, upstream


def street_speeds(rng, counts):
    """Mean speeds for those counts: slower when busy, noisier when few pass, none when nobody does."""
    n = counts.shape[1]
    free, capacity = rng.uniform(25, 70, n), np.quantile(counts, 0.98, 0) * rng.uniform(0.9, 1.6, n) + 1
    busy = np.minimum(counts / capacity, 1.3)
    level = free * (1 - rng.uniform(0.1, 0.6, n) * busy ** rng.uniform(1, 4, n))
    noise = rng.normal(0, 1, counts.shape) * 0.18 * free / np.sqrt(np.maximum(counts, 1))
    speeds = np.clip(level + noise, 2, None)
    speeds[counts == 0] = np.nan
    return speeds
