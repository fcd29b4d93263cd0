"""A table of numbers and categories through a FeatureSpace: who survived the Titanic?

python examples/titanic.py titanic.csv [--epochs 40]

The file has the columns of the well-known passenger list; only those named below are used.
"""

import argparse
import csv

import numpy as np

import ranvier as keras
from ranvier import layers
from ranvier.utils import FeatureSpace

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file", help="CSV with a header")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--save", default="titanic.keras", help="where the model goes")
options = parser.parse_args()

with open(options.file, newline="") as file:
    rows = [{key.lower(): value for key, value in row.items()} for row in csv.DictReader(file)]
keras.utils.set_random_seed(1)
rows = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]


def column(name, convert=str, missing=None):
    return np.array([convert(row[name]) if row[name] else missing for row in rows])


columns = {
    "age": column("age", float, 28.0),
    "fare": np.log1p(column("fare", float, 0.0)),
    "relatives": column("sibsp", int, 0) + column("parch", int, 0),
    "sex": column("sex", missing="unknown"),
    "pclass": column("pclass", int, 3),
    "embarked": column("embarked", missing="unknown"),
}
survived = column("survived", int, 0).astype("float32")
held = len(rows) // 5
train = {name: values[held:] for name, values in columns.items()}
test = {name: values[:held] for name, values in columns.items()}

space = FeatureSpace(
    {
        "age": FeatureSpace.float_discretized(8),
        "fare": "float_normalized",
        "relatives": "integer_categorical",
        "sex": "string_categorical",
        "pclass": "integer_categorical",
        "embarked": "string_categorical",
    },
    crosses=[("sex", "pclass"), ("sex", "age")],
    crossing_dim=32,
)
space.adapt(train)
hidden = layers.Dropout(0.3)(layers.Dense(16, activation="relu")(space.get_encoded_features()))
model = keras.Model(space.get_inputs(), layers.Dense(1, activation="sigmoid")(hidden))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(train, survived[held:], batch_size=32, epochs=options.epochs, verbose=2)
loss, accuracy = model.evaluate(test, survived[:held], verbose=0)
print(f"Test loss {loss:.4f}, accuracy {100 * accuracy:.2f} %")
model.save(options.save)
