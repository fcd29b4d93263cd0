"""Image models against Keras: signatures, the whole graph, and outputs with the same weights."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import ranvier  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

# One of each builder, as small as it can be; the others differ by their tables alone.
GRAPHS = {
    "ResNet50": {"include_top": False, "pooling": "max"},
    "ResNet50V2": {"classes": 5, "classifier_activation": None},
    "VGG16": {"include_top": False, "pooling": "avg"},
    "DenseNet121": {"include_top": False, "pooling": "avg"},
    "MobileNet": {"alpha": 0.5, "depth_multiplier": 2, "classes": 5},
    "MobileNetV2": {"alpha": 1.4, "include_top": False},
    "MobileNetV3Large": {"alpha": 0.75, "classes": 5},
    "MobileNetV3Small": {"minimalistic": True, "include_top": False, "pooling": "avg"},
    "NASNetMobile": {"include_top": False, "input_shape": (64, 64, 3)},
    "Xception": {"include_top": False, "input_shape": (71, 71, 3)},
    "InceptionV3": {"include_top": False, "input_shape": (75, 75, 3)},
    "InceptionResNetV2": {"include_top": False, "input_shape": (75, 75, 3)},
    "EfficientNetB2": {"include_top": False},
    "EfficientNetV2B1": {"include_top": False, "pooling": "avg"},
    "ConvNeXtTiny": {"include_top": False},
}
NEEDS_NORMALIZATION = ("EfficientNet", "ConvNeXt")
NUMBERS = ("MobileNetV3Small",)


def pair(name):
    if name.startswith(NEEDS_NORMALIZATION) and not hasattr(ranvier.layers, "Normalization"):
        pytest.skip("needs the layer Normalization")
    kwargs = {"weights": None, "input_shape": (32, 32, 3), **GRAPHS[name]}
    models = []
    for k in (ranvier, keras):
        k.utils.clear_session()
        models.append(getattr(k.applications, name)(**kwargs))
    return models


@pytest.fixture(autouse=True)
def zeros(monkeypatch):
    """Keras compiles an initializer for every shape; the values are of no use here."""

    def draw(self, shape, dtype=None):
        return keras.ops.convert_to_tensor(np.zeros(shape, dtype or "float32"))

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", draw)


def graph(model):
    """Classes, names and calls of all operations, in order."""
    entries = json.loads(json.dumps(model.get_config()))["layers"]
    return [(e["class_name"], e["name"], e["inbound_nodes"]) for e in entries]


@pytest.mark.parametrize("name", sorted(n for n in dir(keras.applications) if n[0].isupper()))
def test_signatures(name):
    ours, theirs = (inspect.signature(getattr(k.applications, name)) for k in (ranvier, keras))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name):
    ours, theirs = pair(name)
    assert ours.name == theirs.name
    assert graph(ours) == graph(theirs)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    for own, other in zip(ours.layers, theirs.layers):
        mine, its = own.get_config(), other.get_config()
        common = set(mine) & set(its) - {"dtype", "layers"}
        assert json.loads(json.dumps({k: mine[k] for k in common})) == json.loads(
            json.dumps({k: its[k] for k in common})
        )


@pytest.mark.parametrize("name", NUMBERS)
def test_outputs_with_weights_of_keras(name, tmp_path):
    ours, theirs = pair(name)
    rng = np.random.default_rng(0)
    for w in theirs.weights:
        fan_in = max(1, int(np.prod(w.shape[:-1])))
        drawn = rng.standard_normal(w.shape) / np.sqrt(fan_in if len(w.shape) > 1 else 100)
        w.assign(np.abs(drawn) + 0.5 if w.path.endswith(("variance", "gamma")) else drawn)
    theirs.save_weights(tmp_path / "m.weights.h5")
    ours.load_weights(tmp_path / "m.weights.h5")
    x = rng.uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = theirs.predict(x, verbose=0)
    found = ours.predict(x, verbose=0)
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("family", ["resnet50", "xception", "densenet", "efficientnet"])
def test_preprocessing(family):
    x = np.random.default_rng(1).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    found = getattr(ranvier.applications, family).preprocess_input(x.copy())
    expected = getattr(keras.applications, family).preprocess_input(x.copy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == expected.dtype
