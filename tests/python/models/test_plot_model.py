"""Pictures of models as Graphviz text."""

from __future__ import annotations

import sys

import pytest

import ranvier as keras
from ranvier import layers
from ranvier.utils import model_to_dot, plot_model


def nested():
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, activation="relu", name="first"),
         layers.Dense(4, name="second")], name="inner",
    )  # fmt: skip
    inputs = keras.Input((4,), name="in")
    x = layers.Add(name="sum")([inputs, inner(inputs)])
    return keras.Model(inputs, layers.Dense(2, name="head", trainable=False)(x), name="outer")


def test_without_pydot(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    for draw in (model_to_dot, plot_model):
        with pytest.raises(ImportError, match="pip install pydot"):
            draw(nested())


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="not yet been built"):
        model_to_dot(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="layer_range"):
        plot_model(nested(), layer_range=["a", "b"])
    with pytest.raises(ValueError, match="Unrecognized"):
        model_to_dot(nested(), colour="red")


class TestWithPydot:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("pydot")

    def names(self, dot):
        labels = {
            n.get_name().strip('"'): n.get("label") for n in dot.get_nodes() if n.get("label")
        }
        for cluster in dot.get_subgraphs():
            labels.update(self.names(cluster))
        return labels

    def edges(self, dot, labels):
        found = [
            (e.get_source().strip('"'), e.get_destination().strip('"')) for e in dot.get_edges()
        ]
        short = {key: text.split("<b>")[1].split("</b>")[0] for key, text in labels.items()}
        pairs = {(short[a], short[b]) for a, b in found}
        for cluster in dot.get_subgraphs():
            pairs |= self.edges(cluster, labels)
        return pairs

    def test_graph(self):
        dot = model_to_dot(nested(), show_shapes=True, show_dtype=True, show_trainable=True)
        labels = self.names(dot)
        assert len(labels) == 4
        assert self.edges(dot, labels) == {
            ("in", "inner"), ("in", "sum"), ("inner", "sum"), ("sum", "head"),
        }  # fmt: skip
        head = next(t for t in labels.values() if "head" in t)
        assert "Input shape: <b>(None, 4)" in head and "Output dtype: <b>float32" in head
        assert "Non-trainable" in head and "(Dense)" in head
        assert dot.get("rankdir") == "TB" and "digraph" in dot.to_string()

    def test_nested_models_layer_by_layer(self):
        dot = model_to_dot(nested(), expand_nested=True, show_layer_activations=True)
        labels = self.names(dot)
        assert self.edges(dot, labels) == {
            ("in", "first"), ("first", "second"), ("in", "sum"), ("second", "sum"), ("sum", "head"),
        }  # fmt: skip
        assert any("Activation: <b>relu" in t for t in labels.values())

    def test_subclassed_models_are_one_box(self):
        class Own(keras.Model):
            def call(self, x):
                return x

        model = Own(name="own")
        model.build((None, 3))
        (label,) = self.names(model_to_dot(model, show_shapes=True)).values()
        assert "own" in label and "?" in label
