"""What image layers must do: leave data alone at inference, repeat, compile, save, take dicts."""

import json
import random as python_random

import numpy as np
import pytest
from image_layer_cases import IMAGES

import ranvier
from ranvier import Input, Model, layers, ops, serialization
from ranvier.jit import jit

rng = np.random.default_rng(8)
X = rng.uniform(0, 255, (6, 12, 10, 3)).astype("float32")
MASKS = rng.integers(0, 4, (6, 12, 10, 1)).astype("uint8")
BOXES = np.tile(np.array([[1, 2, 6, 9], [0, 0, 9, 11]], "float32"), (6, 1, 1))
MIXING = ("CutMix", "MixUp")
WITHOUT_BOXES = ("CutMix", "RandomElasticTransform")


def make(name, /, **extra):
    python_random.seed(5)
    return getattr(layers, name)(**{**IMAGES[name], "seed": 3, **extra})


def example():
    return {
        "images": X,
        "labels": np.eye(6, dtype="float32"),
        "segmentation_masks": MASKS,
        "bounding_boxes": {"boxes": BOXES, "labels": np.tile([1, 2], (6, 1))},
    }


@pytest.mark.parametrize("name", IMAGES)
def test_only_while_training_and_repeatable(name):
    first = make(name)
    np.testing.assert_array_equal(np.asarray(first(X, training=False)), X)
    out = np.asarray(first(X, training=True))
    assert out.shape == X.shape
    assert out.dtype == "float32"
    assert np.isfinite(out).all()
    assert not np.array_equal(out, X)
    np.testing.assert_array_equal(np.asarray(make(name)(X, training=True)), out)
    assert not np.array_equal(np.asarray(make(name, seed=4)(X, training=True)), out)


@pytest.mark.parametrize("name", IMAGES)
def test_single_images_and_channels_first(name):
    assert make(name)(X[0], training=True).shape == X[0].shape
    swapped = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
    first = np.asarray(make(name, data_format="channels_first")(swapped, training=True))
    if name in ("RandomErasing", "RandomElasticTransform"):  # noise is drawn in the data's order
        assert first.shape == swapped.shape
        return
    last = np.asarray(make(name)(X, training=True))
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", IMAGES)
def test_compiled_with_a_state_that_moves_on(name):
    layer = make(name)
    eager = [np.asarray(make(name)(X, training=True))]
    x = ops.convert_to_tensor(X)
    python_random.seed(5)
    compiled = jit(lambda x: layer(x, training=True))
    first, second = np.asarray(compiled(x)), np.asarray(compiled(x))
    assert not np.array_equal(first, second)
    if name != "AugMix":  # a trace draws its chains once more than a call
        np.testing.assert_allclose(first, eager[0], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", IMAGES)
def test_configs(name):
    layer = make(name, name="some_name")
    text = json.dumps(serialization.serialize_keras_object(layer))
    again = serialization.deserialize_keras_object(json.loads(text))
    assert type(again) is type(layer)
    assert json.dumps(serialization.serialize_keras_object(again)) == text
    assert tuple(layer.compute_output_shape((None, 12, 10, 3))) == (None, 12, 10, 3)


@pytest.mark.parametrize("name", IMAGES)
def test_symbolic_inputs_of_unknown_size(name):
    inputs = Input((12, 10, 3))
    model = Model(inputs, make(name)(inputs))
    assert model.output_shape == (None, 12, 10, 3)
    assert model(X, training=True).shape == X.shape
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)
    assert make(name)(Input((None, None, 3))).shape == (None, None, None, 3)


@pytest.mark.parametrize("name", IMAGES)
def test_dicts(name):
    data = example()
    if name in WITHOUT_BOXES:
        with pytest.raises(NotImplementedError, match="bounding boxes"):
            make(name, bounding_box_format="xyxy")(data, training=True)
        data.pop("bounding_boxes")
    else:
        with pytest.raises(ValueError, match="bounding_box_format"):
            make(name)(data, training=True)
    out = make(name, bounding_box_format="xyxy")(data, training=True)
    assert set(out) == set(data)
    assert out["images"].shape == X.shape
    assert out["segmentation_masks"].shape == MASKS.shape
    if name not in MIXING:
        np.testing.assert_array_equal(np.asarray(out["labels"]), data["labels"])
    else:
        np.testing.assert_allclose(np.asarray(out["labels"]).sum(-1), 1, rtol=1e-5)
    if "bounding_boxes" in data:
        boxes = np.asarray(out["bounding_boxes"]["boxes"])
        assert boxes.shape == ((6, 4, 4) if name == "MixUp" else BOXES.shape)
        assert (boxes[..., :2] <= boxes[..., 2:] + 1e-3).all()
    np.testing.assert_array_equal(data["images"], X)


def test_half_precision():
    for name in IMAGES:
        out = make(name, dtype="mixed_bfloat16")(X / 255 - 0.0, training=True)
        assert out.dtype == "bfloat16", name
        assert np.isfinite(np.asarray(out).astype("float32")).all(), name


def test_masks_keep_their_classes():
    for name in ("RandomFlip", "RandomRotation", "RandomZoom", "RandomPerspective", "CutMix"):
        extra = {"fill_value": 1.0} if name == "RandomRotation" else {}
        out = make(name, **extra)({"images": X, "segmentation_masks": MASKS}, training=True)
        assert set(np.unique(np.asarray(out["segmentation_masks"]))) <= {0, 1, 2, 3}, name


def test_flips_by_definition():
    layer = layers.RandomFlip("horizontal", seed=1)
    drawn = layer.get_random_transformation(X)
    flags = np.asarray(drawn["flips"])
    assert flags.any()
    assert not flags.all()
    out = np.asarray(layer.transform_images(X, drawn))
    np.testing.assert_array_equal(out, np.where(flags, X[:, :, ::-1], X))


def test_boxes_follow_their_objects():
    image = np.zeros((1, 20, 20, 1), "float32")
    image[0, 4:9, 6:14] = 1
    boxes = {"boxes": np.array([[[6, 4, 14, 9]]], "float32"), "labels": np.array([[7]])}
    for layer in (
        layers.RandomFlip(seed=2, bounding_box_format="xyxy"),
        layers.RandomZoom((-0.3, -0.1), seed=2, fill_mode="constant", bounding_box_format="xyxy"),
        layers.RandomTranslation(0.2, 0.2, seed=3, fill_mode="constant", interpolation="nearest",
                                 bounding_box_format="xyxy"),
    ):  # fmt: skip
        drawn = layer.get_random_transformation(image)
        out = np.asarray(layer.transform_images(image, drawn))[0, :, :, 0] > 0.5
        moved = layer.transform_bounding_boxes(boxes, drawn)
        rows, columns = np.flatnonzero(out.any(1)), np.flatnonzero(out.any(0))
        if not len(rows):
            continue
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        sign = -1 if isinstance(layer, layers.RandomTranslation) else 1
        box = np.asarray(moved["boxes"])[0, 0]
        if sign == 1:
            np.testing.assert_allclose(box, found, atol=2.1, err_msg=type(layer).__name__)


def test_ragged_boxes_are_filled():
    boxes = [[[0, 0, 4, 4]], [[1, 1, 5, 5], [2, 2, 8, 8]]]
    data = {"images": X[:2], "bounding_boxes": {"boxes": boxes, "labels": [[1], [2, 3]]}}
    layer = layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    out = layer(data)["bounding_boxes"]
    assert out["boxes"].shape == (2, 3, 4)
    np.testing.assert_array_equal(np.asarray(out["labels"]), [[1, -1, -1], [2, 3, -1]])


def test_pipeline_and_saved_model(tmp_path):
    pipeline = layers.Pipeline([layers.RandomFlip(seed=1), layers.Rescaling(1 / 255)])
    np.testing.assert_allclose(np.asarray(pipeline(X, training=False)), X / 255, rtol=1e-6)
    inputs = Input((12, 10, 3))
    x = layers.RandomContrast(0.2, seed=1)(pipeline(inputs))
    model = Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Resizing(6, 6)(x))))
    model.save(tmp_path / "augmented.keras")
    again = ranvier.saving.load_model(tmp_path / "augmented.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    assert [type(layer).__name__ for layer in again.layers[1].layers] == ["RandomFlip", "Rescaling"]


def test_augmentation_in_fit():
    inputs = Input((12, 10, 3))
    x = layers.RandAugment(seed=1)(inputs)
    x = layers.RandomCrop(8, 8, seed=2)(layers.RandomErasing(seed=3)(x))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))
    model = Model(inputs, outputs)
    model.compile("adam", "mse")
    history = model.fit(X, np.zeros((6, 3)), batch_size=3, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_histogram_layers_by_definition():
    image = rng.integers(0, 256, (1, 16, 16, 1)).astype("float32")
    flat = np.asarray(layers.AutoContrast()(image / 3 + 20))
    np.testing.assert_allclose((flat.min(), flat.max()), (0, 255), atol=1e-3)
    dark = np.floor(image / 8)
    spread = np.asarray(layers.Equalization()(dark))
    order = np.argsort(dark.reshape(-1), kind="stable")
    assert (np.diff(spread.reshape(-1)[order]) >= 0).all()
    assert spread.max() == 255
    tiles = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    assert np.asarray(tiles(dark)).std() > 2 * dark.std()


@pytest.mark.parametrize("call, error, part", [
    (lambda: layers.RandomRotation(0.1, fill_mode="edge"), NotImplementedError, "fill_mode"),
    (lambda: layers.RandomZoom(0.1, interpolation="cubic"), NotImplementedError, "interpolation"),
    (lambda: layers.RandomTranslation(2.0, 0.1), ValueError, "height_factor"),
    (lambda: layers.RandomZoom(-1.0), ValueError, "height_factor"),
    (lambda: layers.RandomShear(-0.1), ValueError, "x_factor"),
    (lambda: layers.RandomBrightness(1.5), ValueError, "factor"),
    (lambda: layers.RandomBrightness(0.5, value_range=1), ValueError, "value_range"),
    (lambda: layers.RandomContrast("a"), ValueError, "factor"),
    (lambda: layers.RandomPosterization(9), ValueError, "factor"),
    (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "odd"),
    (lambda: layers.RandomPerspective(scale=2), ValueError, "scale"),
    (lambda: layers.RandomGrayscale(2), ValueError, "between 0 and 1"),
    (lambda: layers.Solarization(2), ValueError, "addition_factor"),
    (lambda: layers.RandomFlip("sideways"), ValueError, "mode"),
    (lambda: layers.Resizing(3, 3, factor=0.2), ValueError, "does not take"),
    (lambda: layers.RandomBrightness(0.1)(X[0, 0]), ValueError, "rank 3 or 4"),
    (lambda: layers.CenterCrop(3, 3).compute_output_shape((3, 3)), ValueError, "batched"),
])  # fmt: skip
def test_mistakes(call, error, part):
    with pytest.raises(error, match=part):
        call()


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Resizing(2, 3),
        lambda: layers.CenterCrop(2, 2),
        lambda: layers.RandomFlip(seed=1),
        lambda: layers.Solarization(),
        lambda: layers.Rescaling(0.5),
        lambda: layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9]),
    ],
    ids=["resizing", "crop", "flip", "solarization", "rescaling", "normalization"],
)
def test_lists_of_numbers_are_images(make):
    image = np.arange(60, dtype="float32").reshape(4, 5, 3)
    np.testing.assert_array_equal(make()(image.tolist()), make()(image))
