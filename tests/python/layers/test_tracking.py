"""What of a layer's attributes is its state, before and after it is built."""

import collections

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


class Holder(layers.Layer):
    """A layer to put attributes on."""

    def build(self, input_shape):
        """Nothing to make."""

    def call(self, x):
        return x


@pytest.mark.parametrize("make", [
    lambda: layers.Dense(1),
    lambda: keras.metrics.Mean(),
    lambda: keras.random.SeedGenerator(1),
    lambda: keras.Variable(1.0),
    lambda: [layers.Dense(1)],
])  # fmt: skip
def test_a_built_layer_takes_no_state(make):
    layer = Holder()
    layer(np.ones((1, 2)))
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.late = make()


def test_what_an_attribute_held_before_stays_until_it_is_deleted():
    layer = Holder()
    layer.part = layers.Dense(1)
    layer.part = None
    layer.weight = layer.add_weight(shape=(2,))
    assert len(layer._layers) == 1 and len(layer.weights) == 1
    layer(np.ones((1, 2)))
    layer.weight = None
    assert len(layer.weights) == 1

    dense = layers.Dense(2)
    dense.build((None, 3))
    del dense.bias
    assert [w.name for w in dense.weights] == ["kernel"]


def test_containers_record_what_is_put_in_later():
    layer = Holder()
    layer.items = {layers.Dense(1)}
    layer.items.add(layers.Dense(2))
    layer.items.update([layers.Dense(3)])
    layer.ordered = collections.OrderedDict(a=layers.Dense(1))
    layer.ordered["b"] = layers.Dense(1)
    layer.named = {"a": layers.Dense(1)}
    assert len(layer._layers) == 6
    layer.items.pop()
    layer.named.popitem()
    layer.ordered.popitem(last=False)
    assert len(layer._layers) == 3 and list(layer.ordered) == ["b"]
    layer.items.clear()
    assert len(layer._layers) == 1
    layer(np.ones((1, 2)))
    layer.ordered.pop("b")  # may be taken out of a built layer
    assert not layer._layers


def test_a_functional_model_takes_state_at_any_time():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1)(x))
    model.scale = keras.Variable(1.0, name="scale")
    model.spare = [layers.Dense(1)]
    model.seen = keras.metrics.Mean(name="seen")
    assert [w.name for w in model.weights] == ["scale", "kernel", "bias"]
    assert len(model.layers) == 2 and [m.name for m in model.metrics] == ["seen"]
