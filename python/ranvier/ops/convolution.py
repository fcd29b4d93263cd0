"""Convolutions and pooling. Kernels work on NHWC; channels_first is two transposes."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.config import standardize_data_format
from ranvier.ops._define import NN, apply, cast, op, promote_pair, reshape, to_float, to_tensor
from ranvier.python_numbers import whole


def _per_axis(value, rank, name):
    out = tuple(value) if np.iterable(value) else (value,) * rank
    if len(out) != rank:
        raise ValueError(
            f"`{name}` must be an integer or {rank} integers. Received: {name}={value}"
        )
    return [whole(name, v) for v in out]


def _to_last(x, data_format):
    if standardize_data_format(data_format) == "channels_last":
        return x
    rank = len(x.shape)
    return apply("transpose", [x], {"perm": [0, *range(2, rank), 1]})


def _from_last(x, data_format):
    if standardize_data_format(data_format) == "channels_last":
        return x
    rank = len(x.shape)
    return apply("transpose", [x], {"perm": [0, rank - 1, *range(1, rank - 1)]})


def _padding(kind, sizes, window, strides):
    """(low, high) per spatial dimension, flat; "same" puts the odd one at the end."""
    if not isinstance(kind, str):
        raise ValueError(f"`padding` must be 'valid' or 'same'. Received: padding={kind!r}")
    kind = kind.lower()
    if kind == "valid":
        return [0] * (2 * len(sizes))
    if kind != "same":
        raise ValueError(f"`padding` must be 'valid' or 'same'. Received: padding={kind!r}")
    out = []
    for n, k, s in zip(sizes, window, strides):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        out += [total // 2, total - total // 2]
    return out


def _effective(kernel, dilation):
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]


def _conv(x, kernel, strides, padding, dilation, groups):
    spatial = list(x.shape[1:-1])
    rank = len(spatial)
    strides = _per_axis(strides, rank, "strides")
    dilation = _per_axis(dilation, rank, "dilation_rate")
    window = _effective(kernel.shape[:rank], dilation)
    if padding == "causal":
        pads = [window[0] - 1, 0]
    else:
        pads = _padding(padding, spatial, window, strides)
    attrs = {"strides": strides, "dilations": dilation, "padding": pads, "groups": int(groups)}
    return apply("conv", [x, kernel], attrs)


def _check_rank(x, kernel, extra, name):
    if len(x.shape) != len(kernel.shape) - extra or not 3 <= len(x.shape) <= 5:
        raise B.ShapeError(
            f"{name}: `inputs` must be (batch, spatial..., channels) and `kernel` have one spatial "
            f"axis for each. Received: inputs.shape={tuple(x.shape)}, "
            f"kernel.shape={tuple(kernel.shape)}"
        )


@op(NN, static=("strides", "padding", "data_format", "dilation_rate"))
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution in 1 to 3 dimensions.

    Args:
        inputs: (batch, spatial..., channels), or channels after batch for "channels_first".
        kernel: (spatial..., channels / groups, filters); groups follow from the channels.
        strides, dilation_rate: one int or one per spatial axis.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> ops.conv(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 3, 8))).shape
        (1, 2, 2, 8)
    """
    x, kernel = promote_pair(inputs, kernel, floating=True)
    _check_rank(x, kernel, 0, "conv")
    x = _to_last(x, data_format)
    channels, depth = x.shape[-1], kernel.shape[-2]
    if depth == 0 or channels % depth:
        raise B.ShapeError(
            "conv: the input channels must match the kernel. The number of input channels must be "
            "evenly divisible by kernel's in_channels. "
            f"Received input channels {channels} and kernel in_channels {depth}. "
        )
    return _from_last(
        _conv(x, kernel, strides, padding, dilation_rate, channels // depth), data_format
    )


@op(NN, static=("strides", "padding", "data_format", "dilation_rate"))
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Each channel convolved with its own filters.

    Args:
        inputs: (batch, spatial..., channels), or channels after batch for "channels_first".
        kernel: (spatial..., channels, multiplier).
        strides, dilation_rate: one int or one per spatial axis.
        padding: "valid" or "same".
        data_format: see `conv`.

    Example:
        >>> ops.depthwise_conv(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 3, 2))).shape
        (1, 2, 2, 6)
    """
    x, kernel = promote_pair(inputs, kernel, floating=True)
    _check_rank(x, kernel, 0, "depthwise_conv")
    x = _to_last(x, data_format)
    channels, multiplier = kernel.shape[-2:]
    if x.shape[-1] != channels:
        raise B.ShapeError(
            "depthwise_conv: the input channels must match the kernel. Received: "
            f"{x.shape[-1]} channels for a kernel of {channels}. "
            f"Received: inputs.shape={tuple(x.shape)}, kernel.shape={tuple(kernel.shape)}"
        )
    kernel = reshape(kernel, [*kernel.shape[:-2], 1, channels * multiplier])
    return _from_last(_conv(x, kernel, strides, padding, dilation_rate, channels), data_format)


@op(NN, static=("strides", "padding", "data_format", "dilation_rate"))
def separable_conv(
    inputs,
    depthwise_kernel,
    pointwise_kernel,
    strides=1,
    padding="valid",
    data_format=None,
    dilation_rate=1,
):
    """A depthwise convolution followed by a 1x1 convolution.

    Args:
        inputs: (batch, ...sizes, channels).
        depthwise_kernel: (...kernel sizes, channels, multiplier).
        pointwise_kernel: (1 ..., channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: see `conv`.

    Example:
        >>> depthwise, pointwise = ops.ones((3, 3, 3, 1)), ops.ones((1, 1, 3, 8))
        >>> ops.separable_conv(ops.ones((1, 4, 4, 3)), depthwise, pointwise).shape
        (1, 2, 2, 8)
    """
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


def _transposed_axis(n, k, s, d, padding, extra):
    """Output size and (low, high) padding of the forward convolution it is the gradient of."""
    window = (k - 1) * d + 1
    if padding == "valid":
        size = (n - 1) * s + window + (max(window, s) - window if extra is None else extra)
        low = 0
    else:
        if extra is None:
            size, total = n * s, s + window - 2
        else:
            size, total = (n - 1) * s + window % 2 + extra, window + window % 2 - 2 + extra
        left = min(total // 2 + total % 2, window - 1)
        low = window - 1 - left
    high = max((n - 1) * s + window - size - low, 0)
    return size, low, high


@op(NN, static=("strides", "padding", "output_padding", "data_format", "dilation_rate"))
def conv_transpose(
    inputs,
    kernel,
    strides=1,
    padding="valid",
    output_padding=None,
    data_format=None,
    dilation_rate=1,
):
    """The transpose (gradient) of a convolution.

    Args:
        inputs: (batch, spatial..., channels), or channels after batch for "channels_first".
        kernel: (spatial..., filters, channels).
        output_padding: added to the output's sizes.
        padding, data_format, dilation_rate: see `conv`.

    Example:
        >>> ops.conv_transpose(ops.ones((1, 4, 4, 3)), ops.ones((2, 2, 8, 3)), strides=2).shape
        (1, 8, 8, 8)
    """
    x, kernel = promote_pair(inputs, kernel, floating=True)
    _check_rank(x, kernel, 0, "conv_transpose")
    x = _to_last(x, data_format)
    if x.shape[-1] != kernel.shape[-1]:
        raise B.ShapeError(
            "conv_transpose: the input channels must match the kernel. Received: "
            f"{x.shape[-1]} channels for kernel.shape={tuple(kernel.shape)}"
        )
    rank = len(x.shape) - 2
    strides = _per_axis(strides, rank, "strides")
    dilation = _per_axis(dilation_rate, rank, "dilation_rate")
    extra = (
        [None] * rank
        if output_padding is None
        else _per_axis(output_padding, rank, "output_padding")
    )
    padding = padding.lower()
    if padding not in ("valid", "same"):
        raise ValueError(
            f"The `padding` argument must be one of 'valid', 'same'. Received: padding={padding}"
        )
    sizes, pads = [], []
    for n, k, s, d, e in zip(x.shape[1:-1], kernel.shape, strides, dilation, extra):
        size, low, high = _transposed_axis(n, k, s, d, padding, e)
        sizes.append(size)
        pads += [low, high]
    out = apply(
        "conv_grad_data",
        [x, kernel],
        {
            "strides": strides,
            "dilations": dilation,
            "padding": pads,
            "groups": 1,
            "input_size": sizes,
        },
    )
    return _from_last(out, data_format)


# Dtypes whose maxima are those of another one; of whole numbers up to 2^53.
_POOLED_AS = {"bool": "uint8", "int64": "float64", "uint64": "float64"}


def _pooled(prim, x, attrs):
    """The pooling primitive; maxima of dtypes without a kernel by way of another one."""
    through = _POOLED_AS.get(x.dtype) if prim == "max_pool" else None
    if through is None:
        return apply(prim, [x], attrs)
    return cast(apply(prim, [cast(x, through)], attrs), x.dtype)


def _pool(prim, inputs, pool_size, strides, padding, data_format):
    x = to_tensor(inputs)
    if not 3 <= len(x.shape) <= 5:
        raise B.ShapeError(f"{prim}: `inputs` must be (batch, spatial..., channels). Received: "
                           f"inputs.shape={tuple(x.shape)}")  # fmt: skip
    x = _to_last(x, data_format)
    rank = len(x.shape) - 2
    window = _per_axis(pool_size, rank, "pool_size")
    strides = window if strides is None else _per_axis(strides, rank, "strides")
    pads = _padding(padding, x.shape[1:-1], window, strides)
    attrs = {"pool_size": window, "strides": strides, "padding": pads}
    return _from_last(_pooled(prim, x, attrs), data_format)


@op(NN, static=("pool_size", "strides", "padding", "data_format"))
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest value of each window.

    Args:
        inputs: (batch, ...sizes, channels), or channels first with data_format.
        pool_size: int, or one per spatial axis.
        strides: the same; the windows' sizes by default.
        padding: "valid", or "same" for as many windows as there are places for strides.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.max_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2).tolist()
        [[[1.0], [3.0]]]
    """
    return _pool("max_pool", inputs, pool_size, strides, padding, data_format)


@op(NN, static=("pool_size", "strides", "padding", "data_format"))
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window; padding does not count.

    Args:
        inputs: (batch, ...sizes, channels), or channels first with data_format.
        pool_size: int, or one per spatial axis.
        strides: the same; the windows' sizes by default.
        padding: "valid", or "same" for as many windows as there are places for strides.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.average_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2).tolist()
        [[[0.5], [2.5]]]
    """
    return _pool("average_pool", to_float(inputs), pool_size, strides, padding, data_format)


def _block(block_size):
    return whole("block_size", block_size, 2)


@op(NN, static=("block_size", "data_format"))
def depth_to_space(x, block_size, data_format="channels_last"):
    """Blocks of channels moved into space: (h, w, c b b) -> (h b, w b, c).

    Args:
        x: (batch, h, w, c b b).
        block_size: b.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.depth_to_space(ops.ones((1, 2, 2, 8)), 2).shape
        (1, 4, 4, 2)
    """
    x = _to_last(to_tensor(x), data_format)
    n, h, w, c = x.shape
    b = _block(block_size)
    x = reshape(x, [n, h, w, b, b, c // (b * b)])
    x = apply("transpose", [x], {"perm": [0, 1, 3, 2, 4, 5]})
    return _from_last(reshape(x, [n, h * b, w * b, c // (b * b)]), data_format)


@op(NN, static=("block_size", "data_format"))
def space_to_depth(x, block_size, data_format="channels_last"):
    """Blocks of space moved into channels: (h b, w b, c) -> (h, w, c b b).

    Args:
        x: (batch, h b, w b, c).
        block_size: b.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ops.space_to_depth(ops.ones((1, 4, 4, 2)), 2).shape
        (1, 2, 2, 8)
    """
    x = _to_last(to_tensor(x), data_format)
    n, h, w, c = x.shape
    b = _block(block_size)
    x = reshape(x, [n, h // b, b, w // b, b, c])
    x = apply("transpose", [x], {"perm": [0, 1, 3, 2, 4, 5]})
    return _from_last(reshape(x, [n, h // b, w // b, c * b * b]), data_format)
