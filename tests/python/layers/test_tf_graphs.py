"""Layers in the graphs that `tf.data` makes of the functions given to it."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

tf = pytest.importorskip("tensorflow")


def _images(dtype="float32"):
    return (np.random.default_rng(0).random((4, 8, 6, 3)) * 255).astype(dtype)


def _mapped(layer, x, **kwargs):
    """A data set of batches of two, through the layer, and its batches joined again."""
    data = tf.data.Dataset.from_tensor_slices(x).batch(2, drop_remainder=True)
    data = data.map(lambda batch: layer(batch, **kwargs))
    batches = [tf.nest.flatten(batch) for batch in data]
    return data, [np.concatenate([t.numpy() for t in parts]) for parts in zip(*batches)]


_CASES = {
    "rescaling": (lambda: layers.Rescaling(1 / 255), _images()),
    "resizing of uint8": (lambda: layers.Resizing(4, 5), _images("uint8")),
    "float64": (lambda: layers.CenterCrop(4, 4), _images("float64")),
    "built there": (
        lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 4.0]),
        _images(),
    ),
    "indices": (lambda: layers.CategoryEncoding(4), np.array([[1, 2], [3, 0], [1, 1], [2, 0]])),
    "strings": (lambda: layers.StringLookup(vocabulary=["a", "b"]), np.array(list("acba"))),
    "text": (
        lambda: layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3),
        np.array(["a b", "c", "b b b b", ""]),
    ),
    "a chain": (
        lambda: layers.Pipeline([layers.Resizing(4, 4), layers.Rescaling(0.5)]),
        _images(),
    ),
    "a model": (
        lambda: keras.Sequential([layers.Dense(2, kernel_initializer="ones")]),
        np.ones((4, 3), "float32"),
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_batches_are_those_of_plain_calls(case):
    make, x = _CASES[case]
    layer = make()
    data, (found,) = _mapped(layer, x)
    expected = np.asarray(layer(x))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert data.element_spec.shape == (2, *expected.shape[1:])
    assert found.dtype == expected.dtype


def test_sizes_that_the_graph_does_not_know_stay_unknown():
    data = tf.data.Dataset.from_tensor_slices(_images()).batch(3).map(layers.Resizing(4, 5))
    assert data.element_spec.shape.as_list() == [None, 4, 5, 3]
    assert [len(batch) for batch in data] == [3, 1]


def test_strings_come_back():
    layer = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    _, (words,) = _mapped(layer, np.array([1, 2, 0, 1]))
    assert [word.decode() for word in words] == ["a", "b", "[UNK]", "a"]


def test_images_labels_and_boxes_go_together():
    box = np.tile(np.array([[[0.0, 0.0, 2.0, 4.0]]], "float32"), (4, 1, 1))
    x = {
        "images": _images(),
        "labels": np.arange(4),
        "bounding_boxes": {"boxes": box, "labels": np.ones((4, 1), "float32")},
    }
    layer = layers.RandomFlip("horizontal", bounding_box_format="xyxy", seed=1)
    data, _ = _mapped(layer, x, training=True)
    first = next(iter(data))
    assert first["labels"].numpy().tolist() == [0, 1]
    for image, given, found in zip(
        first["images"].numpy(), x["images"], first["bounding_boxes"]["boxes"].numpy()
    ):
        flipped = not np.array_equal(image, given)
        np.testing.assert_array_equal(image, given[:, ::-1] if flipped else given)
        np.testing.assert_allclose(found, [[4, 0, 6, 4] if flipped else [0, 0, 2, 4]])


def test_every_pass_draws_anew():
    layer = layers.RandomBrightness(0.5, seed=1)
    data, first = _mapped(layer, _images(), training=True)
    again = np.concatenate([batch.numpy() for batch in data])
    assert not np.allclose(first[0], again)


def test_columns_of_a_table():
    space = keras.utils.FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
    columns = {"age": np.array([20.0, 40.0, 30.0, 30.0]), "city": np.array(list("abba"))}
    space.adapt(columns)
    data, (found,) = _mapped(space, columns)
    np.testing.assert_allclose(found, np.asarray(space(columns)), rtol=1e-6)
    assert data.element_spec.shape == found[:2].shape


def test_several_workers_feed_the_training():
    augment = layers.RandomRotation(0.1, seed=1)
    x, y = _images(), np.arange(4)
    data = tf.data.Dataset.from_tensor_slices((x, y)).repeat(8).batch(4)
    data = data.map(lambda x, y: (augment(x, training=True), y), num_parallel_calls=4).prefetch(2)
    model = keras.Sequential([layers.Flatten(), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(data, epochs=2, verbose=0).history["loss"]).all()
    assert int(model.optimizer.iterations) == 16


def test_an_unknown_number_of_axes_is_an_error():
    def unranked(x):
        return layers.Rescaling(2.0)(tf.py_function(lambda v: v, [x], tf.float32))

    with pytest.raises(ValueError, match="number of axes"):
        tf.data.Dataset.from_tensor_slices(_images()).map(unranked)
