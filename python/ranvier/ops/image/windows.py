"""Functions of a window around each pixel: patches, blur, edges, structural similarity."""

from __future__ import annotations

import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import IMAGE, Tensor, apply, cast, expand, op, reshape, to_tensor
from ranvier.ops.convolution import _effective, _from_last, _padding, _per_axis, _to_last
from ranvier.ops.convolution import depthwise_conv as _depthwise
from ranvier.ops.image._layout import Batch, check_rank
from ranvier.ops.reductions import mean

# --- patches --------------------------------------------------------------------------------------


def _window_rows(x, axis, size, stride, dilation, low, high):
    """The axis of n positions as one of windows * size positions, window by window."""
    n = x.shape[axis] + low + high
    count = (n - ((size - 1) * dilation + 1)) // stride + 1
    if count < 1:
        raise ValueError(
            f"extract_patches: the patch is larger than the image. Received: size {size} with "
            f"dilation {dilation} along an axis of {n}"
        )
    if low or high:
        padding = [0] * (2 * len(x.shape))
        padding[2 * axis], padding[2 * axis + 1] = low, high
        x = apply("pad", [x], {"padding": padding})
    if count * size == n and stride == size and dilation == 1:
        return x, count
    index = np.arange(count)[:, None] * stride + np.arange(size)[None, :] * dilation
    index = B.tensor(index.astype("int32").reshape(-1))
    return apply("take", [x, index], {"axis": axis}), count


def _patches(images, size, strides, dilation_rate, padding, data_format, rank):
    x = to_tensor(images)
    check_rank(x.shape, "images" if rank == 2 else "volumes", (rank + 1, rank + 2))
    single = len(x.shape) == rank + 1
    if single:
        x = expand(x, 0)
    x = _to_last(x, data_format)
    strides = _per_axis(strides or size, rank, "strides")
    dilation = _per_axis(dilation_rate, rank, "dilation_rate")
    if min(*size, *strides, *dilation) < 1:
        raise ValueError(
            "extract_patches: `size`, `strides` and `dilation_rate` must be positive. Received: "
            f"size={size}, strides={strides}, dilation_rate={dilation}"
        )
    pads = _padding(padding, x.shape[1:-1], _effective(size, dilation), strides)
    counts = []
    for i in range(rank):
        low, high = pads[2 * i : 2 * i + 2]
        x, count = _window_rows(x, i + 1, size[i], strides[i], dilation[i], low, high)
        counts.append(count)
    batch, channels = x.shape[0], x.shape[-1]
    split = [n for pair in zip(counts, size) for n in pair]
    x = reshape(x, [batch, *split, channels])
    perm = [0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1]
    x = apply("transpose", [x], {"perm": perm})
    x = reshape(x, [batch, *counts, math.prod(size) * channels])
    x = _from_last(x, data_format)
    return reshape(x, x.shape[1:]) if single else x


_PATCH = ("size", "strides", "dilation_rate", "padding", "data_format")


@op(IMAGE, static=_PATCH)
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Windows of images (or of volumes, for three sizes), flattened into channels.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        size: patch size: an int, (height, width), or (depth, height, width) for volumes.
        strides: steps from patch to patch; the patch size when not given.
        dilation_rate: distance of neighbours inside a patch.
        padding: "valid" or "same" (zeros).
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch, rows, columns, patch height * patch width * channels).

    Raises:
        TypeError: a `size` that is no int and no tuple.
        ValueError: another number of sizes, one below 1, or a patch larger than the image.

    Example:
        >>> ops.image.extract_patches(ops.ones((2, 8, 8, 3)), 4).shape
        (2, 2, 2, 48)
    """
    if not isinstance(size, (int, np.integer)):
        if not isinstance(size, (tuple, list)):
            raise TypeError(
                "Invalid `size` argument. Expected an int or a tuple. Received: "
                f"size={size} of type {type(size).__name__}"
            )
        if len(size) not in (2, 3):
            raise ValueError(
                "Invalid `size` argument. Expected a tuple of length 2 or 3. Received: "
                f"size={size} with length {len(size)}"
            )
    rank = 2 if isinstance(size, (int, np.integer)) else len(size)
    size = _per_axis(size, rank, "size")
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


def extract_patches_3d(
    volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None
):
    """Windows of volumes (batch, depth, height, width, channels), flattened into channels.

    See `extract_patches`; `size`, `strides` and `dilation_rate` are an int or three.

    Args:
        volumes: (batch, depth, height, width, channels), or one volume.
        size, strides, dilation_rate: int or three; strides are `size` by default.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.image.extract_patches_3d(ops.ones((2, 4, 8, 8, 1)), (2, 4, 4)).shape
        (2, 2, 2, 2, 32)
    """
    if not isinstance(size, (int, np.integer)) and len(size) != 3:
        raise TypeError(
            "Invalid `size` argument. Expected an int or a tuple of length 3. "
            f"Received: size={size}"
        )
    size = tuple(_per_axis(size, 3, "size"))
    return extract_patches(volumes, size, strides, dilation_rate, padding, data_format)


# --- blur and edges -------------------------------------------------------------------------------


def _gaussian(size, sigma, dtype):
    """exp(-x² / (2 sigma²)) at the size's positions around the middle, of sum one: (size,)."""
    middle = (size - 1) / 2
    if isinstance(sigma, Tensor):
        x = B.tensor((np.arange(size) - middle).astype("float32"))
        bell = ew.exp(ew.multiply(ew.square(ew.divide(x, cast(sigma, "float32"))), -0.5))
        from ranvier.ops.reductions import sum as _sum

        return cast(ew.divide(bell, _sum(bell)), dtype)
    bell = np.exp(-0.5 * ((np.arange(size) - middle) / float(sigma)) ** 2)
    return cast(B.tensor((bell / bell.sum()).astype("float32" if dtype != "float64" else dtype)),
                dtype)  # fmt: skip


def filter_separably(x: Tensor, vertical: Tensor, horizontal: Tensor, padding="same") -> Tensor:
    """Every channel of (batch, height, width, channels) with a column and a row of weights."""
    for weights, shape in ((vertical, (-1, 1, 1, 1)), (horizontal, (1, -1, 1, 1))):
        kernel = reshape(weights, shape)
        full = [*kernel.shape[:2], x.shape[-1], 1]
        kernel = apply("broadcast_to", [kernel], {"shape": full})
        x = _depthwise(x, kernel, padding=padding, data_format="channels_last")
    return x


def blur(x: Tensor, kernel_size, sigma) -> Tensor:
    """Gaussian blur of float images (batch, height, width, channels) over zeros outside.

    The second entry of `kernel_size` and `sigma` rules the rows, the first the columns.
    """
    columns, rows = (_gaussian(int(n), s, x.dtype) for n, s in zip(kernel_size, sigma))
    return filter_separably(x, rows, columns)


def _float_batch(images, data_format):
    batch = Batch(images, data_format)
    x = batch.images
    return batch, x if config.is_float_dtype(x.dtype) else cast(x, config.floatx())


@op(IMAGE, static=("kernel_size", "sigma", "data_format"))
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images blurred by a Gaussian window; zeros stand outside.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        kernel_size: sizes of the window, in pixels.
        sigma: standard deviations of the Gaussian, in pixels.
        data_format: "channels_last" or "channels_first".

    The first entry of `kernel_size` and `sigma` runs along the width, the second along the height.

    Raises:
        ValueError: another rank.

    Example:
        >>> image = ops.ones((1, 8, 8, 3))
        >>> blurred = ops.image.gaussian_blur(image)
        >>> blurred.shape, round(float(blurred[0, 4, 4, 0]), 4)
        ((1, 8, 8, 3), 1.0)
    """
    batch, x = _float_batch(images, data_format)
    sigma = to_tensor(sigma) if isinstance(sigma, Tensor) else sigma
    return batch.restore(cast(blur(x, kernel_size, [sigma[0], sigma[1]]), batch.images.dtype))


@op(IMAGE, static=("data_format",))
def sobel_edges(images, data_format=None):
    """Derivatives along height and width by Sobel's filters; zeros stand outside.

    Args:
        images: (batch, height, width, channels), or with channels first; see `data_format`.

    Returns:
        The shape of the images with a last axis of two: along the height, along the width.

    Raises:
        ValueError: another rank.

    Example:
        >>> ops.image.sobel_edges(ops.ones((1, 8, 8, 3))).shape
        (1, 8, 8, 3, 2)
    """
    x = to_tensor(images)
    check_rank(x.shape, ranks=(4,))
    batch, x = _float_batch(x, data_format)
    smooth, slope = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
    both = np.stack([np.outer(slope, smooth), np.outer(smooth, slope)], axis=-1)  # (3, 3, 2)
    kernel = B.tensor(np.repeat(both[:, :, None, :], x.shape[-1], axis=2).astype("float32"))
    edges = _depthwise(x, cast(kernel, x.dtype), padding="same", data_format="channels_last")
    edges = reshape(edges, [*x.shape, 2])
    return batch.restore(cast(edges, batch.images.dtype))


# --- structural similarity ------------------------------------------------------------------------


@op(IMAGE, static=("max_val", "filter_size", "filter_sigma", "k1", "k2", "data_format"),
    name="SSIM")  # fmt: skip
def ssim(
    image1,
    image2,
    max_val=1.0,
    filter_size=11,
    filter_sigma=1.5,
    k1=0.01,
    k2=0.03,
    data_format=None,
):
    """Structural similarity of two images: 1 where they are equal.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity" (2004); means over a Gaussian window that lies inside of the image.

    Args:
        image1, image2: (batch, height, width, channels) or one image; see `data_format`.
        max_val: range of the values (1 or 255).
        filter_size, filter_sigma: size and standard deviation of the window.
        k1, k2: the constants of the paper.
        data_format: "channels_last" or "channels_first".

    Returns:
        (batch,), or a scalar for single images.

    Raises:
        ValueError: another rank.

    Example:
        >>> image = ops.ones((1, 16, 16, 3))
        >>> float(ops.image.ssim(image, image)[0])
        1.0
    """
    for name, image in (("image1", image1), ("image2", image2)):
        check_rank(to_tensor(image).shape, name)
    single = len(image1.shape) == 3
    (first, x), (_, y) = _float_batch(image1, data_format), _float_batch(image2, data_format)
    y = cast(y, x.dtype)
    weights = _gaussian(int(filter_size), filter_sigma, x.dtype)

    def local(values):
        return filter_separably(values, weights, weights, "valid")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mx, my = local(x), local(y)
    var_x, var_y = local(x * x) - mx * mx, local(y * y) - my * my
    covariance = local(x * y) - mx * my
    top = (2.0 * mx * my + c1) * (2.0 * covariance + c2)
    below = (mx * mx + my * my + c1) * (var_x + var_y + c2)
    out = cast(mean(top / below, axis=(1, 2, 3)), first.images.dtype)
    return reshape(out, []) if single else out
