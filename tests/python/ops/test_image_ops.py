"""Image functions against their definitions, in compiled programs, with unknown sizes."""

import numpy as np
import pytest

from ranvier import KerasTensor, Model, layers, ops, random, saving
from ranvier.jit import jit

rng = np.random.default_rng(4)
X = rng.uniform(size=(2, 8, 10, 3)).astype("float32")


def test_bilinear_doubling_is_three_to_one():
    line = np.arange(4, dtype="float32").reshape(1, 4, 1)
    out = np.asarray(ops.image.resize(line, (1, 8))).reshape(-1)
    np.testing.assert_allclose(out, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-6)
    half = np.asarray(ops.image.resize(line, (1, 2), antialias=True)).reshape(-1)
    np.testing.assert_allclose(half, [(0 * 3 + 1 * 3 + 2) / 7, (3 * 3 + 2 * 3 + 1) / 7], rtol=1e-6)


def test_linear_functions_are_reproduced_inside():
    y, x = np.mgrid[0:20, 0:30].astype("float32") + 0.5
    plane = (2 * y + 3 * x)[..., None]
    for method in ("bilinear", "bicubic"):
        out = np.asarray(ops.image.resize(plane, (40, 15), interpolation=method))[..., 0]
        v, u = (np.mgrid[0:40, 0:15] + 0.5) * [[[0.5]], [[2.0]]]
        np.testing.assert_allclose(out[6:-6, 3:-3], (2 * v + 3 * u)[6:-6, 3:-3], rtol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos5"])
def test_channels_and_dtypes_resize_alike(method):
    # Few and many channels, the other layout and float64 take other paths of the kernel.
    photo = rng.normal(size=(2, 40, 50, 19)).astype("float32")
    whole = np.asarray(ops.image.resize(photo, (31, 64), interpolation=method))
    same = {"rtol": 1e-5, "atol": 5e-5}
    for channels in (1, 3, 8):
        part = ops.image.resize(photo[..., :channels], (31, 64), interpolation=method)
        np.testing.assert_allclose(part, whole[..., :channels], **same)
    first = ops.image.resize(
        photo.transpose(0, 3, 1, 2), (31, 64), interpolation=method, data_format="channels_first"
    )
    np.testing.assert_allclose(np.asarray(first).transpose(0, 2, 3, 1), whole, **same)
    double = ops.image.resize(photo.astype("float64"), (31, 64), interpolation=method)
    np.testing.assert_allclose(double, whole, **same)


def test_the_nearest_of_infinities_and_signed_zeros():
    x = np.array([np.inf, -0.0, 2.0, -np.inf], "float32").reshape(1, 2, 2, 1)
    out = np.asarray(ops.image.resize(x, (4, 6), interpolation="nearest"))
    expected = x.repeat(2, 1).repeat(3, 2)
    assert out.tobytes() == expected.tobytes()


def test_quarter_turn():
    # (x, y) of the result comes from (y, 7 - x) of a square image.
    square = X[:, :, :8]
    turn = np.array([0, 1, 0, -1, 0, 7, 0, 0], "float32")
    out = np.asarray(ops.image.affine_transform(square, turn))
    np.testing.assert_allclose(out, np.rot90(square, axes=(1, 2), k=-1), atol=1e-6)


def test_four_points_land_where_they_should():
    start = np.array([[1, 1], [1, 5], [7, 1], [7, 6]], "float32")
    end = np.array([[0, 0], [0, 7], [9, 0], [9, 7]], "float32")
    image = np.zeros((8, 10, 1), "float32")
    for value, (x, y) in enumerate(start.astype(int), 1):
        image[y, x] = value
    out = np.asarray(ops.image.perspective_transform(image, start, end))[..., 0]
    np.testing.assert_allclose([out[y, x] for x, y in end.astype(int)], [1, 2, 3, 4], atol=1e-5)


def test_color_spaces_are_inverse():
    back = ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(X))
    np.testing.assert_allclose(np.asarray(back), X, atol=2e-6)


def test_patches_by_definition():
    out = np.asarray(ops.image.extract_patches(X, (2, 3), strides=(2, 1)))
    assert out.shape == (2, 4, 8, 18)
    np.testing.assert_array_equal(out[1, 2, 5], X[1, 4:6, 5:8].reshape(-1))


def test_blur_of_a_point_is_its_kernel():
    point = np.zeros((1, 9, 9, 1), "float32")
    point[0, 4, 4] = 1
    out = np.asarray(ops.image.gaussian_blur(point, (5, 3), (1.0, 0.5)))[0, :, :, 0]
    wide = np.exp(-0.5 * np.arange(-2, 3) ** 2.0)
    tall = np.exp(-0.5 * (np.arange(-1, 2) / 0.5) ** 2)
    expected = np.outer(tall / tall.sum(), wide / wide.sum())
    np.testing.assert_allclose(out[3:6, 2:7], expected, atol=1e-6)
    assert out.sum() == pytest.approx(1, abs=1e-5)


def test_ssim_of_equal_images_is_one():
    x = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(ops.image.ssim(x, x)), 1, atol=1e-5)
    assert float(ops.image.ssim(x[0], 1 - x[0])) < 0.2


def test_elastic_displacement_is_drawn_from_the_seed():
    a, b = (np.asarray(ops.image.elastic_transform(X, 8.0, 1.0, seed=s)) for s in (1, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, np.asarray(ops.image.elastic_transform(X, 8.0, 1.0, seed=2)))
    np.testing.assert_allclose(
        np.asarray(ops.image.elastic_transform(X, 0.0, 1.0, seed=1)), X, atol=1e-6
    )
    generator = random.SeedGenerator(3)
    first = ops.image.elastic_transform(X[0], 8.0, 1.0, seed=generator)
    second = ops.image.elastic_transform(X[0], 8.0, 1.0, seed=generator)
    assert not np.array_equal(np.asarray(first), np.asarray(second))


COMPILED = {
    "resize": lambda x: ops.image.resize(x, (13, 5), interpolation="bicubic"),
    "shrink": lambda x: ops.image.resize(x, (3, 2), antialias=True, interpolation="lanczos5"),
    "scaled": lambda x: ops.image.scale_and_translate(
        x, (2, 9, 10, 3), x[0, :2, 0, 0] + 0.5, x[0, :2, 0, 1], (1, 2), "linear"
    ),
    "affine": lambda x: ops.image.affine_transform(x, x[:, 0, :8, 0], fill_mode="reflect"),
    "perspective": lambda x: ops.image.perspective_transform(
        x, x[:, :4, :2, 0] * 9, x[:, 4:, :2, 0] * 9, interpolation="bilinear"
    ),
    "patches": lambda x: ops.image.extract_patches(x, 3, strides=2, padding="same"),
    "hsv": lambda x: ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(x) * 0.9),
    "sobel": lambda x: ops.image.sobel_edges(ops.image.gaussian_blur(x)),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_equals_eager(name):
    fn = COMPILED[name]
    x = ops.convert_to_tensor(X)
    np.testing.assert_allclose(np.asarray(jit(fn)(x)), np.asarray(fn(x)), rtol=1e-4, atol=1e-4)


def test_unknown_sizes():
    x = KerasTensor((None, None, None, 3))
    assert ops.image.resize(x, (4, 5)).shape == (None, 4, 5, 3)
    assert ops.image.resize(x, (4, 5), crop_to_aspect_ratio=True).shape == (None, 4, 5, 3)
    assert ops.image.gaussian_blur(x).shape == (None, None, None, 3)
    assert ops.image.sobel_edges(x).shape == (None, None, None, 3, 2)
    transform = KerasTensor((None, 8))
    assert ops.image.affine_transform(x, transform).shape == (None, None, None, 3)
    padded = ops.image.pad_images(KerasTensor((None, 5, None, 3)), 1, 2, 3, 4)
    assert padded.shape == (None, 9, None, 3)


def test_an_image_op_of_a_saved_model(tmp_path):
    inputs = layers.Input((8, 10, 3))
    model = Model(inputs, ops.image.resize(inputs, (4, 4), interpolation="bicubic"))
    model.save(tmp_path / "resize.keras")
    again = saving.load_model(tmp_path / "resize.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("call, part", [
    (lambda: ops.image.resize(X[0, 0], (3, 3)), "Invalid images rank"),
    (lambda: ops.image.resize(X, (0, 3)), "positive height and width"),
    (lambda: ops.image.resize(X, (3, 3), interpolation="area"), "interpolation=area"),
    (lambda: ops.image.resize(X, (3, 3), fill_mode="edge"), "fill_mode=edge"),
    (lambda: ops.image.resize(X, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
     "Only one of"),
    (lambda: ops.image.affine_transform(X, np.zeros((3, 8))), "one per image"),
    (lambda: ops.image.affine_transform(X, np.zeros((2, 6))), "8 numbers"),
    (lambda: ops.image.affine_transform(X, np.zeros(8), fill_mode="fill"), "fill_mode=fill"),
    (lambda: ops.image.map_coordinates(X, np.zeros((3, 5)), 1), "rank of `inputs`"),
    (lambda: ops.image.map_coordinates(X[0, 0, 0], np.zeros((1, 5)), 2), "order=2"),
    (lambda: ops.image.perspective_transform(X, X[0, :3, :2, 0], X[0, :3, :2, 0]), "start_points"),
    (lambda: ops.image.rgb_to_hsv((X * 255).astype("uint8")), "float dtype"),
    (lambda: ops.image.hsv_to_rgb(X[..., :2]), "3 channels"),
    (lambda: ops.image.rgb_to_grayscale(X[..., :2]), "Invalid channel size"),
    (lambda: ops.image.pad_images(X, 1, 2, 3), "exactly two of left_padding"),
    (lambda: ops.image.pad_images(X, -1, 2, 3, 4), "`top_padding` must be at least 0"),
    (lambda: ops.image.crop_images(X, 5, 0, 5, 0), "`target_height` must be at least 0"),
    (lambda: ops.image.extract_patches(X, 11), "larger than the image"),
    (lambda: ops.image.extract_patches(X, (1, 2, 3, 4)), "length 2 or 3"),
    (lambda: ops.image.sobel_edges(X[0]), "rank 4"),
])  # fmt: skip
def test_mistakes(call, part):
    with pytest.raises(ValueError, match=part):
        call()


def test_a_patch_size_of_another_type():
    with pytest.raises(TypeError, match="size=3.5 of type float"):
        ops.image.extract_patches(X, 3.5)


def test_borders_of_unknown_sizes():
    x = KerasTensor((None, None, None, 3))
    assert ops.image.pad_images(x, 2, 3, target_height=20, target_width=30).shape == (
        None, 20, 30, 3,
    )  # fmt: skip
    assert ops.image.crop_images(x, 2, 3, target_height=20, target_width=30).shape == (
        None, 20, 30, 3,
    )  # fmt: skip
    with pytest.raises(ValueError, match="`target_height` must be specified"):
        ops.image.crop_images(x, 2, 3, 4, target_width=3)
    with pytest.raises(TypeError, match="length 3"):
        ops.image.extract_patches_3d(X[None], (2, 2))
