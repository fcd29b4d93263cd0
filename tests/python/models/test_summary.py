"""The table of `Model.summary`, character by character as Keras prints it."""

from __future__ import annotations

import pytest

import ranvier as keras
from ranvier import layers


def text_of(model, **kwargs):
    parts = []
    model.summary(print_fn=parts.append, line_length=60, **kwargs)
    return "".join(parts)


def chain():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="a"), layers.BatchNormalization(name="normal")],
        name="chain",
    )


def test_chain():
    assert (
        text_of(chain())
        == """\
Model: "chain"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ a (Dense)                │ (None, 3)         │        15 │
├──────────────────────────┼───────────────────┼───────────┤
│ normal                   │ (None, 3)         │        12 │
│ (BatchNormalization)     │                   │           │
└──────────────────────────┴───────────────────┴───────────┘
 Total params: 27 (108.00 B)
 Trainable params: 21 (84.00 B)
 Non-trainable params: 6 (24.00 B)
"""
    )


def test_connections_trainable_and_nested_layers():
    inputs = keras.Input((4,), name="x")
    outputs = layers.Add(name="sum")([chain()(inputs), layers.Dense(3, name="d")(inputs)])
    model = keras.Model(inputs, outputs, name="graph")
    text = text_of(model, expand_nested=True, show_trainable=True)
    assert "│    └ a " in text and "│ chain[0][0… │" in text
    assert "┃ Tr… ┃" in text and "(BatchNormal…" in text
    assert text.splitlines()[1].count("┳") == 4
    only = text_of(model, layer_range=["d", "sum"])
    assert "│ d (Dense)" in only and "(InputLayer)" not in only
    with pytest.raises(ValueError, match="Passed layer_names"):
        text_of(model, layer_range=["no", "such"])
    with pytest.raises(ValueError, match="Insufficient console width"):
        model.summary(line_length=10)


def test_positions_and_unbuilt_layers():
    model = keras.Sequential([layers.Dense(3, name="a")], name="m")
    lines = text_of(model, positions=[0.5, 0.75, 1.0]).splitlines()
    assert lines[-5].endswith("│  0 (unbuilt) │") and len(lines[1]) == 60


def test_own_layers_show_a_shape_only_with_a_rule_and_structures_as_they_are(monkeypatch):
    class Bare(layers.Layer):
        def call(self, x):
            return x

    class Ruled(Bare):
        def compute_output_shape(self, input_shape):
            return input_shape

    class Halves(layers.Layer):
        def call(self, x):
            return {"low": keras.ops.sum(x, 1), "high": [x]}

    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.parts = [Bare(), Ruled(), layers.Dense(2)]

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    model = Own()
    model(keras.ops.ones((5, 3)))
    rows = [line.split("│") for line in text_of(model).splitlines() if line.startswith("│")]
    shapes = [row[2].strip() for row in rows]
    assert shapes == ["?", "(5, 3)", "(5, 2)"]

    x = keras.Input((3,))
    graph = keras.Model(x, Halves()(x))
    monkeypatch.setenv("COLUMNS", "150")
    text = []
    graph.summary(print_fn=text.append, line_length=150)
    assert "[(None, 3), (None)]" in text[0]

    class Around(keras.Model):
        def __init__(self):
            super().__init__()
            self.graph = keras.Model(x, [x, layers.Dense(1)(x)])

        def call(self, inputs):
            return self.graph(inputs)[1]

    model = Around()
    model(keras.ops.ones((5, 3)))
    model.summary(print_fn=text.append, line_length=150)
    assert "((None, 3), (None, 1))" in text[1]
