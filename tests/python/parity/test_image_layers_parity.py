"""Image layers beside Keras' own: the same transformation, the same images, boxes and masks."""

import pathlib
import sys

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "layers"))
from image_layer_cases import DRAWN_INSIDE, IMAGES

pytestmark = pytest.mark.filterwarnings("ignore")
rng = np.random.default_rng(11)
X = rng.uniform(0, 255, (4, 12, 10, 3)).astype("float32")
FIRST = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
CORNERS = np.sort(rng.uniform(0.5, 9.5, (4, 3, 2, 2)), axis=2).reshape(4, 3, 4)
BOXES = {"boxes": CORNERS.astype("float32"), "labels": rng.integers(0, 5, (4, 3)).astype("int32")}


def pair(name, /, **extra):
    options = {**IMAGES[name], "seed": 3, **extra}
    return tuple(getattr(k.layers, name)(**options) for k in (ranvier, keras))


def plain(transformation):
    """Keras' transformation with NumPy arrays for tensors."""
    return keras.tree.map_structure(
        lambda v: np.asarray(v) if hasattr(v, "__array__") else v, transformation
    )


def both(name, method, value, data, **extra):
    ours, theirs = pair(name, **extra)
    drawn = theirs.get_random_transformation(data, training=True)
    # A copy: Keras writes into what it is given.
    given = keras.tree.map_structure(lambda v: keras.ops.convert_to_tensor(v), value)
    want = getattr(theirs, method)(given, drawn, training=True)
    got = getattr(ours, method)(value, plain(drawn), training=True)
    return got, want


@pytest.mark.parametrize("name", [n for n in IMAGES if n not in DRAWN_INSIDE])
def test_same_images(name):
    close(*both(name, "transform_images", X, X), rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("name", [n for n in IMAGES if n not in DRAWN_INSIDE])
def test_same_images_with_channels_first(name):
    got, want = both(name, "transform_images", FIRST, FIRST, data_format="channels_first")
    close(got, want, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("name", ["RandomSharpness", "RandomColorDegeneration", "RandomInvert",
                                  "RandomPosterization"])  # fmt: skip
def test_same_images_in_whole_numbers(name):
    whole = X.astype("uint8")
    got, want = both(name, "transform_images", whole, whole, dtype="uint8")
    assert str(got.dtype).rsplit(".", maxsplit=1)[-1] == str(want.dtype)
    close(got, want)


@pytest.mark.parametrize("name", [
    "RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom", "RandomShear",
    "RandomPerspective",
])  # fmt: skip
def test_same_boxes(name):
    got, want = both(name, "transform_bounding_boxes", BOXES, X, bounding_box_format="xyxy")
    close(got["boxes"], want["boxes"], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(np.asarray(got["labels"]), np.asarray(want["labels"]))


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomZoom", "RandomShear",
                                  "RandomTranslation", "CutMix"])  # fmt: skip
def test_same_masks(name):
    masks = rng.integers(0, 4, (4, 12, 10, 3)).astype("uint8")
    got, want = both(name, "transform_segmentation_masks", masks, X)
    assert np.mean(np.asarray(got) != np.asarray(want)) < 0.02, "but for ties of the nearest pixel"


@pytest.mark.parametrize("name", ["CutMix", "MixUp"])
def test_same_labels(name):
    labels = np.eye(4, dtype="float32")
    close(*both(name, "transform_labels", labels, X))


def draws(name, key):
    """Many draws of both libraries, at once."""
    data = np.zeros((3000, 4, 3, 3), "float32")
    return [
        np.asarray(layer.get_random_transformation(data, training=True)[key])
        for layer in pair(name)
    ]


@pytest.mark.parametrize("name, key", [
    ("RandomFlip", "flips"), ("RandomTranslation", "translations"), ("RandomRotation", "angle"),
    ("RandomZoom", "height_zoom"), ("RandomZoom", "width_zoom"), ("RandomShear", "shear_factor"),
    ("RandomPerspective", "end_points"), ("RandomBrightness", "rgb_delta"),
    ("RandomContrast", "contrast_factor"),
    ("RandomColorDegeneration", "factor"), ("RandomHue", "factor"),
    ("RandomInvert", "apply_inversion"), ("RandomPosterization", "shift_factor"),
    ("RandomSaturation", "factor"), ("RandomSharpness", "factor"), ("Solarization", "additions"),
    ("Solarization", "thresholds"), ("MixUp", "mix_weight"),
])  # fmt: skip
def test_draws_have_the_same_distribution(name, key):
    ours, theirs = (v.astype("float64") for v in draws(name, key))
    assert ours.shape == theirs.shape
    axes = tuple(range(1, ours.ndim))
    a, b = (v.mean(axis=axes) if axes else v for v in (ours, theirs))
    if len(np.unique(b)) < 10:
        assert set(np.unique(a)) == set(np.unique(b))
    # The largest distance of the two empirical distribution functions (Kolmogorov, Smirnov).
    grid = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(v), grid, side="right") / len(v) for v in (a, b)]
    assert np.abs(shares[0] - shares[1]).max() < 0.05


@pytest.mark.parametrize("name", IMAGES)
def test_same_config(name):
    ours, theirs = pair(name, name="same")
    mine = ranvier.saving.serialize_keras_object(ours)
    real = keras.saving.serialize_keras_object(theirs)
    assert keras.tree.lists_to_tuples(mine) == keras.tree.lists_to_tuples(real)
    again = keras.saving.deserialize_keras_object(mine)
    assert type(again).__name__ == name


@pytest.mark.parametrize("form", ["xyxy", "rel_center_xywh"])
@pytest.mark.parametrize("name, options", [
    ("Resizing", {"height": 7, "width": 15}),
    ("Resizing", {"height": 8, "width": 8, "pad_to_aspect_ratio": True}),
    ("Resizing", {"height": 8, "width": 8, "crop_to_aspect_ratio": True}),
    ("CenterCrop", {"height": 8, "width": 6}),
    ("CenterCrop", {"height": 14, "width": 6}),
])  # fmt: skip
def test_sizes_with_boxes_labels_and_masks(name, options, form):
    def data():
        boxes = np.asarray(keras.utils.bounding_boxes.convert_format(
            BOXES["boxes"].copy(), "xyxy", form, 12, 10))  # fmt: skip
        return {"images": X.copy(), "labels": np.arange(4), "segmentation_masks": X[..., :1].copy(),
                "bounding_boxes": {"boxes": boxes, "labels": BOXES["labels"].copy()}}  # fmt: skip

    outputs = [
        getattr(k.layers, name)(**options, bounding_box_format=form)(data())
        for k in (ranvier, keras)
    ]
    for key in ("images", "labels", "segmentation_masks"):
        close(outputs[0][key], outputs[1][key], rtol=1e-4, atol=1e-3)
    for key in ("boxes", "labels"):
        close(*(o["bounding_boxes"][key] for o in outputs), rtol=1e-4, atol=1e-4)


FORMS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
         "rel_center_xywh")  # fmt: skip
bounding_boxes = ranvier.utils.bounding_boxes, keras.utils.bounding_boxes


@pytest.mark.parametrize("source", FORMS)
def test_forms_of_boxes(source):
    boxes = BOXES["boxes"] / (np.array([10, 12, 10, 12]) if source.startswith("rel") else 1)
    for target in FORMS:
        close(*(b.convert_format(boxes, source, target, 12, 10) for b in bounding_boxes), rtol=1e-4)


@pytest.mark.parametrize("form", ["xyxy", "center_xywh"])
def test_overlaps_and_deltas(form):
    first, second = CORNERS[0].astype("float32"), CORNERS[1:].astype("float32")
    second[0, 0] = -1
    ours, theirs = bounding_boxes
    for call in (
        lambda b: b.compute_iou(first, second[1], form),
        lambda b: b.compute_iou(second, second, form, use_masking=True),
        lambda b: b.compute_iou(first / 12, second[1] / 12, "rel_yxyx", image_shape=(12, 10, 3)),
        lambda b: b.compute_ciou(second, second[::-1], form),
        lambda b: b.encode_box_to_deltas(first, second[1], form, "xywh", variance=[0.1, 0.1, 2, 2]),
        lambda b: b.decode_deltas_to_boxes(first, second[1] / 9, "xyxy", form, "center_xywh"),
        lambda b: b.crop(second, 1, 2, 6, 5),
        lambda b: b.pad(second, 1, 2),
        lambda b: b.clip_to_image_size({"boxes": second, "labels": np.arange(9).reshape(3, 3)},
                                       6, 5)["labels"],
    ):  # fmt: skip
        close(call(ours), call(theirs), rtol=1e-4, atol=1e-5)


def test_affine_boxes():
    one = [rng.uniform(-1, 1, 4).astype("float32") for _ in range(6)]
    angle, dx, dy, scale, sx, sy = (v * s for v, s in zip(one, (90, 0.3, 0.3, 1, 20, 20)))
    close(*(
        b.affine_transform(
            BOXES["boxes"], *(k.ops.convert_to_tensor(v) for v in (angle, dx, dy, scale, sx, sy)),
            12, 10, 0.3, 0.6,
        )
        for b, k in zip(bounding_boxes, (ranvier, keras))
    ), rtol=1e-4, atol=1e-3)  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"alpha": 0.3, "num_classes": 4}, {"blend": False}])
def test_drawn_masks(options):
    masks = rng.integers(-1, 4, (4, 12, 10, 1))
    ours, theirs = (
        k.visualization.draw_segmentation_masks(X, masks, **options) for k in (ranvier, keras)
    )
    close(np.asarray(ours).astype("float32"), np.asarray(theirs).astype("float32"), atol=1)
