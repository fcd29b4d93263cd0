"""Image models: sizes, arguments, errors, preprocessing, weights from files."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

import ranvier as keras
from ranvier.applications import _files, imagenet_utils
from ranvier.errors import DataNotFoundError

apps = keras.applications
BOTH_CASES = [name for name in dir(apps) if name[0].isupper()]

# Numbers of parameters that the literature and Keras' documentation give.
PARAMETERS = {
    "ResNet50": 25_636_712,
    "ResNet50V2": 25_613_800,
    "DenseNet121": 8_062_504,
    "MobileNet": 4_253_864,
    "MobileNetV2": 3_538_984,
    "MobileNetV3Small": 2_554_968,
    "MobileNetV3Large": 5_507_432,
    "NASNetMobile": 5_326_716,
    "Xception": 22_910_480,
    "EfficientNetB0": 5_330_571,
    "EfficientNetV2B0": 7_200_312,
}


def build(name, **kwargs):
    if "fficient" in name and not hasattr(keras.layers, "Normalization"):
        pytest.skip("needs the layer Normalization")
    return getattr(apps, name)(weights=None, **kwargs)


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name):
    model = build(name)
    assert model.count_params() == PARAMETERS[name]
    assert model.output_shape == (None, 1000)
    assert model.layers[-1].name == "predictions"


def test_forty_models_with_docstrings():
    assert len(BOTH_CASES) == 40
    for name in BOTH_CASES:
        model = getattr(apps, name)
        assert model.__name__ == name and model.__doc__.startswith(f"{name}: ")
        assert inspect.signature(model).parameters["weights"].default == "imagenet"
        module = apps.__dict__.get(model.__module__.rpartition(".")[2])
        assert module is None or getattr(module, name) is model


@pytest.mark.parametrize("pooling, shape", [
    (None, (None, 1, 1, 1024)), ("avg", (None, 1024)), ("max", (None, 1024)),
])  # fmt: skip
def test_pooling_without_classifier(pooling, shape):
    model = build("MobileNet", include_top=False, pooling=pooling, input_shape=(32, 32, 3))
    assert model.output_shape == shape


def test_features_of_unknown_size():
    model = build("MobileNet", include_top=False, alpha=0.25)
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, None, None, 256)
    assert model(np.zeros((1, 64, 96, 3), "float32")).shape == (1, 2, 3, 256)


def test_input_tensor_and_fewer_classes():
    photo = keras.Input((64, 64, 3))
    model = build("MobileNetV2", input_tensor=photo * 2.0, classes=7, alpha=0.35,
                  input_shape=(64, 64, 3))  # fmt: skip
    assert model.input_shape in ((None, 64, 64, 3), [(None, 64, 64, 3)])
    out = model.predict(np.zeros((2, 64, 64, 3), "float32"), verbose=0)
    np.testing.assert_allclose(out.sum(-1), 1.0, rtol=1e-5)


def test_trains_and_its_config_round_trips():
    model = build("MobileNetV3Small", input_shape=(32, 32, 3), classes=3, alpha=0.75,
                  include_preprocessing=False, classifier_activation=None)  # fmt: skip
    again = keras.Model.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).random((8, 32, 32, 3), dtype="float32")
    history = model.fit(x, np.arange(8) % 3, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_own_layers_survive_a_file(tmp_path):
    pytest.importorskip("h5py")
    from ranvier.applications import convnext, inception_resnet_v2

    x = keras.Input((4, 4, 6))
    y = convnext.LayerScale(0.5, 6, name="scale")(x)
    y = convnext.StochasticDepth(0.5, name="drop")(y)
    y = inception_resnet_v2.CustomScaleLayer(0.1, name="sum")([x, y])
    model = keras.Model(x, y)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    data = np.random.default_rng(0).random((3, 4, 4, 6), dtype="float32")
    np.testing.assert_allclose(again(data), 1.05 * data, rtol=1e-6)
    kept = np.asarray(convnext.StochasticDepth(0.5)(data, training=True))
    for sample, before in zip(kept, data):
        assert np.allclose(sample, 0) or np.allclose(sample, 2 * before)


@pytest.mark.parametrize("kwargs, message", [
    ({"weights": "/nowhere.h5"}, "path to the weights file"),
    ({"weights": "imagenet", "classes": 10}, "`classes` should be 1000"),
    ({"weights": None, "input_shape": (16, 16, 3)}, "at least 32x32"),
    ({"weights": None, "input_shape": (64, 64)}, "three integers"),
    ({"weights": None, "input_shape": (None, None, 3)}, "static `input_shape`"),
    ({"weights": "imagenet", "input_shape": (200, 200, 3)}, "should be"),
    ({"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)}, "3 channels"),
])  # fmt: skip
def test_refused_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        apps.ResNet50(**kwargs)


def test_activation_and_width_must_fit_the_weights(monkeypatch):
    with pytest.raises(ValueError, match="classifier_activation"):
        apps.MobileNet(classifier_activation="relu")
    with pytest.raises(ValueError, match="alpha"):
        apps.MobileNet(alpha=0.3, input_shape=(224, 224, 3))
    with pytest.raises(ValueError, match="alpha"):
        apps.MobileNetV3Large(alpha=0.5)
    with pytest.raises(TypeError, match="unexpected keyword"):
        apps.MobileNet(width=3)


def test_weights_from_a_file_and_from_keras_cache(tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    model = build("MobileNet", include_top=False, alpha=0.25)
    path = tmp_path / "own.weights.h5"
    model.save_weights(path)
    again = apps.MobileNet(weights=str(path), include_top=False, alpha=0.25)
    for a, b in zip(model.weights, again.weights):
        np.testing.assert_array_equal(a, b)
    monkeypatch.delenv("RANVIER_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    cached = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    cached.write_bytes(b"not hdf5")
    with pytest.raises(ValueError, match="mobilenet_2_5_224_tf_no_top"):
        apps.MobileNet(include_top=False, alpha=0.25, input_shape=(224, 224, 3))


def test_missing_weights_name_the_ways_out(tmp_path, monkeypatch):
    def offline(files, dataset):
        raise DataNotFoundError("no network.")

    monkeypatch.delenv("RANVIER_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(_files, "download", offline)
    with pytest.raises(DataNotFoundError, match="weights=None"):
        apps.MobileNetV2(alpha=0.35, input_shape=(96, 96, 3))


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [3, 4])
def test_preprocessing_by_its_formula(mode, data_format, rank):
    first = data_format == "channels_first"
    shape = ((3, 5, 4) if first else (5, 4, 3)) if rank == 3 else (
        (2, 3, 5, 4) if first else (2, 5, 4, 3)
    )  # fmt: skip
    x = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    before = x.copy()
    last = np.moveaxis(x, -3, -1) if first else x
    if mode == "tf":
        expected = last / 127.5 - 1
    elif mode == "torch":
        expected = (last / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    else:
        expected = last[..., ::-1] - [103.939, 116.779, 123.68]
    expected = np.moveaxis(expected, -1, -3) if first else expected
    for given in (x, keras.ops.convert_to_tensor(x)):
        out = imagenet_utils.preprocess_input(given, data_format=data_format, mode=mode)
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(x, before)
    symbol = imagenet_utils.preprocess_input(keras.KerasTensor(shape), data_format, mode)
    assert symbol.shape == shape


def test_preprocessing_of_integers_and_errors():
    out = apps.xception.preprocess_input(np.array([[[0, 255, 0]]], "uint8"))
    np.testing.assert_array_equal(out, [[[-1, 1, -1]]])
    assert out.dtype == np.float32
    photo = np.ones((1, 2, 2, 3))
    assert apps.efficientnet.preprocess_input(photo) is photo
    with pytest.raises(ValueError, match="mode"):
        imagenet_utils.preprocess_input(photo, mode="x")
    with pytest.raises(ValueError, match="data_format"):
        imagenet_utils.preprocess_input(photo, data_format="x")


def test_decoding_predictions(tmp_path, monkeypatch):
    names = {str(i): [f"n{i:08d}", f"thing_{i}"] for i in range(1000)}
    (tmp_path / "imagenet_class_index.json").write_text(json.dumps(names))
    monkeypatch.setenv("RANVIER_DATA", str(tmp_path))
    imagenet_utils._class_index.cache_clear()
    preds = np.zeros((2, 1000), "float32")
    preds[0, 3], preds[0, 7], preds[1, 999] = 0.7, 0.3, 1.0
    first, second = apps.resnet50.decode_predictions(preds, top=2)
    assert [entry[1] for entry in first] == ["thing_3", "thing_7"]
    assert first[0][0] == "n00000003" and first[0][2] == np.float32(0.7)
    assert second[0][1] == "thing_999"
    with pytest.raises(ValueError, match="samples, 1000"):
        apps.vgg16.decode_predictions(preds[:, :10])
    imagenet_utils._class_index.cache_clear()
