"""Image files; needs Pillow."""

import io

import numpy as np
import pytest

import ranvier
from ranvier import preprocessing, utils

Image = pytest.importorskip("PIL.Image")
rng = np.random.default_rng(3)


@pytest.fixture
def folder(tmp_path):
    for kind, color in (("blue", (0, 0, 250)), ("red", (250, 0, 0))):
        (tmp_path / kind).mkdir()
        for i in range(5):
            pixels = np.tile(np.array(color, "uint8"), (8 + i, 12, 1))
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    return tmp_path


def test_arrays_and_images(tmp_path):
    x = rng.integers(0, 256, (5, 7, 3)).astype("float32")
    x[0, 0], x[0, 1] = 0, 255
    image = utils.array_to_img(x)
    assert (image.size, image.mode) == ((7, 5), "RGB")
    np.testing.assert_allclose(utils.img_to_array(image), x, atol=1)
    first = utils.img_to_array(image, data_format="channels_first", dtype="uint8")
    assert (first.shape, first.dtype) == ((3, 5, 7), "uint8")
    assert utils.array_to_img(x[..., :1], scale=False).mode == "L"
    assert utils.array_to_img(x[..., :1] * 10, scale=False).mode == "I"
    assert utils.img_to_array(utils.array_to_img(x[..., :1])).shape == (5, 7, 1)
    path = tmp_path / "some.png"
    utils.save_img(path, x, scale=False)
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(path)), np.floor(x))
    assert utils.load_img(str(path), color_mode="grayscale").mode == "L"
    assert utils.load_img(path, color_mode="rgba", target_size=(9, 4)).size == (4, 9)
    assert utils.load_img(path, target_size=(4, 4), keep_aspect_ratio=True).size == (4, 4)
    buffer = io.BytesIO(path.read_bytes())
    assert utils.load_img(buffer, interpolation="bicubic", target_size=(3, 3)).size == (3, 3)
    with pytest.warns(UserWarning, match="RGBA"):
        utils.save_img(tmp_path / "some.jpg", rng.uniform(size=(4, 4, 4)))


@pytest.mark.parametrize("call, error, part", [
    (lambda: utils.array_to_img(np.zeros((3, 3))), ValueError, "rank 3"),
    (lambda: utils.array_to_img(np.zeros((3, 3, 2))), ValueError, "channel number: 2"),
    (lambda: utils.img_to_array(np.zeros(3)), ValueError, "image shape"),
    (lambda: utils.load_img(3), TypeError, "path-like"),
    (lambda: preprocessing.image.smart_resize(np.zeros((4, 4)), (2, 2)), ValueError, "rank"),
    (lambda: preprocessing.image.smart_resize(np.zeros((4, 4, 1)), (2,)), ValueError, "size"),
])  # fmt: skip
def test_mistakes(call, error, part):
    with pytest.raises(error, match=part):
        call()


def test_smart_resize_keeps_proportions():
    x = np.zeros((4, 8, 1), "float32")
    x[:, 2:6] = 1
    out = preprocessing.image.smart_resize(x, (2, 2))
    assert isinstance(out, np.ndarray)
    np.testing.assert_array_equal(out, np.ones((2, 2, 1)))


def test_directory(folder):
    load = utils.image_dataset_from_directory
    assert preprocessing.image_dataset_from_directory is load
    dataset = load(folder, image_size=(6, 6), batch_size=4, seed=1, verbose=False)
    assert dataset.class_names == ["blue", "red"]
    count = 0
    for images, labels in dataset:
        assert tuple(images.shape[1:]) == (6, 6, 3)
        assert (images.dtype, labels.dtype) == ("float32", "int32")
        red = np.asarray(images)[:, 0, 0, 0] > 100
        np.testing.assert_array_equal(red, np.asarray(labels) == 1)
        count += len(labels)
    assert count == 10
    train, held = load(folder, image_size=(6, 6), validation_split=0.2, subset="both", seed=2,
                       color_mode="grayscale", label_mode="binary", data_format="channels_first",
                       verbose=False)  # fmt: skip
    images, labels = next(iter(held))
    assert (tuple(images.shape), tuple(labels.shape)) == ((2, 1, 6, 6), (2, 1))
    assert len(train.file_paths) == 8
    shapes = [tuple(x.shape) for x in load(
        folder, labels=None, image_size=5, batch_size=None, color_mode="rgba",
        crop_to_aspect_ratio=True, verbose=False)]  # fmt: skip
    assert shapes == [(5, 5, 4)] * 10


def test_training_from_files(folder):
    data = utils.image_dataset_from_directory(
        folder, image_size=(6, 6), label_mode="binary", verbose=False, seed=1
    )
    model = ranvier.Sequential([
        ranvier.layers.RandomFlip(),
        ranvier.layers.Rescaling(1 / 255),
        ranvier.layers.Flatten(),
        ranvier.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(ranvier.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(data, epochs=15, verbose=0)
    assert model.evaluate(data, verbose=0, return_dict=True)["accuracy"] == 1


@pytest.mark.parametrize("options, part", [
    ({"color_mode": "bgr"}, "color_mode"),
    ({"image_size": (3, 3, 3)}, "image_size"),
    ({"interpolation": "spline"}, "interpolation"),
    ({"format": "arrow"}, "format"),
    ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
])  # fmt: skip
def test_bad_options(folder, options, part):
    with pytest.raises(ValueError, match=part):
        utils.image_dataset_from_directory(folder, **options)


def test_a_broken_file_is_named(folder):
    (folder / "red" / "broken.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="broken.png"):
        list(utils.image_dataset_from_directory(folder, image_size=(4, 4), verbose=False))
