"""Whole models as legacy `.h5`, legacy configs, and the editor of saved files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, saving

h5py = pytest.importorskip("h5py")

X = np.random.default_rng(0).random((8, 4), dtype="float32")
Y = np.ones((8, 2), "float32")


def nested():
    inputs = keras.Input((4,), name="x")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, kernel_regularizer="l2", name="in"),
         layers.BatchNormalization(name="bn")], name="inner",
    )  # fmt: skip
    out = layers.Dense(2, activation="relu", name="d")(inner(inputs))
    model = keras.Model(inputs, out, name="nested")
    model.compile(keras.optimizers.Adam(0.01), keras.losses.MeanSquaredError(), metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def test_whole_model_round_trip(tmp_path):
    model = nested()
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        config = json.loads(file.attrs["model_config"])
        training = json.loads(file.attrs["training_config"])
        names = [str(n) for n in file["model_weights"]["inner"].attrs["weight_names"]]
    assert config["class_name"] == "Functional"
    assert [set(e) for e in config["config"]["layers"]] == [
        {"class_name", "config", "name", "inbound_nodes"}
    ] * 3
    assert set(config["config"]["layers"][1]["config"]["layers"][1]) == {"class_name", "config"}
    assert training["metrics"] == ["mae"] and training["optimizer_config"]["class_name"] == "Adam"
    assert training["loss"]["class_name"] == "MeanSquaredError"
    assert names[:2] == ["inner/in/kernel", "inner/in/bias"] and len(names) == 6
    again = saving.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    assert model.train_on_batch(X, Y) == again.train_on_batch(X, Y)
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    model.save(tmp_path / "plain.h5", include_optimizer=False)
    assert not saving.load_model(tmp_path / "plain.h5").compiled


def test_ops_of_a_graph_are_no_layers_of_their_name(tmp_path):
    inputs = keras.Input((4,))
    first, second = keras.ops.split(inputs, 2, axis=-1)
    total = layers.Add()([first, second]) + keras.ops.nn.relu(first)
    model = keras.Model(inputs, [total, keras.ops.image.resize(inputs[:, :, None, None], (2, 2))])
    model.save(tmp_path / "m.h5")
    again = saving.load_model(tmp_path / "m.h5")
    assert [type(o).__name__ for o in again.operations] == [
        type(o).__name__ for o in model.operations
    ]
    for ours, theirs in zip(model(X), again(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_missing_folders_are_made(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    path = tmp_path / "one" / "two" / "m.h5"
    model.save(path)
    np.testing.assert_array_equal(saving.load_model(path)(X), model(X))


def test_long_lists_of_names_are_split(tmp_path):
    chain = [layers.Dense(1, name=f"{'long' * 250}_{i}") for i in range(80)]
    model = keras.Sequential([keras.Input((1,)), *chain])
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names0" in file["model_weights"].attrs
    again = saving.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(model(X[:, :1]), again(X[:, :1]))


def test_custom_layers_keep_their_registered_name(tmp_path):
    @saving.register_keras_serializable("Mine")
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    try:
        model = keras.Sequential([keras.Input((4,)), Twice(name="twice")])
        model.save(tmp_path / "m.h5")
        with h5py.File(tmp_path / "m.h5") as file:
            config = json.loads(file.attrs["model_config"])
        assert config["config"]["layers"][1]["class_name"] == "Mine>Twice"
        np.testing.assert_array_equal(saving.load_model(tmp_path / "m.h5")(X), 2 * X)
    finally:
        del saving.get_custom_objects()["Mine>Twice"]


def test_legacy_configs():
    layer = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1), name="d")
    config = keras.legacy.saving.serialize_keras_object(layer)
    assert config["class_name"] == "Dense" and config["config"]["units"] == 3
    again = keras.utils.legacy.deserialize_keras_object(
        config, module_objects={"Dense": layers.Dense}
    )
    assert again.units == 3 and again.kernel_regularizer.l2 == pytest.approx(0.1)

    def swish_like(x):
        return x

    assert keras.legacy.saving.serialize_keras_object(swish_like) == "swish_like"
    found = keras.legacy.saving.deserialize_keras_object(
        "swish_like", custom_objects={"swish_like": swish_like}
    )
    assert found is swish_like
    assert keras.legacy.saving.serialize_keras_object(None) is None
    with pytest.raises(ValueError, match="Unknown thing: 'Nothing'"):
        keras.legacy.saving.deserialize_keras_object(
            {"class_name": "Nothing", "config": {}}, printable_module_name="thing"
        )
    with pytest.raises(ValueError, match="Improper config format"):
        keras.legacy.saving.deserialize_keras_object({"name": 1})


def two(units=3, extra=False):
    chain = [keras.Input((4,)), layers.Dense(units, name="a"), layers.Dense(2, name="b")]
    return keras.Sequential([*chain, layers.Dense(2)] if extra else chain)


def test_editor_reads_and_compares(tmp_path, capsys):
    model = two()
    model.save_weights(tmp_path / "m.weights.h5")
    editor = saving.KerasFileEditor(tmp_path / "m.weights.h5")
    assert list(editor.weights_dict["layers"]) == ["dense", "dense_1"]
    np.testing.assert_array_equal(
        editor.weights_dict["layers"]["dense"]["0"], model.layers[0].kernel
    )
    editor.summary()
    assert "shape=(4, 3), dtype=float32" in capsys.readouterr().out
    assert editor.compare(two()) == {"status": "success", "error_count": 0, "match_count": 6}
    assert editor.compare(two(5))["status"] == "error"
    assert "Weight shape mismatch for /layers/dense/0" in capsys.readouterr().out
    assert editor.compare(two(extra=True))["error_count"] > 0
    assert "dense_2" in capsys.readouterr().out


def test_editor_changes(tmp_path):
    model = two()
    model.save(tmp_path / "m.keras")
    editor = saving.KerasFileEditor(tmp_path / "m.keras")
    assert editor.config["class_name"] == "Sequential" and editor.metadata["keras_version"]
    editor.rename_object("dense_1", "last")
    editor.add_object("layers/new", {"0": np.ones((2, 2), "float32")})
    editor.add_weights("new", {"1": np.zeros(2, "float32")})
    editor.delete_weight("layers/dense", "1")
    editor.save(tmp_path / "e.weights.h5")
    again = saving.KerasFileEditor(tmp_path / "e.weights.h5").weights_dict["layers"]
    assert {k: sorted(v) for k, v in again.items()} == {
        "dense": ["0"], "last": ["0", "1"], "new": ["0", "1"],
    }  # fmt: skip
    editor.delete_object("layers/last")
    editor.rename_object("new", "dense_1")
    editor.weights_dict["layers"]["dense_1"]["0"] = np.ones((3, 2), "float32")
    editor.weights_dict["layers"]["dense"]["1"] = np.zeros(3, "float32")
    editor.resave_weights(tmp_path / "f.weights.h5")
    model.load_weights(tmp_path / "f.weights.h5")
    np.testing.assert_array_equal(model.layers[1].kernel, np.ones((3, 2)))


def test_editor_errors(tmp_path):
    two().save_weights(tmp_path / "m.weights.h5")
    editor = saving.KerasFileEditor(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="extension"):
        saving.KerasFileEditor(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="more than once"):
        editor.delete_object("0")
    with pytest.raises(ValueError, match="does not appear"):
        editor.delete_object("c")
    with pytest.raises(ValueError, match="Path 'layers/x' not found"):
        editor.rename_object("layers/x", "y")
    with pytest.raises(ValueError, match="leaf name"):
        editor.rename_object("dense", "layers/y")
    with pytest.raises(ValueError, match="should be a dict"):
        editor.add_object("x", [1])
    with pytest.raises(ValueError, match="Weight 7 not found"):
        editor.delete_weight("dense", "7")
    with pytest.raises(ValueError, match="weights.h5"):
        editor.save(tmp_path / "m.h5")
