"""Forecasting: a series with a trend, two seasons and noise, from windows of its past.

A convolutional and a recurrent network are compared with saying that next is as now, and as a
season ago.

python examples/timeseries.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
PAST, SEASON = 48, 24
rng = np.random.default_rng(0)
t = np.arange(3000 if QUICK else 12000)
series = 1e-4 * t + np.sin(2 * np.pi * t / SEASON) + 0.5 * np.sin(2 * np.pi * t / 168)
series = (series + 0.1 * rng.normal(size=len(t))).astype("float32")
cut = int(0.8 * len(series))
mean, deviation = series[:cut].mean(), series[:cut].std()
scaled = (series - mean) / deviation


def windows(part, shuffle):
    """Batches of (PAST values, the one that follows)."""
    return keras.utils.timeseries_dataset_from_array(
        part[:-PAST][:, None] if len(part) <= PAST else part[:, None], part[PAST:],
        sequence_length=PAST, batch_size=64, shuffle=shuffle, seed=1 if shuffle else None,
    )  # fmt: skip


train, held = windows(scaled[:cut], True), windows(scaled[cut - PAST :], False)


def convolutional():
    return keras.Sequential([
        keras.Input((PAST, 1)),
        layers.Conv1D(32, 5, activation="relu", padding="causal"),
        layers.Conv1D(32, 5, activation="relu", padding="causal", dilation_rate=4),
        layers.Flatten(),
        layers.Dense(1),
    ])  # fmt: skip


def recurrent():
    return keras.Sequential([keras.Input((PAST, 1)), layers.LSTM(32), layers.Dense(1)])


truth = series[cut:]
print(f"as now: {np.abs(truth - series[cut - 1 : -1]).mean():.3f}")
season_ago = np.abs(truth - series[cut - SEASON : -SEASON]).mean()
print(f"as a season ago: {season_ago:.3f}")
for make in (convolutional, recurrent):
    keras.utils.set_random_seed(1)
    model = make()
    model.compile(keras.optimizers.Adam(2e-3), "mse", metrics=["mae"])
    model.fit(train, epochs=4 if QUICK else 10, verbose=0)
    _, error = model.evaluate(held, verbose=0)
    print(f"{make.__name__}: {error * deviation:.3f}")
