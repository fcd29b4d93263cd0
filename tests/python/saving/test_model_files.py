"""Models and weights in files: round trips, layout, what does not fit, and failed writes."""

import errno
import json
import os
import resource
import signal
import sys
import zipfile

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, saving

h5py = pytest.importorskip("h5py")


@saving.register_keras_serializable("tests")
class Scale(layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

    def call(self, x):
        return x * self.factor * self.start

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@saving.register_keras_serializable("tests")
class Blocks(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [layers.Dense(units), layers.Dense(units)]
        self.head = layers.Dense(2)
        self.d = {"x": layers.Dense(units)}
        self.nest = [[layers.Dense(units)], [layers.Dense(units)]]

    def call(self, x):
        for layer in [*self.blocks, self.d["x"], *(n[0] for n in self.nest)]:
            x = layer(x)
        return self.head(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def small(seed=0, **compile_arguments):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="hidden"), layers.Dense(2), Scale(2.0)], name="seq"
    )
    if compile_arguments:
        model.compile(**compile_arguments)
    return model


def values(model):
    return [np.array(v) for v in model.weights]


def assert_equal(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")


def test_model_round_trip(tmp_path):
    model = small(optimizer="adam", loss="mse", metrics=["mae"])
    model.fit(X, Y, epochs=3, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert_equal([np.array(v) for v in model.optimizer.variables],
                 [np.array(v) for v in loaded.optimizer.variables])  # fmt: skip
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    loaded.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    assert_equal(values(model), values(loaded))


def test_layout_is_keras_layout(tmp_path):
    model = small(optimizer="sgd", loss="mse")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        (tmp_path / "w.h5").write_bytes(archive.read("model.weights.h5"))
    assert config["module"] == "keras" and config["class_name"] == "Sequential"
    scale = config["config"]["layers"][-1]
    assert scale["registered_name"] == "tests>Scale"
    with h5py.File(tmp_path / "w.h5") as file:
        groups = {}
        file.visititems(lambda n, o: groups.update({n: o.attrs.get("name")}))
    assert groups["vars"] == "seq"
    assert groups["layers/dense/vars"] == "hidden" and groups["layers/dense_1/vars"].startswith(
        "dense"
    )
    assert {"layers/dense/vars/0", "layers/dense/vars/1", "layers/scale/vars/0"} <= set(groups)
    assert {n for n in groups if n.startswith("optimizer/vars/")} == {
        "optimizer/vars/0",
        "optimizer/vars/1",
    }


def test_equal_models_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        keras.utils.clear_session()
        small(optimizer="adam", loss="mse").save(tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_subclassed_model_paths_and_round_trip(tmp_path):
    model = Blocks()
    out = model(X)
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        found = []
        file.visititems(lambda n, o: found.append(n) if n.endswith("vars/0") else None)
    assert sorted(found) == [
        "blocks/dense/vars/0", "blocks/dense_1/vars/0", "d/dense/vars/0", "head/vars/0",
        "layers/dense_4/vars/0", "layers/dense_5/vars/0",
    ]  # fmt: skip
    model.save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(np.array(out), np.array(loaded(X)))


def test_directory_form_and_shards(tmp_path):
    model = small()
    model.save(tmp_path / "folder", zipped=False)
    assert_equal(values(model), values(saving.load_model(tmp_path / "folder")))
    model.save_weights(tmp_path / "s.weights.json", max_shard_size=40 / 1024**3)
    shards = sorted(p.name for p in tmp_path.glob("s_*.weights.h5"))
    assert len(shards) > 1 and shards[0] == "s_00000.weights.h5"
    other = small(seed=7)
    other.load_weights(tmp_path / "s.weights.json")
    assert_equal(values(model), values(other))


def test_bfloat16_weights_are_exact(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="bfloat16")])
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        stored = file["layers/dense/vars/0"]
        assert stored.dtype == "V2" and stored.attrs["dtype"] == "bfloat16"
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="bfloat16")])
    other.load_weights(tmp_path / "m.weights.h5")
    one = np.array(model.weights[0].numpy(), dtype="float32")
    np.testing.assert_array_equal(one, np.array(other.weights[0].numpy(), dtype="float32"))


def test_unused_optimizer_state_is_quiet(tmp_path):
    model = small(optimizer="adam", loss="mse")
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    other = small(seed=3)
    other.load_weights(tmp_path / "m.weights.h5")
    assert_equal(values(model), values(other))
    loaded = saving.load_model(_saved(model, tmp_path), compile=False)
    assert not loaded.compiled


def _saved(model, tmp_path):
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def test_never_trained_optimizer_loads_without_a_warning(tmp_path):
    loaded = saving.load_model(_saved(small(optimizer="adam", loss="mse"), tmp_path))
    assert loaded.compiled and int(loaded.optimizer.iterations) == 0


def test_a_file_that_does_not_fit_names_missing_and_unused_and_changes_nothing(tmp_path):
    model = small()
    model.save_weights(tmp_path / "m.weights.h5")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(5), Scale()])
    before = values(other)
    with pytest.raises(ValueError, match=r"(?s)nothing was changed.*layers/dense_1.*layers/scale"):
        other.load_weights(tmp_path / "m.weights.h5")
    assert_equal(before, values(other))
    conv = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3)])
    before = values(conv)
    with pytest.raises(
        ValueError, match=r"(?s)layers/conv2d.*Unused in the file: 'layers/dense/vars/0'"
    ):
        conv.load_weights(tmp_path / "m.weights.h5")
    assert_equal(before, values(conv))


def test_skip_mismatch_warns_and_loads_the_rest(tmp_path):
    model = small()
    model.save_weights(tmp_path / "m.weights.h5")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(5)])
    before = values(other)
    with pytest.warns(UserWarning, match="layers/dense_1"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    assert_equal(values(other)[:2], values(model)[:2])
    assert_equal(values(other)[2:], before[2:])


def test_a_layer_that_is_reached_by_a_second_name_loads_from_there(tmp_path):
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3)

        def call(self, x):
            return self.inner(x)

    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.body = layers.Dense(3), Block()

        def call(self, x):
            return self.body(self.dense(x))

    class Renamed(keras.Model):
        # Walked first by names that the file of `Plain` does not have.
        def __init__(self):
            super().__init__()
            self.a_dense, self.a_body = layers.Dense(3), Block()

        @property
        def dense(self):
            return self.a_dense

        @property
        def body(self):
            return self.a_body

        def call(self, x):
            return self.a_body(self.a_dense(x))

    x = np.random.default_rng(0).random((2, 2))
    saved, model = Plain(), Renamed()
    saved(x), model(x)
    path = tmp_path / "plain.weights.h5"
    saved.save_weights(path)
    model.load_weights(path)
    np.testing.assert_array_equal(model(x), saved(x))


def test_a_layer_shared_with_a_wrapper_is_read_as_one(tmp_path):
    rows, one = keras.Input((4, 3)), keras.Input((3,))
    shared = layers.Dense(2, name="shared")
    outputs = [shared(one), layers.TimeDistributed(shared, name="each")(rows)]
    model = keras.Model([one, rows], outputs)
    model.save(tmp_path / "model.keras")
    read = saving.load_model(tmp_path / "model.keras")
    assert read.get_layer("each").layer is read.get_layer("shared")
    assert_equal(values(read), values(model))


def inner_and_outer():
    shared = layers.Dense(3, name="shared")
    x = keras.Input((3,))
    inner = keras.Model(x, shared(x), name="inner")
    x = keras.Input((3,))
    return keras.Model(x, [shared(inner(x)), inner(shared(x))])


def on_three_levels():
    x = keras.Input((3,))
    inner = keras.Model(x, layers.Dense(3)(x), name="inner")
    x = keras.Input((3,))
    twice = keras.Model(x, inner(inner(x)), name="twice")
    x = keras.Input((3,))
    chain = keras.Sequential([keras.Input((3,)), twice, layers.Dense(3)])
    return keras.Model(x, [chain(twice(x)), inner(x)])


@pytest.mark.parametrize("make", [inner_and_outer, on_three_levels])
def test_a_layer_shared_with_nested_models_is_read_as_one(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    read = saving.load_model(tmp_path / "model.keras")
    assert_equal(read.get_weights(), model.get_weights())
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    assert_equal(read.predict(x, verbose=0), model.predict(x, verbose=0))


def test_values_without_a_place_are_named(tmp_path):
    small().save_weights(tmp_path / "m.weights.h5")
    shorter = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.warns(UserWarning, match="no place for 'layers/dense_1/vars/0'"):
        shorter.load_weights(tmp_path / "m.weights.h5")


def test_custom_objects(tmp_path):
    class Own(layers.Layer):
        def call(self, x):
            return x + 1

    model = keras.Sequential([keras.Input((4,)), Own(), layers.Dense(2)])
    path = _saved(model, tmp_path)
    with pytest.raises(TypeError, match="Could not locate class 'Own'"):
        saving.load_model(path)
    loaded = saving.load_model(path, custom_objects={"Own": Own})
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))


@pytest.mark.parametrize("name,error", [
    ("m.txt", "keras"), ("m", "extension")])  # fmt: skip
def test_names_of_model_files(tmp_path, name, error):
    with pytest.raises(ValueError, match=error):
        small().save(tmp_path / name)


def test_names_of_weight_files(tmp_path):
    with pytest.raises(ValueError, match=r"must end in `.weights.h5`"):
        small().save_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="File not found"):
        saving.load_model(tmp_path / "none.keras")
    with pytest.raises(FileNotFoundError, match="File not found"):
        keras.models.load_model(tmp_path / "none.h5")
    with pytest.raises(FileNotFoundError, match="File not found"):
        small().load_weights(tmp_path / "none.weights.h5")
    with pytest.raises(ValueError, match="File format not supported"):
        small().load_weights(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="not yet been built"):
        keras.Sequential([layers.Dense(2)]).save_weights(tmp_path / "m.weights.h5")


def test_lambdas_cannot_be_saved(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=lambda x: x)])
    with pytest.raises(ValueError, match="lambda cannot be saved"):
        model.save(tmp_path / "m.keras")
    assert os.listdir(tmp_path) == []


def test_overwrite_false_keeps_the_file(tmp_path):
    path = _saved(small(), tmp_path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        small(seed=5).save(path, overwrite=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["keras", "weights.h5"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, kind):
    model = small()
    path = tmp_path / f"m.{kind}"
    save = model.save if kind == "keras" else model.save_weights
    save(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(sys, "unraisablehook", lambda *_: None)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))
    try:
        with pytest.raises(saving.SaveError, match="old file is unchanged"):
            save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_missing_folder_is_a_typed_error(tmp_path):
    with pytest.raises(OSError, match="could not be written"):
        small().save(tmp_path / "no" / "m.keras")


@pytest.mark.parametrize("call", ["open", "replace", "fsync"])
def test_a_read_only_disk_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = _saved(small(), tmp_path)
    before = path.read_bytes()

    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(saving.SaveError, match="old file is unchanged"):
            small(seed=1).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_without_h5py_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        small().save(tmp_path / "m.keras")
    with pytest.raises(ImportError, match="pip install h5py"):
        small().save_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("name,key", [
    ("Conv2D", "conv2d"), ("Conv2DTranspose", "conv2d_transpose"), ("PReLU", "p_re_lu"),
    ("ReLU", "re_lu"), ("LeakyReLU", "leaky_re_lu"), ("LSTM", "lstm"), ("SimpleRNN", "simple_rnn"),
    ("GlobalAveragePooling2D", "global_average_pooling2d"),
    ("MultiHeadAttention", "multi_head_attention"), ("RMSprop", "rm_sprop"),
    ("MyXYZLayer", "my_xyz_layer")])  # fmt: skip
def test_snake_case(name, key):
    from ranvier.saving.paths import to_snake_case

    assert to_snake_case(name) == key


def test_a_model_with_required_arguments_writes_its_own_config(tmp_path):
    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    model = Own(2)
    model(np.zeros((1, 3), "float32"))
    with pytest.raises(NotImplementedError, match="get_config"):
        model.save(tmp_path / "own.keras")
    assert not (tmp_path / "own.keras").exists()
