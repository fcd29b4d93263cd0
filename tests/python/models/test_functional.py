"""Functional models: structures, shared and nested layers, configs, clones, weights order."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ranvier import (
    Function,
    Input,
    KerasTensor,
    Model,
    Sequential,
    layers,
    models,
    ops,
    serialization,
    tree,
)


def two_towers():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    shared = layers.Dense(5, activation="tanh", name="shared")
    left = shared(layers.Dense(6, name="left")(a))
    right = shared(layers.Dense(6, name="right")(b))
    joined = layers.Concatenate(name="join")([left, right])
    return Model([a, b], [layers.Dense(2, name="out")(joined), left], name="towers")


def data(*sizes, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rows, n)).astype("float32") for n in sizes]


def test_shared_layer_counts_its_weights_once():
    model = two_towers()
    assert [w.path for w in model.weights] == [
        "left/kernel", "left/bias", "right/kernel", "right/bias", "shared/kernel", "shared/bias",
        "out/kernel", "out/bias",
    ]  # fmt: skip
    first, second = model(data(4, 3))
    assert (tuple(first.shape), tuple(second.shape)) == ((3, 2), (3, 5))


@pytest.mark.parametrize("again", [
    lambda m: type(m).from_config(m.get_config()),
    lambda m: models.model_from_json(m.to_json()),
    models.clone_model,
])  # fmt: skip
def test_copies_compute_the_same(again):
    model = two_towers()
    copy = again(model)
    assert [w.path for w in copy.weights] == [w.path for w in model.weights]
    copy.set_weights(model.get_weights())
    x = data(4, 3)
    for p, q in zip(model(x), copy(x)):
        np.testing.assert_array_equal(np.asarray(p), np.asarray(q))
    assert json.loads(copy.to_json()) == json.loads(model.to_json())


def test_config_has_one_entry_per_call_of_a_shared_layer():
    config = two_towers().get_config()
    entry = next(e for e in config["layers"] if e["name"] == "shared")
    assert len(entry["inbound_nodes"]) == 2
    history = entry["inbound_nodes"][1]["args"][0]["config"]["keras_history"]
    assert history == ["right", 0, 0]
    assert config["input_layers"] == [["a", 0, 0], ["b", 0, 0]]
    assert config["output_layers"] == [["out", 0, 0], ["shared", 0, 0]]


def test_outputs_of_a_nested_model_are_numbered_as_keras_does():
    x = Input((4,), name="x")
    tower = Model(x, layers.Dense(3)(x), name="tower")
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], [tower(b), tower(a)])
    config = model.get_config()
    # Call 0 is the nested model's own graph.
    assert config["output_layers"] == [["tower", 1, 0], ["tower", 2, 0]]
    copy = Model.from_config(config)
    copy.set_weights(model.get_weights())
    for p, q in zip(model(data(4, 4)), copy(data(4, 4)), strict=True):
        np.testing.assert_array_equal(p, q)
    for number in (0, 3):
        config["output_layers"][0] = ["tower", number, 0]
        with pytest.raises(ValueError, match=f"output 0 of call {number} of 'tower'"):
            Model.from_config(config)


def test_a_layer_called_elsewhere_counts_only_the_calls_of_this_model():
    dense = layers.Dense(3, name="d")
    elsewhere = Input((2,))
    dense(elsewhere)
    x = Input((2,), name="x")
    model = Model(x, dense(x))
    assert model.get_config()["output_layers"] == ["d", 0, 0]
    assert (
        len(next(e for e in model.get_config()["layers"] if e["name"] == "d")["inbound_nodes"]) == 1
    )


def test_dict_inputs_and_outputs():
    inputs = {"x": Input((4,), name="x"), "y": Input((4,), name="y")}
    total = layers.add([inputs["x"], inputs["y"]])
    model = Model(inputs, {"sum": total, "double": total * 2})
    x, y = data(4, 4)
    out = model({"y": y, "x": x})
    assert set(out) == {"sum", "double"}
    np.testing.assert_allclose(np.asarray(out["double"]), 2 * (x + y), rtol=1e-6)
    with pytest.raises(ValueError, match='Missing data for input "y"'):
        model({"x": x})


def test_named_inputs_by_dict():
    model = two_towers()
    x = data(4, 3)
    by_list, by_name = model(x), model({"b": x[1], "a": x[0]})
    np.testing.assert_array_equal(np.asarray(by_list[0]), np.asarray(by_name[0]))


def test_operators_become_graph_nodes_with_keras_names():
    x = Input((4, 3), name="x")
    y = ops.reshape(ops.exp(x) * 2.0 + 1.0, (-1, 12))
    y = ops.mean(y[:, 1:4], axis=-1, keepdims=True)
    model = Model(x, y)
    entries = {(e["module"], e["class_name"]) for e in model.get_config()["layers"]}
    numpy_ops = {"Exp", "Multiply", "Add", "Reshape", "GetItem", "Mean"}
    assert {("keras.src.ops.numpy", n) for n in numpy_ops} < entries
    copy = models.model_from_json(model.to_json())
    values = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    expected = (np.exp(values) * 2 + 1).reshape(-1, 12)[:, 1:4].mean(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(values)), expected, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(copy(values)), np.asarray(model(values)))


def test_numpy_functions_on_symbols_add_nodes():
    x = Input((4,))
    model = Model(x, np.mean(np.sin(x), axis=1))
    value = np.ones((2, 4), "float32")
    np.testing.assert_allclose(np.asarray(model(value)), np.sin(value).mean(1), rtol=1e-6)


def test_nested_models_and_training_flag():
    inner_in = Input((4,))
    inner = Model(inner_in, layers.Dropout(0.5)(layers.Dense(64)(inner_in)), name="inner")
    x = Input((4,))
    outer = Model(x, inner(x))
    chain = Sequential([layers.Dense(4), outer])
    value = data(4)[0]
    still = np.asarray(chain(value, training=False))
    assert (np.asarray(chain(value, training=True)) == 0).any()
    assert not (still == 0).any()
    copy = models.clone_model(outer)
    assert [w.shape for w in copy.weights] == [w.shape for w in outer.weights]


def test_part_of_a_model_is_a_model():
    model = two_towers()
    hidden = Model(model.inputs, model.get_layer("join").output)
    assert tuple(hidden(data(4, 3)).shape) == (3, 10)
    middle = Model(model.get_layer("left").output, model.outputs[1])
    assert tuple(middle(data(6)[0]).shape) == (3, 5)


def test_masks_flow_through_the_graph():
    x = Input((5,), dtype="int32")
    h = layers.Embedding(7, 3, mask_zero=True)(x)
    y = layers.GlobalAveragePooling1D()(h)
    model = Model(x, y)
    ids = np.array([[1, 2, 0, 0, 0]], "int32")
    table = model.layers[1].get_weights()[0]
    np.testing.assert_allclose(np.asarray(model(ids))[0], table[[1, 2]].mean(0), rtol=1e-5)
    copy = models.model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(np.asarray(copy(ids)), np.asarray(model(ids)))


def test_masks_of_several_outputs_are_on_the_results_of_calls():
    x = Input((5,), dtype="int32")
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode=None)
    model = Model(x, both(layers.Embedding(7, 3, mask_zero=True)(x)))
    ids = np.array([[1, 2, 0, 0, 0]], "int32")
    assert [np.asarray(y._keras_mask).sum() for y in model(ids)] == [2, 2]


def test_masks_of_several_inputs_flow_without_being_in_the_config():
    x = Input((5,), dtype="int32")
    embed, attend = layers.Embedding(7, 4, mask_zero=True), layers.MultiHeadAttention(1, 4)
    h = embed(x)
    model = Model(x, attend(h, h))
    ids = np.array([[1, 2, 0, 0, 0]], "int32")
    values = embed(ids)
    expected = attend(values, values)
    unmasked = attend(np.asarray(values), np.asarray(values))
    np.testing.assert_allclose(model.predict(ids, verbose=0), expected, rtol=1e-5)
    assert not np.allclose(expected, unmasked)
    entries = model.get_config()["layers"]
    assert [e["class_name"] for e in entries] == ["InputLayer", "Embedding", "MultiHeadAttention"]
    assert entries[-1]["inbound_nodes"][0]["kwargs"] == {}


def test_subclass_that_builds_a_graph():
    class Net(Model):
        def __init__(self, units):
            x = Input((3,))
            super().__init__(inputs=x, outputs=layers.Dense(units)(x))
            self.units = units

        def get_config(self):
            return {"units": self.units}

    net = Net(4)
    assert tuple(net(data(3)[0]).shape) == (3, 4)
    with serialization.custom_object_scope({"Net": Net}):
        copy = serialization.deserialize_keras_object(serialization.serialize_keras_object(net))
    assert copy.units == 4


@pytest.mark.parametrize(("call", "message"), [
    (lambda: two_towers()(data(4)), "expects 2 named input"),
    (lambda: two_towers()(data(4, 4)), r"expected shape=\(None, 3\), found shape=\(3, 4\)"),
    (lambda: Model(Input((3,)), layers.Dense(2)(Input((3,)))), "[Dd]isconnected"),
    (lambda: Model(np.ones(3), Input((3,))), "must be KerasTensors"),
    (lambda: two_towers().get_layer("nobody"), "No such layer: nobody"),
    (lambda: two_towers().get_layer(index=40), "only has"),
    (lambda: Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")]), "unique names"),
    (lambda: Sequential([np.ones(3)]), "Only instances of `keras.Layer`"),
])  # fmt: skip
def test_mistakes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sequential_grows_shrinks_and_builds():
    model = Sequential(name="chain")
    model.add(layers.Dense(4))
    assert not model.built
    model.build((None, 3))
    assert model.output_shape == (None, 4)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    model.pop()
    assert model.output_shape == (None, 4)
    assert [w.path for w in model.weights] == ["chain/dense/kernel", "chain/dense/bias"] or len(
        model.weights
    ) == 2
    copy = Sequential.from_config(model.get_config())
    assert copy.output_shape == (None, 4)


def test_summary_counts_parameters(capsys):
    model = two_towers()
    model.summary()
    text = capsys.readouterr().out
    assert 'Model: "towers"' in text
    assert "Total params: 111" in text
    assert "left[0][0], right[0][0]" in text or "shared[0][0]" in text


def test_structures_of_state_follow_the_graph():
    model = two_towers()
    model.get_layer("shared").trainable = False
    assert len(model.trainable_weights) == 6
    model.trainable = False
    assert not model.trainable_weights
    assert len(model.non_trainable_weights) == 8
    assert tree.flatten(model.losses) == []


def test_functions_may_begin_with_bare_symbolic_tensors():
    x, y = KerasTensor((None, 3)), KerasTensor((None, 3))
    function = Function([x, y], {"sum": x + y * 2, "same": x}, name="f")
    found = function([np.ones((2, 3), "float32"), np.ones((2, 3), "float32")])
    np.testing.assert_array_equal(found["sum"], np.full((2, 3), 3))
    assert function.compute_output_shape([(5, 3), (5, 3)]) == {"sum": (5, 3), "same": (5, 3)}
    with pytest.raises(ValueError, match="Graph disconnected"):
        Function(x, x + y)


def test_the_same_input_may_stand_twice():
    x = Input((3,), name="x")
    model = Model([x, x], layers.Dense(1)(x))
    value = data(3)[0]
    np.testing.assert_array_equal(
        np.asarray(model([value * 0, value])), np.asarray(model([value, value]))
    )


def test_specs_of_the_inputs_have_their_names():
    specs = two_towers().input_spec
    assert [(s.name, s.shape) for s in specs] == [("a", (None, 4)), ("b", (None, 3))]
    x = Input((2,), name="x")
    model = Model({"x": x}, layers.Dense(1)(x))
    assert model.input_spec[0].name == "x"
    with pytest.warns(UserWarning, match="The structure of `inputs` doesn't match"):
        model({"x": data(2)[0], "more": data(2)[0]})
    with pytest.warns(UserWarning, match="must match the names"):
        Model({"y": x}, layers.Dense(1)(x))
    with pytest.raises(ValueError, match="is not optional, but None was passed"):
        Model([x], layers.Dense(1)(x))([None])


def test_a_tensor_inside_a_graph_becomes_an_input_of_its_own_name():
    x = Input((2,))
    middle = layers.Dense(3)(x)
    part = Model(middle, layers.Dense(1)(middle))
    assert part.layers[0].name == f"{middle.name}CLONE"
    with pytest.raises(ValueError, match="incompatible `dtype`"):
        Input(tensor=x, dtype="int32")


def test_a_chain_is_built_when_its_first_layer_is_a_chain_with_an_input():
    first = Sequential([Input((4,)), layers.Dense(3)])
    assert Sequential([first, layers.Dense(2)]).output_shape == (None, 2)


def test_a_graph_keeps_tuples_and_names_the_output_that_is_not_connected():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model((a, b), (a + b, a))
    assert type(type(model).from_config(model.get_config()).output) is tuple
    with pytest.raises(ValueError, match="path `second` is not connected"):
        Model(a, {"first": a * 2, "second": b * 3})


def test_a_list_for_a_dict_whose_keys_are_not_sorted_is_refused():
    b, a = Input((3,), name="b"), Input((3,), name="a")
    model = Model({"b": b, "a": a}, a - b)
    with pytest.raises(ValueError, match="doesn't match the expected structure"):
        model([np.ones((1, 3)), np.zeros((1, 3))])


def test_data_that_no_input_takes_are_a_warning_of_calls_on_values(recwarn):
    a = Input((3,), name="a")
    model = Model({"a": a}, a * 2)
    model({"a": np.ones((1, 3)), "b": np.ones((1, 3))})
    assert ["match the expected structure" in str(w.message) for w in recwarn] == [True]
    model({"a": Input((3,)), "b": Input((3,))})
    assert len(recwarn) == 1


def test_function_from_an_intermediate_tensor():
    x = Input((3,))
    middle = x * 2 + 1
    out = middle**2
    function = Function(middle, out)
    assert [op.name.split("_")[0] for op in function.operations] == ["power"]
    np.testing.assert_array_equal(function(np.full((2, 3), 3.0, "float32")), np.full((2, 3), 9.0))
    # The value given for the middle wins over the one that `x` would make.
    both = Function([x, middle], out + x)
    given = [np.full((1, 3), 1.0, "float32"), np.full((1, 3), 5.0, "float32")]
    np.testing.assert_array_equal(both(given), np.full((1, 3), 26.0))


def test_names_count_the_graphs_inside_sequential_models_as_in_keras():
    before = int(Model(x := Input((3,)), layers.Dense(1)(x)).name.rpartition("_")[2] or 0)
    Sequential([Input((3,)), layers.Dense(2), layers.Dense(1)])
    assert Model(x, layers.Dense(1)(x)).name == f"functional_{before + 2}"
