"""Geometric transformations of images: every output pixel looks up its place in the input."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config, random
from ranvier.ops import elementwise as ew
from ranvier.ops._define import IMAGE, Tensor, cast, expand, op, reshape, to_tensor
from ranvier.ops.image._layout import Batch, check_rank
from ranvier.ops.image.sampling import FILL_MODES, INTERPOLATIONS, check_choice, sample
from ranvier.ops.image.windows import blur
from ranvier.ops.joins import stack


def _pixels(height, width, dtype="float32"):
    """Rows (height, 1) and columns (1, width) of a grid."""
    exact = "float64" if dtype == "float64" else "float32"
    return (
        cast(B.tensor(np.arange(height, dtype=exact)[:, None]), dtype),
        cast(B.tensor(np.arange(width, dtype=exact)[None, :]), dtype),
    )


def sample_images(x: Tensor, rows: Tensor, columns: Tensor, interpolation, fill_mode, fill_value):
    """Images (batch, height, width, channels) at points (batch, height', width')."""
    batch, height, width, channels = x.shape
    table = reshape(x, [batch * height * width, channels])
    first = B.tensor((np.arange(batch, dtype="int32") * (height * width)).reshape(-1, 1, 1))
    order = INTERPOLATIONS[interpolation]
    return sample(table, [height, width], [rows, columns], order, fill_mode, fill_value, first)


def warp(x: Tensor, parameters, interpolation, fill_mode, fill_value):
    """Images (batch, height, width, channels) under affine maps.

    The output pixel (column u, row v) is the input at column a0 u + a1 v + a2 and row
    b0 u + b1 v + b2; `parameters` are these six as tensors of shape (batch, 1, 1) or (1, 1, 1).
    """
    a0, a1, a2, b0, b1, b2 = parameters
    rows, columns = _pixels(x.shape[1], x.shape[2], a0.dtype)

    def place(along_column, along_row, offset):
        moved = ew.add(ew.multiply(along_column, columns), ew.multiply(along_row, rows))
        return ew.add(moved, offset)

    places = place(b0, b1, b2), place(a0, a1, a2)
    return sample_images(x, *places, interpolation, fill_mode, fill_value)


@op(IMAGE, static=("interpolation", "fill_mode", "fill_value", "data_format"))
def affine_transform(
    images,
    transform,
    interpolation="bilinear",
    fill_mode="constant",
    fill_value=0,
    data_format=None,
):
    """Images under affine maps from output to input pixels.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        transform: (8,) or (batch, 8): a0, a1, a2, b0, b1, b2, 0, 0. The output pixel (x, y) is the
            input at (a0 x + a1 y + a2, b0 x + b1 y + b2).
        interpolation: "nearest" or "bilinear".
        fill_mode: what stands outside of the image: "constant" (`fill_value`), "nearest" (the
            edge), "wrap", "mirror" (without the edge twice) or "reflect" (with it).
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: an unknown choice, or another rank of images or transforms.

    Example:
        >>> image = ops.reshape(ops.arange(4.0), (2, 2, 1))
        >>> moved = ops.image.affine_transform(image, ops.array([1.0, 0, 1, 0, 1, 0, 0, 0]))
        >>> moved[:, :, 0].tolist()
        [[1.0, 0.0], [3.0, 0.0]]
    """
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    batch = Batch(images, data_format)
    transform = to_tensor(transform)
    if len(transform.shape) not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform, 8 numbers) or rank 2 (batch"
            f" of transforms). Received input with shape: transform.shape={tuple(transform.shape)}"
        )
    if not config.is_float_dtype(transform.dtype):
        transform = cast(transform, "float32")
    transform = reshape(transform, [-1, 8])
    count = batch.images.shape[0]
    if transform.shape[0] not in (1, count):
        raise ValueError(
            "affine_transform: expected one transform, or one per image. Received: "
            f"transform.shape={tuple(transform.shape)} for {count} images"
        )
    columns = [reshape(transform[:, i], [-1, 1, 1]) for i in range(6)]
    return batch.restore(warp(batch.images, columns, interpolation, fill_mode, fill_value))


def _unit_square_to(points):
    """The projective map from the unit square to a quadrilateral, as a 3x3 list of (batch,).

    `points`: (batch, 4, 2), images of (0, 0), (0, 1), (1, 0), (1, 1). After Heckbert,
    "Fundamentals of texture mapping and image warping" (1989), section 2.2.3.
    """
    x = [points[:, i, 0] for i in range(4)]
    y = [points[:, i, 1] for i in range(4)]
    # Corners in the order of turning: p0 = (0, 0), p1 = (1, 0), p2 = (1, 1), p3 = (0, 1).
    order = (0, 2, 3, 1)
    (x0, x1, x2, x3), (y0, y1, y2, y3) = ([v[i] for i in order] for v in (x, y))
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g = (sx * dy2 - dx2 * sy) / area
    h = (dx1 * sy - sx * dy1) / area
    return [
        [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
        [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
        [g, h, g * 0 + 1],
    ]


def _adjugate(m):
    def minor(i, j):
        (a, b), (c, d) = ([v for k, v in enumerate(row) if k != j]
                          for r, row in enumerate(m) if r != i)  # fmt: skip
        return a * d - b * c if (i + j) % 2 == 0 else b * c - a * d

    return [[minor(j, i) for j in range(3)] for i in range(3)]


def _product(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def homography(start_points: Tensor, end_points: Tensor):
    """Eight numbers (batch, 8) of the maps that take each end point to its start point.

    The corners are in the order top left, bottom left, top right, bottom right (any order that is
    the same for both serves). Computed in float64: the result of float32 points is exact to their
    rounding.
    """
    start, end = cast(to_tensor(start_points), "float64"), cast(to_tensor(end_points), "float64")
    m = _product(_unit_square_to(start), _adjugate(_unit_square_to(end)))
    entries = [value / m[2][2] for row in m for value in row]
    return stack(entries[:8], axis=-1)


def _check_points(start, end):
    for name, points in (("start_points", start), ("end_points", end)):
        if len(points.shape) not in (2, 3) or tuple(points.shape[-2:]) != (4, 2):
            raise ValueError(
                f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. "
                f"Received shape: {tuple(points.shape)}"
            )
    if tuple(start.shape) != tuple(end.shape):
        raise ValueError(
            "start_points and end_points must have the same shape. Received "
            f"start_points.shape={tuple(start.shape)}, end_points.shape={tuple(end.shape)}"
        )


@op(IMAGE, static=("interpolation", "fill_value", "data_format"))
def perspective_transform(
    images,
    start_points,
    end_points,
    interpolation="bilinear",
    fill_value=0,
    data_format=None,
):
    """Images under the projective maps that move four points each.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        start_points: (4, 2) or (batch, 4, 2), points (x, y) of the input.
        end_points: where these points lie in the result; the same shape.
        interpolation: "nearest" or "bilinear".
        fill_value: the value outside of the input.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: an unknown interpolation, or another shape of points.

    Example:
        >>> image = ops.reshape(ops.arange(4.0), (2, 2, 1))
        >>> corners = ops.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> same = ops.image.perspective_transform(image, corners, corners)
        >>> np.round(same[:, :, 0], 4).tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    start, end = to_tensor(start_points), to_tensor(end_points)
    check_rank(images.shape)
    _check_points(start, end)
    batch = Batch(images, data_format)
    x = batch.images
    if len(start.shape) == 2:
        start, end = expand(start, 0), expand(end, 0)
    if start.shape[0] not in (1, x.shape[0]):
        raise ValueError(
            "perspective_transform: expected one set of points, or one per image. Received: "
            f"start_points.shape={tuple(start.shape)} for {x.shape[0]} images"
        )
    dtype = "float64" if start.dtype == "float64" else "float32"
    maps = cast(homography(start, end), dtype)
    h = [reshape(maps[:, i], [-1, 1, 1]) for i in range(8)]
    rows, columns = _pixels(x.shape[1], x.shape[2], dtype)
    below = h[6] * columns + h[7] * rows + 1.0
    places = (
        (h[3] * columns + h[4] * rows + h[5]) / below,
        (h[0] * columns + h[1] * rows + h[2]) / below,
    )
    return batch.restore(sample_images(x, *places, interpolation, "constant", fill_value))


@op(IMAGE, static=("order", "fill_mode", "fill_value"))
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """Values of a tensor at points between its elements.

    Args:
        inputs: a tensor of any rank r.
        coordinates: (r, points...), the place along each axis.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: what stands outside: "constant" (`fill_value`), "nearest", "wrap", "mirror" or
            "reflect".
        fill_value: for "constant".

    Returns:
        (points...) in the dtype of `inputs`.

    Raises:
        ValueError: an unknown order or mode, or coordinates that do not fit to the rank.

    Example:
        >>> x, places = [[0.0, 1.0], [2.0, 3.0]], [[0.5, 1.0], [0.5, 0.25]]
        >>> ops.image.map_coordinates(x, places, order=1).tolist()
        [1.5, 2.25]
    """
    x, places = to_tensor(inputs), to_tensor(coordinates)
    if places.shape[0] != len(x.shape):
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs "
            f"with shape: {tuple(x.shape)} and coordinate leading dim of {places.shape[0]}"
        )
    if len(places.shape) < 2:
        raise ValueError(
            "Invalid coordinates rank: expected at least rank 2. Received input with shape: "
            f"{tuple(places.shape)}"
        )
    check_choice("fill_mode", fill_mode, FILL_MODES)
    check_choice("order", order, (0, 1))
    axes = [places[i] for i in range(len(x.shape))]
    out = sample(reshape(x, [-1, 1]), list(x.shape), axes, int(order), fill_mode, fill_value)
    return reshape(out, places.shape[1:])


def displace(x: Tensor, alpha, sigma, size: int, interpolation, fill_mode, fill_value, seed):
    """Images (batch, height, width, channels) under a random smooth displacement.

    `alpha` and `sigma` are numbers or scalar tensors, `size` that of the blur's window.
    """
    # Half precision cannot tell the pixels of a wide image apart.
    dtype = "float64" if x.dtype == "float64" else "float32"
    noise = ew.multiply(random.normal((*x.shape[:3], 1), dtype=dtype, seed=seed), sigma)
    moved = reshape(blur(cast(noise, dtype), (size, size), (sigma, sigma)), x.shape[:3])
    moved = cast(ew.multiply(moved, alpha), dtype)
    rows, columns = _pixels(x.shape[1], x.shape[2], dtype)
    places = ew.add(moved, rows), ew.add(moved, columns)
    return sample_images(x, *places, interpolation, fill_mode, fill_value)


@op(IMAGE, static=("alpha", "sigma", "interpolation", "fill_mode", "fill_value", "seed",
                   "data_format"))  # fmt: skip
def elastic_transform(
    images,
    alpha=20.0,
    sigma=5.0,
    interpolation="bilinear",
    fill_mode="reflect",
    fill_value=0.0,
    seed=None,
    data_format=None,
):
    """Images under a random smooth displacement of their pixels.

    The displacement of each pixel, the same along both axes, is alpha times normal noise of
    standard deviation sigma, blurred by a Gaussian of the same sigma.

    Args:
        images: floats, (batch, height, width, channels) or one image; see `data_format`.
        alpha: strength of the displacement.
        sigma: its smoothness, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode: what stands outside; see `affine_transform`.
        fill_value: for "constant".
        seed: an integer or a `SeedGenerator`.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: an unknown choice or another rank.

    Example:
        >>> image = ops.ones((8, 8, 3))
        >>> ops.image.elastic_transform(image, alpha=2.0, sigma=1.0, seed=1).shape
        (8, 8, 3)
    """
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    batch = Batch(images, data_format)
    size = int(6 * float(sigma)) | 1
    out = displace(batch.images, alpha, sigma, size, interpolation, fill_mode, fill_value, seed)
    return batch.restore(out)
