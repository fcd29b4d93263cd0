"""Files both ways with real Keras: one writes, the other predicts the same."""

import os
import zipfile

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
pytest.importorskip("h5py")

import ranvier  # noqa: E402

pytestmark = [
    pytest.mark.skipif(getattr(keras, "__version__", "0") < "3", reason="needs Keras 3"),
    pytest.mark.filterwarnings("ignore"),
]


def dense(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="tanh", name="hidden"),
                         k.layers.Dense(2)], name="seq")  # fmt: skip


def cnn(k):
    x = inputs = k.Input((8, 8, 3))
    x = k.layers.Conv2D(
        4, 3, padding="same", use_bias=False, kernel_regularizer=k.regularizers.L2(1e-3)
    )(x)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.ReLU()(x)
    x = k.layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
    x = k.layers.MaxPooling2D()(x)
    y = k.layers.Conv2D(8, 1)(x)
    x = k.layers.Add()([x, y])
    x = k.layers.GlobalAveragePooling2D()(x)
    x = k.layers.Dropout(0.3)(x)
    return k.Model(inputs, k.layers.Dense(5, activation="softmax")(x), name="cnn")


def shared(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    layer = k.layers.Dense(3, name="shared")
    inner = k.Sequential([k.Input((3,)), k.layers.Dense(3), k.layers.PReLU()], name="inner")
    x = k.layers.Concatenate()([inner(layer(a)), layer(b)])
    return k.Model(
        {"a": a, "b": b},
        [k.layers.Dense(2, name="o1")(x), k.layers.Multiply()([layer(a), layer(b)])],
    )


def with_ops(k):
    x = inputs = k.Input((6,))
    y = k.ops.reshape(x, (-1, 3, 2))
    y = k.ops.relu(k.ops.mean(y, axis=1)) * 2.0 + k.ops.exp(x[:, :2])
    return k.Model(inputs, k.layers.Dense(2)(k.ops.concatenate([y, x], axis=-1)))


def siamese(k):
    x = k.Input((4,))
    tower = k.Model(x, [k.layers.Dense(3)(x), k.layers.Dense(2)(x)], name="tower")
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    first, second = tower(b), tower(a)
    return k.Model({"a": a, "b": b}, [first[1], second[0], first[0]])


MODELS = {
    "dense": dense, "cnn": cnn, "shared": shared, "with_ops": with_ops, "siamese": siamese,
}  # fmt: skip


def data_for(model, rows=6):
    rng = np.random.default_rng(0)
    arrays = {t.name: rng.normal(size=(rows, *t.shape[1:])).astype("float32") for t in model.inputs}
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def outputs(model, x):
    result = model.predict(x, verbose=0)
    return [np.asarray(r) for r in (result if isinstance(result, list) else [result])]


def randomize(model):
    rng = np.random.default_rng(1)
    model.set_weights(
        [np.abs(rng.normal(size=w.shape)).astype("float32") for w in model.get_weights()]
    )


def assert_same(left, right, x):
    for a, b in zip(outputs(left, x), outputs(right, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "writer,reader", [(keras, ranvier), (ranvier, keras)], ids=["keras", "ranvier"]
)
def test_model_files(name, writer, reader, tmp_path):
    model = MODELS[name](writer)
    randomize(model)
    model.save(tmp_path / "m.keras")
    loaded = reader.saving.load_model(tmp_path / "m.keras")
    assert_same(model, loaded, data_for(model))
    model.save_weights(tmp_path / "m.weights.h5")
    fresh = MODELS[name](reader)
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert_same(model, fresh, data_for(model))


@pytest.mark.parametrize("name", MODELS)
def test_weights_lie_at_keras_paths(name, tmp_path):
    import h5py

    found = []
    for k in (keras, ranvier):
        MODELS[name](k).save_weights(tmp_path / "m.weights.h5")
        with h5py.File(tmp_path / "m.weights.h5") as file:
            paths = {}
            file.visititems(lambda n, o, p=paths: p.update({n: getattr(o, "shape", None)}))
            found.append(paths)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "writer,reader", [(keras, ranvier), (ranvier, keras)], ids=["keras", "ranvier"]
)
def test_training_goes_on_where_the_file_was_written(writer, reader, tmp_path):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 2)).astype("float32")
    model = dense(writer)
    model.compile(writer.optimizers.Adam(0.01, weight_decay=1e-3), "mse", metrics=["mae"])
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = reader.saving.load_model(tmp_path / "m.keras")
    assert int(loaded.optimizer.iterations) == 8
    for own, other in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(own), np.asarray(other), rtol=1e-6, atol=1e-9)
    for m in (model, loaded):
        m.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert_same(model, loaded, x)


@pytest.mark.parametrize("name", MODELS)
def test_legacy_files_of_keras(name, tmp_path):
    model = MODELS[name](keras)
    randomize(model)
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    loaded = ranvier.saving.load_model(tmp_path / "m.h5")
    assert_same(model, loaded, data_for(model))
    fresh = MODELS[name](ranvier)
    fresh.load_weights(tmp_path / "m.h5")
    assert_same(model, fresh, data_for(model))


def test_keras_reads_legacy_files(tmp_path):
    image, words = ranvier.Input((8, 8, 3), name="a"), ranvier.Input((5, 4), name="b")
    attend = ranvier.layers.GroupQueryAttention(4, 2, 1)
    edit = ranvier.layers.Pipeline([ranvier.layers.RandomContrast(0.1), ranvier.layers.ReLU()])
    each = ranvier.layers.TimeDistributed(ranvier.layers.Dense(2))
    outputs = [edit(image), each(attend(words, words))]
    model = ranvier.Model({"a": image, "b": words}, outputs)
    model.save(tmp_path / "m.h5")
    assert_same(model, keras.saving.load_model(tmp_path / "m.h5"), data_for(model))


def test_config_names_are_keras_names(tmp_path):
    import json

    model = with_ops(ranvier)
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        text = archive.read("config.json").decode()
    modules = set()

    def visit(config):
        if isinstance(config, dict):
            modules.add(config.get("module"))
            for value in config.values():
                visit(value)
        elif isinstance(config, list):
            for value in config:
                visit(value)

    visit(json.loads(text))
    assert all(m is None or m == "builtins" or m.split(".")[0] == "keras" for m in modules)
