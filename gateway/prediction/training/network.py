"""The architecture: one for every detector and quantity.

    features [N, 105] ─ normalise ─┬─ linear ───────────────────────────┐
                                   ├─ GRU over 12 lags ─┐               ├─ + ─▶ forecast [N, 12, 4]
                                   └────────────────────┴─ two layers ──┘       p10, p50, p90, mean per 5-minute step

- The linear part starts as the ridge solution, so the network begins where the best plain method ends and has only
  to learn what that leaves over.
- Quantiles cannot cross: the outer ones are the median less and plus something positive.
- `Ensemble` is the mean of several, in one file, where it was trained with one more for a detector's first day: there the
  profile is only the mean of the last half hour, and what is right for a known detector is wrong. Whether the hour ahead
  was ever seen decides which of them speaks, so neither has to compromise for the other.
"""
import numpy as np
import torch
import torch.nn as nn

from features import FEATURES, LAGS, STEPS, layout

DAYS_AT = sum(width for name, width in layout[: [name for name, _ in layout].index("days")])
INPUT_CLAMP = 6.0
LINEAR_CLAMP = 12.0


def first_day(features):
    """1 where neither five minutes nor an hour ahead was seen on any day before, 0 where one of them was."""
    soon, later = features[:, DAYS_AT : DAYS_AT + 1], features[:, DAYS_AT + 1 : DAYS_AT + 2]
    return (1 - 3 * (soon + (later - soon).clip(min=0))).clip(min=0)


class Forecaster(nn.Module):
    def __init__(self, mean, spread, ridge, hidden=96, recurrent=24, dropout=0.1):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.linear = nn.Linear(FEATURES, STEPS)
        self.linear.weight.data = ridge[:-1].T.clone()
        self.linear.bias.data = ridge[-1].clone()
        self.gru = nn.GRU(3, recurrent, batch_first=True)
        self.first = nn.Linear(FEATURES + recurrent, hidden)
        self.second = nn.Linear(hidden, hidden // 2)
        self.last = nn.Linear(hidden // 2, STEPS * 4)
        self.last.weight.data *= 0.1
        self.drop = nn.Dropout(dropout)

    def forward(self, features):
        scaled = (features - self.mean) / self.spread
        base = self.linear(scaled.clamp(-LINEAR_CLAMP, LINEAR_CLAMP))
        seen = scaled.clamp(-INPUT_CLAMP, INPUT_CLAMP)
        lags = seen[:, : 3 * LAGS].reshape(-1, 3, LAGS).transpose(1, 2)
        _, state = self.gru(lags)
        hidden = torch.relu(self.first(torch.cat([seen, state[0]], 1)))
        hidden = torch.relu(self.second(self.drop(hidden)))
        out = self.last(self.drop(hidden)).reshape(-1, STEPS, 4)
        p50 = base + out[:, :, 1]
        p10 = p50 - nn.functional.softplus(out[:, :, 0] - 2)
        p90 = p50 + nn.functional.softplus(out[:, :, 2] - 2)
        return torch.stack([p10, p50, p90, base + out[:, :, 3]], 2)


class Ensemble(nn.Module):
    def __init__(self, members, young):
        super().__init__()
        self.members, self.young = nn.ModuleList(members), young

    def forward(self, features):
        known = torch.stack([member(features) for member in self.members]).mean(0)
        if self.young is None:
            return known
        share = first_day(features)[:, :, None]
        return (1 - share) * known + share * self.young(features)


def ridge(x, y, weight, strength=3.0):
    """Least squares with a penalty, last row the constant; samples with any unknown target are left out."""
    whole = weight.min(1) > 0
    a = np.c_[x[whole], np.ones(whole.sum(), np.float32)]
    w = weight[whole].mean(1, keepdims=True)
    penalty = strength * np.eye(a.shape[1])
    penalty[-1, -1] = 1e-6
    gram = (a * w).T.astype(np.float64) @ a + penalty
    return torch.tensor(np.linalg.solve(gram, (a * w).T @ y[whole]), dtype=torch.float32)


QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def loss_of(out, y, weight, mean_weight):
    error = y[:, :, None] - out[:, :, :3]
    pinball = torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).sum(2)
    square = (y - out[:, :, 3]) ** 2
    return ((2 * pinball + mean_weight * square) * weight).sum() / weight.sum()


def train(x, y, weight, seed, epochs, batch=512, rate=1e-3, mean_weight=8.0, log=print, **size):
    torch.manual_seed(seed)
    shuffle = np.random.default_rng(seed)
    mean, spread = x.mean(0), x.std(0) + 1e-3
    net = Forecaster(torch.tensor(mean), torch.tensor(spread), ridge((x - mean) / spread, y, weight), **size)
    linear = list(net.linear.parameters())
    rest = [p for name, p in net.named_parameters() if not name.startswith("linear")]
    optimiser = torch.optim.AdamW(
        [dict(params=linear, lr=rate * 0.05, weight_decay=0.0), dict(params=rest, lr=rate, weight_decay=1e-3)]
    )
    per_epoch = len(x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate * 0.05, rate], total_steps=epochs * per_epoch + 1, pct_start=0.15
    )
    x, y, weight = (torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (x, y, weight))
    for epoch in range(epochs):
        net.train()
        order, total = torch.from_numpy(shuffle.permutation(len(x))), 0.0
        for i in range(per_epoch):
            rows = order[i * batch : (i + 1) * batch]
            loss = loss_of(net(x[rows]), y[rows], weight[rows], mean_weight)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        log(f"seed {seed} epoch {epoch + 1}/{epochs} loss {total / per_epoch:.4f}")
    net.eval()
    return net
