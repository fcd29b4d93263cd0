"""Forecasts from windows of a series: the next month's sunspots from the last years.

python examples/sunspots.py monthly-sunspots.csv [--epochs 20]

The file has a header and a line `"month",value` per month. The forecast is compared with the value
of the last month, which is hard to beat.
"""

import argparse
import csv

import numpy as np

import ranvier as keras
from ranvier import layers

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file", help="CSV with the value in the last column")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--window", type=int, default=132, help="months to look back on")
options = parser.parse_args()

with open(options.file, newline="") as file:
    values = np.array(
        [float(row[-1]) for row in list(csv.reader(file))[1:] if row], dtype="float32"
    )
keras.utils.set_random_seed(1)
cut = len(values) * 8 // 10
normalize = layers.Normalization(axis=None)
normalize.adapt(values[:cut])
series = np.asarray(normalize(values))[:, None]


def windows(part, **arguments):
    """Windows of a part of the series, each with the change to the month that follows."""
    return keras.utils.timeseries_dataset_from_array(
        part, part[options.window :] - part[options.window - 1 : -1], options.window,
        batch_size=64, **arguments,
    )  # fmt: skip


train = windows(series[:cut], shuffle=True, seed=1)
test = windows(series[cut - options.window :])
model = keras.Sequential([
    keras.Input((options.window, 1)),
    layers.Conv1D(16, 12, strides=3, activation="relu"),
    layers.GRU(24),
    layers.Dense(1),
])  # fmt: skip
model.compile("adam", "mse", metrics=["mae"])
model.summary()
model.fit(train, epochs=options.epochs, verbose=2)
_, error = model.evaluate(test, verbose=0)
naive = np.mean([np.abs(np.asarray(change)).mean() for _, change in test])
unit = float(np.sqrt(np.asarray(normalize.variance)).item())
print(f"Mean error {error * unit:.2f} sunspots; {naive * unit:.2f} if nothing ever changed")
