"""Resizing: separable resampling with a kernel, one axis after the other.

Along an axis of m positions, output position i lies at u = (i + 0.5 - translation) / scale - 0.5
of the input. Its weights are kernel(|u - j| / stretch) over the input positions j, divided by
their sum; stretch is max(1 / scale, 1) with antialiasing and 1 without.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import IMAGE, Tensor, apply, cast, op, reshape, to_tensor
from ranvier.ops.image._layout import check_rank, spatial_axes
from ranvier.ops.reductions import sum as _sum
from ranvier.python_numbers import whole
from ranvier.variable import Variable

RESIZE_METHODS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_NAMES = {
    "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear",
    "cubic": "bicubic", "bicubic": "bicubic", "tricubic": "bicubic",
    "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip
_TINY = 1000.0 * float(np.finfo(np.float32).eps)


def _triangle(xp, x):
    return xp.maximum(1.0 - x, 0.0)


def _keys_cubic(xp, x):
    """Keys, "Cubic convolution interpolation for digital image processing" (1981), a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return xp.where(x >= 2.0, 0.0, xp.where(x >= 1.0, far, near))


def _lanczos(radius, xp, x):
    """sinc(x) sinc(x / radius) for |x| <= radius."""
    inside = x > 1e-3
    safe = xp.where(inside, x, 1.0)
    value = radius * xp.sin(np.pi * x) * xp.sin(np.pi * x / radius) / (np.pi**2 * safe**2)
    return xp.where(x > radius, 0.0, xp.where(inside, value, 1.0))


_KERNELS = {
    "bilinear": _triangle,
    "bicubic": _keys_cubic,
    "lanczos3": functools.partial(_lanczos, 3.0),
    "lanczos5": functools.partial(_lanczos, 5.0),
}


def _weights(xp, total, method, size, count, inverse, shift, antialias, dtype):
    """The matrix (size, count) of weights, by NumPy or, for scales that are tensors, by `ops`.

    `inverse` is 1 / scale, `shift` is translation / scale.
    """
    stretch = xp.maximum(inverse, 1.0) if antialias else 1.0
    steps = np.arange(count, dtype=dtype) + np.asarray(0.5, dtype)
    positions = np.arange(size, dtype=dtype)[:, None]
    u = steps * inverse - shift - 0.5
    x = xp.abs(u[None, :] - positions) / stretch
    weights = _KERNELS[method](xp, x)
    sums = total(weights)
    known = xp.abs(sums) > _TINY
    weights = xp.where(known, weights / xp.where(sums != 0, sums, 1.0), 0.0)
    inside = xp.logical_and(u >= -0.5, u <= size - 0.5)
    return xp.where(inside[None, :], weights, 0.0)


@functools.lru_cache(maxsize=256)
def constant_weights(method, size, count, scale, translation, antialias, dtype):
    """Weights (size, count) as a NumPy array of the dtype."""
    number = np.dtype(dtype).type
    weights = _weights(
        np, lambda w: w.sum(0, keepdims=True), method, size, count, number(1.0 / scale),
        number(translation / scale), antialias, np.dtype(dtype),
    )  # fmt: skip
    return weights.astype(dtype)


def _tensor_weights(method, size, count, scale, translation, antialias):
    from ranvier import ops

    inverse = 1.0 / scale
    return _weights(
        ops, lambda w: _sum(w, 0, keepdims=True), method, size, count, inverse,
        translation * inverse, antialias, scale.dtype,
    )  # fmt: skip


def _terms(weights):
    """What is not zero of weights (size, count), per position of the result: index and weight,
    (count, terms)."""
    terms = max(1, int((weights != 0).sum(0).max(initial=0)))
    order = np.argsort(weights == 0, axis=0, kind="stable")[:terms]
    values = np.take_along_axis(weights, order, 0)
    return np.ascontiguousarray(order.T.astype("int32")), np.ascontiguousarray(values.T)


@functools.lru_cache(maxsize=256)
def _constant_terms(*arguments):
    return _terms(constant_weights(*arguments))


@functools.lru_cache(maxsize=256)
def _nearest_terms(size, count):
    index = _nearest_positions(size, count)
    return index[:, None], np.ones((count, 1), "float32")


def _resample(x: Tensor, terms: dict) -> Tensor:
    """out[.., i, ..] = sum over k of weight[i, k] x[.., index[i, k], ..] along each axis of
    {axis: (index, weight)}; neighbours go together."""
    axes = sorted(terms)
    while axes:
        pair = axes[:2] if axes[1:2] == [axes[0] + 1] else axes[:1]
        tables = []
        for axis in pair:
            index, weight = terms[axis]
            tables += [B.tensor(index), cast(B.tensor(weight), x.dtype)]
        x = apply("resample", [x, *tables], {"axis": pair[0]})
        axes = axes[len(pair) :]
    return x


def _multiplied(x, axis, weights):
    shape = list(x.shape)
    outer, size, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    count = weights.shape[1]
    if inner == 1:
        out = apply("matmul", [reshape(x, [outer, size]), weights], None)
    else:
        out = apply("matmul", [weights, reshape(x, [outer, size, inner])], {"trans_a": True})
    return reshape(out, [*shape[:axis], count, *shape[axis + 1 :]])


def _nearest_positions(size: int, count: int) -> np.ndarray:
    """The nearest of `size` positions to each of `count`, int32."""
    offsets = (np.arange(count, dtype="float32") + np.float32(0.5)) * np.float32(size)
    return np.floor(offsets / np.float32(count)).astype("int32")


def resize_axes(x: Tensor, axes, sizes, method: str, antialias: bool) -> Tensor:
    """A float tensor with other sizes along some axes (any dtype with "nearest")."""
    changed = [(axis, x.shape[axis], n) for axis, n in zip(axes, sizes) if x.shape[axis] != n]
    precise = "float64" if x.dtype == "float64" else "float32"
    if method != "nearest":
        return _resample(x, {
            axis: _constant_terms(method, size, n, n / size, 0.0, antialias, precise)
            for axis, size, n in changed
        })  # fmt: skip
    if x.dtype == precise:
        return _resample(x, {axis: _nearest_terms(size, n) for axis, size, n in changed})
    for axis, size, n in changed:
        x = apply("take", [x, B.tensor(_nearest_positions(size, n))], {"axis": axis})
    return x


def _check_resize(size, interpolation, crop, pad, fill_mode):
    if not hasattr(size, "__len__") or len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: size={size}")
    if size[0] <= 0 or size[1] <= 0:
        raise ValueError(f"`size` must have positive height and width. Received: size={size}")
    if interpolation not in RESIZE_METHODS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected one of {RESIZE_METHODS}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )
    if crop and pad:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )


@op(IMAGE, static=("size", "interpolation", "antialias", "crop_to_aspect_ratio",
                   "pad_to_aspect_ratio", "fill_mode", "fill_value", "data_format"))  # fmt: skip
def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    """Images in another size; pixel centers lie at half-integers.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`. Integers are
            computed in float32, rounded and clipped.
        size: (height, width) of the result.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether the kernel is widened when an axis shrinks.
        crop_to_aspect_ratio: whether the largest centered window of the target's proportions is
            resized instead of the whole image.
        pad_to_aspect_ratio: whether borders of `fill_value` are added first, to the target's
            proportions.
        fill_mode: "constant".
        fill_value: of these borders.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: an unknown interpolation, a size that is not two positive integers, another
            rank, or both ways to keep proportions at once.

    Example:
        >>> ops.image.resize(ops.ones((2, 8, 8, 3)), (4, 6)).shape
        (2, 4, 6, 3)
    """
    x = to_tensor(images)
    check_rank(x.shape)
    _check_resize(size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode)
    dtype, size = x.dtype, [whole("size", n) for n in size]
    axes = [a + len(x.shape) for a in spatial_axes(data_format)]
    fractional = pad_to_aspect_ratio and not float(fill_value).is_integer()
    if not config.is_float_dtype(dtype) and (interpolation != "nearest" or fractional):
        x = cast(x, "float32")
    elif dtype in ("float16", "bfloat16") and interpolation != "nearest":
        x = cast(x, "float32")
    if crop_to_aspect_ratio:
        x = _centered_window(x, axes, size)
    elif pad_to_aspect_ratio:
        x = _centered_frame(x, axes, size, fill_value)
    x = resize_axes(x, axes, size, interpolation, bool(antialias))
    return back_to(x, dtype)


def back_to(x: Tensor, dtype: str) -> Tensor:
    """The values in the dtype the images had: rounded and clipped where it is an integer one."""
    from ranvier.ops.control import saturate_cast

    if x.dtype == dtype:
        return x
    return saturate_cast(ew.round(x) if config.is_int_dtype(dtype) else x, dtype)


def _fitting(size, target):
    """Height and width that the other side would need for the target's proportions."""
    (height, width), (target_height, target_width) = size, target
    return int(width * target_height / target_width), int(height * target_width / target_height)


def _centered_window(x, axes, target):
    sizes = [x.shape[a] for a in axes]
    starts, cut = [0] * len(x.shape), list(x.shape)
    for axis, size, fit in zip(axes, sizes, _fitting(sizes, target)):
        cut[axis] = max(min(size, fit), 1)
        starts[axis] = (size - cut[axis]) // 2
    return apply("slice", [x], {"starts": starts, "sizes": cut, "strides": [1] * len(starts)})


def _centered_frame(x, axes, target, fill_value):
    sizes = [x.shape[a] for a in axes]
    padding = [0] * (2 * len(x.shape))
    for axis, size, fit in zip(axes, sizes, _fitting(sizes, target)):
        border = (max(size, fit) - size) // 2
        if border:
            padding[2 * axis] = padding[2 * axis + 1] = border
            break
    return apply("pad", [x], {"padding": padding, "value": float(fill_value)})


@op(IMAGE, static=("spatial_dims", "method", "antialias"))
def scale_and_translate(
    images, output_shape, scale, translation, spatial_dims, method, antialias=True
):
    """Images resampled on a grid that is scaled and moved: position y of the input comes to
    y * scale + translation of the result, with pixel centers at half-integers.

    Args:
        images: a tensor of any rank.
        output_shape: shape of the result.
        scale, translation: one number per entry of `spatial_dims`, as tensors or numbers.
        spatial_dims: the axes that are resampled; the others keep their size.
        method: "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3" or
            "lanczos5".
        antialias: whether the kernel is widened when an axis shrinks.

    Positions outside of the input give zero.

    Raises:
        ValueError: an unknown method, or lists that do not fit to one another.

    Example:
        >>> image = ops.array([[1.0, 2.0], [3.0, 4.0]])
        >>> ops.image.scale_and_translate(
        ...     image, (2, 4), scale=ops.ones(2), translation=ops.array([0.0, 1.0]),
        ...     spatial_dims=(0, 1), method="linear",
        ... ).tolist()
        [[0.0, 1.0, 2.0, 0.0], [0.0, 3.0, 4.0, 0.0]]
    """
    if method not in _NAMES:
        raise ValueError(
            f"Invalid value for argument `method`. Expected one of {tuple(_NAMES)}. "
            f"Received: method={method}"
        )
    x = to_tensor(images)
    dims = [int(d) % len(x.shape) for d in spatial_dims]
    # Tensors may carry a gradient or be symbols of a trace: then the weights are computed by ops.
    known = not any(isinstance(v, (Tensor, Variable)) for v in (scale, translation))
    scale, translation = to_tensor(scale), to_tensor(translation)
    if len(output_shape) != len(x.shape):
        raise ValueError(
            "scale_and_translate: `output_shape` must have one size per axis. Received: "
            f"output_shape={tuple(output_shape)}, images.shape={tuple(x.shape)}"
        )
    for name, value in (("scale", scale), ("translation", translation)):
        if tuple(value.shape) != (len(dims),):
            raise ValueError(
                f"scale_and_translate: `{name}` must hold one number per spatial dimension. "
                f"Expected shape: ({len(dims)},). Received: {tuple(value.shape)}"
            )
    if not config.is_float_dtype(x.dtype):
        x = cast(x, "float32")
    method, antialias = _NAMES[method], bool(antialias)
    terms = {}
    for i, axis in enumerate(dims):
        size, count = x.shape[axis], int(output_shape[axis])
        if known:
            terms[axis] = _constant_terms(method, size, count, float(scale[i]),
                                          float(translation[i]), antialias, "float32")  # fmt: skip
        else:
            weights = _tensor_weights(
                method, size, count, cast(scale, "float32")[i], cast(translation, "float32")[i],
                antialias,
            )  # fmt: skip
            x = _multiplied(x, axis, cast(weights, x.dtype))
    return _resample(x, terms)
