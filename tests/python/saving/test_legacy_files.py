"""HDF5 files of Keras 1 and 2, written by hand as those versions laid them out."""

import json

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, saving

h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(0)


def arrays(*shapes):
    return [RNG.normal(size=s).astype("float32") for s in shapes]


def write_layers(group, named, text=np.bytes_):
    group.attrs["layer_names"] = [text(n) for n, _ in named]
    for name, values in named:
        layer = group.create_group(name)
        names = [f"{name}/w{i}:0" for i in range(len(values))]
        layer.attrs["weight_names"] = [text(n) for n in names] if names else np.zeros(0)
        for key, value in zip(names, values):
            layer.create_dataset(key, data=value)


def keras2_config(first, *others):
    chain = [{"class_name": c, "config": {"name": n, **k}} for c, n, k in (first, *others)]
    return {"class_name": "Sequential", "config": {"name": "old", "layers": chain}}


def test_keras_2_sequential_with_training_config(tmp_path):
    config = keras2_config(
        (
            "Dense",
            "a",
            {
                "units": 3,
                "activation": "relu",
                "batch_input_shape": [None, 4],
                "dtype": "float32",
                "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
                "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
            },
        ),
        ("Dropout", "drop", {"rate": 0.5, "noise_shape": None, "seed": None}),
        (
            "Dense",
            "b",
            {"units": 2, "dtype": {"class_name": "Policy", "config": {"name": "float32"}}},
        ),
    )
    kernel, bias, kernel2, bias2 = arrays((4, 3), 3, (3, 2), 2)
    slots = arrays((4, 3), 3, (3, 2), 2)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = json.dumps({
            "loss": "mse", "metrics": ["mae"], "weighted_metrics": None, "loss_weights": None,
            "optimizer_config": {"class_name": "RMSprop", "config": {
                "name": "RMSprop", "lr": 0.25, "decay": 0.0, "rho": 0.9, "momentum": 0.0,
                "epsilon": 1e-7, "centered": False}},
        })  # fmt: skip
        write_layers(
            file.create_group("model_weights"),
            [("a", [kernel, bias]), ("drop", []), ("b", [kernel2, bias2])],
        )
        optimizer = file.create_group("optimizer_weights")
        names = ["iter:0", *(f"rms{i}:0" for i in range(4))]
        optimizer.attrs["weight_names"] = [np.bytes_(n) for n in names]
        for name, value in zip(names, [np.array(7, "int64"), *slots]):
            optimizer.create_dataset(name, data=value)
    model = saving.load_model(tmp_path / "m.h5")
    x = RNG.normal(size=(5, 4)).astype("float32")
    expected = np.maximum(x @ kernel + bias, 0) @ kernel2 + bias2
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5)
    assert model.optimizer.learning_rate.numpy() == np.float32(0.25)
    assert int(model.optimizer.iterations) == 7
    np.testing.assert_array_equal(np.array(model.optimizer.variables[2]), slots[0])
    assert model.get_layer("a").kernel_regularizer.l2 == pytest.approx(0.01)


def test_keras_2_functional_with_neutral_keys(tmp_path):
    def node(name):
        return [[[name, 0, 0, {}]]]

    entries = [
        {"class_name": "InputLayer", "name": "in", "inbound_nodes": [],
         "config": {"batch_input_shape": [None, 6, 6, 2], "dtype": "float32", "sparse": False,
                    "ragged": False, "name": "in"}},
        {"class_name": "DepthwiseConv2D", "name": "dw", "inbound_nodes": node("in"),
         "config": {"name": "dw", "kernel_size": [3, 3], "groups": 1, "padding": "same"}},
        {"class_name": "BatchNormalization", "name": "bn", "inbound_nodes": node("dw"),
         "config": {"name": "bn", "axis": [3], "momentum": 0.9, "epsilon": 0.001}},
        {"class_name": "Add", "name": "add", "config": {"name": "add"},
         "inbound_nodes": [[["in", 0, 0, {}], ["bn", 0, 0, {}]]]},
    ]  # fmt: skip
    config = {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": entries,
            "input_layers": [["in", 0, 0]],
            "output_layers": [["add", 0, 0]],
        },
    }
    kernel, bias, gamma, beta, mean = arrays((3, 3, 2, 1), 2, 2, 2, 2)
    variance = np.array([0.5, 2.0], "float32")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        write_layers(
            file.create_group("model_weights"),
            [
                ("in", []),
                ("dw", [kernel, bias]),
                ("bn", [gamma, beta, mean, variance]),
                ("add", []),
            ],
            text=str,
        )
    model = saving.load_model(tmp_path / "m.h5")
    x = RNG.normal(size=(2, 6, 6, 2)).astype("float32")
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    inner = (
        sum(
            padded[:, i : i + 6, j : j + 6] * kernel[i, j, :, 0] for i in range(3) for j in range(3)
        )
        + bias
    )
    expected = x + (inner - mean) / np.sqrt(variance + 0.001) * gamma + beta
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["Functional", "Model", "Sequential"])
def test_keras_2_counts_the_graph_of_a_nested_model_as_its_first_call(kind, tmp_path):
    def start(name):
        return {"class_name": "InputLayer", "name": name, "inbound_nodes": [],
                "config": {"batch_input_shape": [None, 2], "name": name}}  # fmt: skip

    dense = {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 2},
             "inbound_nodes": [[["in", 0, 0, {}]]]}  # fmt: skip
    tower = {"name": "tower", "layers": [start("in"), dense]}
    if kind != "Sequential":
        tower |= {"input_layers": [["in", 0, 0]], "output_layers": [["d", 0, 0]]}
    calls = [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]
    last = {"class_name": "Subtract", "name": "s", "config": {"name": "s"},
            "inbound_nodes": [[["tower", 1, 0, {}], ["tower", 2, 0, {}]]]}  # fmt: skip
    nested = {"class_name": kind, "name": "tower", "config": tower, "inbound_nodes": calls}
    config = {"name": "m", "layers": [start("a"), start("b"), nested, last],
              "input_layers": [["a", 0, 0], ["b", 0, 0]],
              "output_layers": [["s", 0, 0], ["tower", 2, 0]]}  # fmt: skip
    kernel, bias, a, b = arrays((2, 2), 2, (3, 2), (3, 2))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        named = [("a", []), ("b", []), ("tower", [kernel, bias]), ("s", [])]
        write_layers(file.create_group("model_weights"), named, text=str)
    difference, second = saving.load_model(tmp_path / "m.h5")([a, b])
    np.testing.assert_allclose(difference, (a - b) @ kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second, b @ kernel + bias, rtol=1e-5, atol=1e-6)


def two_layers():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="a"), layers.ReLU(), layers.Dense(2, name="b")]
    )


def test_weights_by_position_and_by_name(tmp_path):
    first, second = arrays((4, 3), 3), arrays((3, 2), 2)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_layers(file, [("x", first), ("act", []), ("b", second)])
    model = two_layers()
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(np.array(model.weights[0]), first[0])
    other = two_layers()
    before = np.array(other.weights[0])
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(np.array(other.weights[0]), before)
    np.testing.assert_array_equal(np.array(other.weights[2]), second[0])


def test_split_name_lists(tmp_path):
    values = [arrays((4, 3), 3), arrays((3, 2), 2)]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_layers(file, list(zip("ab", values)))
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"a"], [b"b"]
    model = two_layers()
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(np.array(model.weights[2]), values[1][0])


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_layers(file, [("a", arrays((4, 3), 3)), ("b", arrays((3, 9), 9))])
    model = two_layers()
    before = [np.array(v) for v in model.weights]
    with pytest.raises(
        ValueError, match=r"nothing was changed. Layer b.*expects shape \(3, 2\), found \(3, 9\)"
    ):
        model.load_weights(tmp_path / "w.h5")
    for v, old in zip(model.weights, before):
        np.testing.assert_array_equal(np.array(v), old)
    with pytest.warns(UserWarning, match="Skipped layer b"):
        model.load_weights(tmp_path / "w.h5", skip_mismatch=True)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_layers(file, [("a", arrays((4, 3), 3))])
    with pytest.raises(ValueError, match="layer count mismatch"):
        model.load_weights(tmp_path / "w.h5")


def test_lambda_layers_are_never_read(tmp_path):
    config = keras2_config(
        ("Lambda", "f", {"function": ["4wEAAAA=", None, None], "function_type": "lambda",
                         "batch_input_shape": [None, 4]}),
    )  # fmt: skip
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        write_layers(file.create_group("model_weights"), [("f", [])])
    with pytest.raises(ValueError, match="byte code; that is never read"):
        saving.load_model(tmp_path / "m.h5")


def test_a_file_of_weights_alone_is_no_model(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_layers(file, [("a", arrays((4, 3), 3))])
    with pytest.raises(saving.FileFormatError, match="weights only"):
        saving.load_model(tmp_path / "w.h5")
