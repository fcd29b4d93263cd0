"""Activations, normalizations, softmax and losses."""

from __future__ import annotations

import math
import warnings

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import creation
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops._define import (
    NN,
    apply,
    axis_tuple,
    cast,
    expand,
    one_axis,
    op,
    promote_pair,
    reshape,
    to_float,
    to_tensor,
)
from ranvier.ops.indexing import _index_tensor
from ranvier.ops.norms import norm


def _over_axes(prim, x, axis):
    """A function over one axis, over one or several; neighbouring axes are one."""
    if axis is None:
        return reshape(apply(prim, [reshape(x, [-1])], None), x.shape)
    rank = x.ndim
    axes = axis_tuple(axis, rank)
    if len(axes) == 1:
        return apply(prim, [x], None if axes[0] == rank - 1 else {"axis": axes[0]})
    first, last = min(axes, default=0), max(axes, default=0)  # no axis: ones, as of one more
    if last - first + 1 == len(axes):
        merged = reshape(x, [*x.shape[:first], -1, *x.shape[last + 1 :]])
        return reshape(apply(prim, [merged], {"axis": first}), x.shape)
    order = [i for i in range(rank) if i not in axes] + list(axes)
    moved = apply("transpose", [x], {"perm": order})
    kept = list(moved.shape[: rank - len(axes)])
    out = reshape(apply(prim, [reshape(moved, [*kept, -1])], None), moved.shape)
    return apply("transpose", [out], {"perm": [order.index(i) for i in range(rank)]})


@op(NN, static=("axis",))
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over one or several axes.

    Args:
        x: tensor.
        axis: axis or axes.

    Example:
        >>> ops.softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """
    x = to_float(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {tuple(x.shape)}. This "
            "axis has size 1. The softmax operation will always return the value 1, which is "
            "likely not what you intended. Did you mean to use a sigmoid instead?",
            stacklevel=2,
        )
    return _over_axes("softmax", x if x.ndim else reshape(x, [1]), axis)


@op(NN, static=("axis",))
def log_softmax(x, axis=-1):
    """log(softmax(x)) over one or several axes.

    Args:
        x: tensor.
        axis: axis or axes.

    Example:
        >>> ops.log_softmax([0.0, 0.0]).tolist()
        [-0.6931471824645996, -0.6931471824645996]
    """
    return _over_axes("log_softmax", to_float(x), axis)


@op(NN, static=("axis",))
def sparsemax(x, axis=-1):
    """The Euclidean projection onto the probability simplex.

    Args:
        x: tensor.
        axis: axis.

    Example:
        >>> ops.sparsemax([1.0, 0.5]).tolist()
        [0.75, 0.25]
    """
    from ranvier.ops import shapes as sh

    x = to_float(x)
    axis = one_axis(axis, x.ndim)
    ordered = sh.flip(red.sort(x, axis), axis)
    total = red.cumsum(ordered, axis)
    spread = [1] * x.ndim
    spread[axis] = -1
    k = reshape(cast(creation.arange(1, x.shape[axis] + 1), x.dtype), spread)
    inside = ew.greater(ew.add(ew.multiply(k, ordered), 1.0), total)
    count = red.sum(cast(inside, x.dtype), axis, True)
    support = red.sum(ew.where(inside, ordered, 0.0), axis, True)
    tau = ew.divide(ew.subtract(support, 1.0), count)
    return ew.maximum(ew.subtract(x, tau), 0.0)


# --- normalization --------------------------------------------------------------------------------


def _is_per_channel(x, axes) -> bool:
    """Whether all axes but the last are reduced, and there is something to reduce."""
    leading = [*range(x.ndim - 1)]
    return x.ndim > 1 and x.size > 0 and sorted(axis_tuple(axes, x.ndim)) == leading


@op(NN, static=("axes", "keepdims", "synchronized"))
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over axes.

    Args:
        x: tensor.
        axes: axis or axes.
        keepdims: whether reduced axes stay, with size 1.
        synchronized: must be `False`: there is one device.

    Example:
        >>> [part.tolist() for part in ops.moments([[1.0, 3.0], [2.0, 2.0]], axes=1)]
        [[2.0, 2.0], [1.0, 0.0]]
    """
    x = to_float(x)
    dtype = x.dtype
    if dtype == "float16":
        x = cast(x, "float32")
    if _is_per_channel(x, axes):
        kept = [1] * (x.ndim - 1) + [x.shape[-1]] if keepdims else [x.shape[-1]]
        mean, variance = (reshape(t, kept) for t in apply("channel_moments", [x]))
    else:
        mean = red.mean(x, axes, True)
        variance = red.mean(ew.square(ew.subtract(x, mean)), axes, keepdims)
        if not keepdims:
            mean = reshape(mean, variance.shape)
    if dtype == "float16":
        # The largest half instead of infinity.
        mean, variance = (ew.clip(t, -65504.0, 65504.0) for t in (mean, variance))
    return cast(mean, dtype), cast(variance, dtype)


@op(NN, static=("axis", "epsilon"), name="BatchNorm")
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, statistics per index of `axis`.

    Args:
        x: tensor.
        mean, variance, offset, scale: vectors of the size of `axis`.
        axis: axis that keeps its own statistics.
        epsilon: added to the variance.

    Example:
        >>> ops.batch_normalization([[1.0, 3.0]], [1.0, 1.0], [1.0, 4.0], -1, epsilon=0.0).tolist()
        [[0.0, 1.0]]
    """
    x = to_float(x)
    axis = one_axis(axis, x.ndim)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    named = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    vectors = {k: None if v is None else to_tensor(v, x.dtype) for k, v in named.items()}
    for name, value in vectors.items():
        if value is not None and tuple(value.shape) != (x.shape[axis],):
            raise B.ShapeError(
                f"`{name}` must be a vector of length `x.shape[axis]`. Expected: "
                f"{(x.shape[axis],)}. Received: {name}.shape={tuple(value.shape)}"
            )
    mean, variance, offset, scale = vectors.values()
    if axis == x.ndim - 1 and x.dtype in ("float32", "float64"):
        size = [x.shape[axis]]
        gamma = B.full(size, 1.0, x.dtype) if scale is None else scale
        beta = B.full(size, 0.0, x.dtype) if offset is None else offset
        return apply(
            "batch_norm_infer", [x, mean, variance, gamma, beta], {"epsilon": float(epsilon)}
        )
    inverse = ew.rsqrt(ew.add(reshape(variance, shape), epsilon))
    if scale is not None:
        inverse = ew.multiply(inverse, reshape(scale, shape))
    shift = ew.negative(ew.multiply(reshape(mean, shape), inverse))
    if offset is not None:
        shift = ew.add(shift, reshape(offset, shape))
    return ew.add(ew.multiply(x, inverse), shift)


def _at_least_single(x):
    """Half precision in float32: squares overflow and means lose digits."""
    return cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x


def _is_vector(v) -> bool:
    return v is None or len(v.shape) == 1


def _vector(v, x, fill):
    """The weight of the last axis of x, or a constant one."""
    return B.full([x.shape[-1]], fill, x.dtype) if v is None else to_tensor(v, x.dtype)


@op(NN, static=("axis", "epsilon"), name="LayerNorm")
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """Mean 0 and variance 1 over axes, then gamma x + beta.

    gamma and beta have the sizes of these axes. `rms_scaling=True` is deprecated: it divides by the
    standard deviation and subtracts no mean.

    Args:
        x: tensor.
        gamma, beta: factors and terms, or `None`.
        axis: axis or axes.
        epsilon: added to the variance, `config.epsilon()` by default.

    Example:
        >>> ops.layer_normalization([[1.0, 3.0]], epsilon=0.0).tolist()
        [[-1.0, 1.0]]
    """
    x = to_float(x)
    dtype = x.dtype
    x = _at_least_single(x)
    epsilon = config.epsilon() if epsilon is None else float(epsilon)
    axes = axis_tuple(axis, x.ndim)
    rms_scaling = kwargs.get("rms_scaling", False)
    if rms_scaling:
        warnings.warn(
            "You passed `rms_scaling=True`, which is deprecated: it divides by the standard "
            "deviation and subtracts no mean. Hint: use `ops.rms_normalization`.",
            stacklevel=2,
        )
    last = axes == (x.ndim - 1,) and _is_vector(gamma) and _is_vector(beta)
    if last and not rms_scaling:
        weights = [_vector(gamma, x, 1.0), _vector(beta, x, 0.0)]
        return cast(apply("layer_norm", [x, *weights], {"epsilon": epsilon})[0], dtype)
    mean, variance = moments(x, axes, True)
    centred = x if rms_scaling else ew.subtract(x, mean)
    out = ew.multiply(centred, ew.rsqrt(ew.add(variance, epsilon)))
    shape = [d if i in axes else 1 for i, d in enumerate(x.shape)]
    if gamma is not None:
        out = ew.multiply(out, reshape(to_tensor(gamma, out.dtype), shape))
    if beta is not None and not rms_scaling:
        out = ew.add(out, reshape(to_tensor(beta, out.dtype), shape))
    return cast(out, dtype)


@op(NN, static=("axis", "epsilon"), name="RMSNorm")
def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """x / sqrt(mean(x**2) + epsilon) * scale over axes.

    Args:
        x: tensor.
        scale: factors, or `None`.
        axis: axis or axes.
        epsilon: added to the mean square, `config.epsilon()` by default.

    Example:
        >>> ops.rms_normalization([[3.0, 4.0]], epsilon=0.0).shape
        (1, 2)
    """
    x = to_float(x)
    dtype = x.dtype
    x = _at_least_single(x if x.ndim else reshape(x, [1]))
    epsilon = config.epsilon() if epsilon is None else float(epsilon)
    axes = axis_tuple(axis, x.ndim)
    if axes == (x.ndim - 1,) and (scale is None or tuple(scale.shape) == (x.shape[-1],)):
        out = apply("rms_norm", [x, _vector(scale, x, 1.0)], {"epsilon": epsilon})[0]
        return cast(out, dtype)
    inverse = ew.rsqrt(ew.add(red.mean(ew.square(x), axes, True), epsilon))
    out = ew.multiply(x, inverse)
    return cast(out if scale is None else ew.multiply(out, to_tensor(scale, x.dtype)), dtype)


@op(NN, static=("axis", "order", "epsilon"))
def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm of the given order along an axis.

    Args:
        x: tensor.
        axis: axis or axes.
        order: of the norm.
        epsilon: least norm.

    Example:
        >>> ops.normalize([[0.0, 2.0]]).tolist()
        [[0.0, 1.0]]
    """
    x = to_float(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if not isinstance(order, int) or not order >= 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    if order == 2:
        power = red.sum(ew.square(x), axis, True)
        return ew.multiply(x, ew.rsqrt(ew.maximum(power, epsilon**2)))
    length = norm(x, ord=order, axis=axis, keepdims=True)
    return ew.divide(x, ew.maximum(length, epsilon))


# --- losses ---------------------------------------------------------------------------------------


def _same_shape(target, output, name, hint=""):
    if tuple(target.shape) != tuple(output.shape):
        raise B.ShapeError(
            f"{name}: arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}{hint}"
        )


def _sparse_hint(target, output) -> str:
    """What to try where the targets look like class indices instead of one-hot rows."""
    sparse = tuple(target.shape) in (tuple(output.shape[:-1]), (*output.shape[:-1], 1))
    return (
        ". Hint: for class indices use sparse_categorical_crossentropy, or turn them into one-hot "
        "rows with keras.utils.to_categorical"
        if sparse
        else ""
    )


def _log_probabilities(output, from_logits, axis):
    if from_logits:
        return log_softmax(output, axis)
    output = ew.divide(output, red.sum(output, axis, True))
    eps = config.epsilon()
    return ew.log(ew.clip(output, eps, 1.0 - eps))


@op(NN, static=("from_logits", "axis"))
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(target log(probabilities)) along an axis.

    Args:
        target: probabilities.
        output: probabilities, or logits with `from_logits`.
        from_logits: whether output has logits.
        axis: the class axis.

    Example:
        >>> ops.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).tolist()
        [0.6931471824645996]
    """
    target, output = promote_pair(target, output, floating=True)
    if not output.ndim:
        raise B.ShapeError(
            "Arguments `target` and `output` must be at least rank 1. Received: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    _same_shape(target, output, "categorical_crossentropy", hint=_sparse_hint(target, output))
    last = one_axis(axis, output.ndim) == output.ndim - 1
    if from_logits and last and output.dtype in ("float32", "float64"):
        return apply("softmax_cross_entropy", [output, target], None)[0]
    log_p = _log_probabilities(output, from_logits, axis)
    return ew.negative(red.sum(ew.multiply(target, log_p), axis))


@op(NN, static=("from_logits", "axis"))
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(probability of the target class) along an axis. Classes out of range are an error.

    Args:
        target: class indices, without the class axis.
        output: probabilities, or logits with `from_logits`.
        from_logits: whether output has logits.
        axis: the class axis.

    Example:
        >>> ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).tolist()
        [0.6931471824645996]
    """
    output = to_float(output)
    target = to_tensor(target)
    if config.is_float_dtype(target.dtype) or target.dtype == "bool":
        target = cast(target, "int32")
    target = _index_tensor(target)
    if not output.ndim:
        raise B.ShapeError("Argument `output` must be at least rank 1. Received: "
                           f"output.shape={tuple(output.shape)}")  # fmt: skip
    axis = one_axis(axis, output.ndim)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = reshape(target, target.shape[:-1])
    kept = [d for i, d in enumerate(output.shape) if i != axis]
    if list(target.shape) != kept:
        one_hot = tuple(target.shape) == tuple(output.shape)
        hint = ". Hint: for one-hot rows use categorical_crossentropy" if one_hot else ""
        raise B.ShapeError(
            "sparse_categorical_crossentropy: `target` must have the shape of `output` without the "
            f"class axis. Expected: {tuple(kept)}. Received: target.shape={tuple(target.shape)}, "
            f"output.shape={tuple(output.shape)}{hint}"
        )
    apply("check_range", [target], {"low": 0, "high": int(output.shape[axis]), "subject": "label"})
    last = axis == output.ndim - 1
    if from_logits and last and output.dtype in ("float32", "float64"):
        return apply("sparse_softmax_cross_entropy", [output, target], None)[0]
    wide = cast(output, "float32") if output.dtype in ("float16", "bfloat16") else output
    log_p = _log_probabilities(wide, from_logits, axis)
    chosen = apply("take_along_axis", [log_p, expand(target, axis)], {"axis": axis})
    return ew.negative(reshape(chosen, kept))


@op(NN, static=("from_logits",))
def binary_crossentropy(target, output, from_logits=False):
    """-(target log(p) + (1 - target) log(1 - p)), element by element.

    Args:
        target: 0 or 1.
        output: probabilities, or logits with `from_logits`.
        from_logits: whether output has logits.

    Example:
        >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5]).tolist()
        [0.6931471824645996, 0.6931471824645996]
    """
    target, output = promote_pair(target, output, floating=True)
    _same_shape(target, output, "binary_crossentropy")
    if from_logits:
        # max(x, 0) - x t + log(1 + exp(min(x, -x))): at x = 0, where both corners are, ties share
        # the gradient and the slope is 1/2 - t.
        tail = ew.log1p(ew.exp(ew.minimum(output, ew.negative(output))))
        rise = ew.maximum(output, 0.0)
        return ew.add(ew.subtract(rise, ew.multiply(output, target)), tail)
    eps = config.epsilon()
    output = ew.clip(output, eps, 1.0 - eps)
    positive = ew.multiply(target, ew.log(output))
    negative = ew.multiply(ew.subtract(1.0, target), ew.log(ew.subtract(1.0, output)))
    return ew.negative(ew.add(positive, negative))


@op(NN, static=("max_val",), name="PSNR")
def psnr(x1, x2, max_val):
    """Peak signal to noise ratio in dB.

    Args:
        x1, x2: images of one shape.
        max_val: the largest value they may have.

    Example:
        >>> round(float(ops.psnr([0.0, 1.0], [0.0, 0.9], max_val=1.0)), 3)
        23.01
    """
    x1, x2 = promote_pair(x1, x2, floating=True)
    _same_shape(x1, x2, "psnr")
    error = red.mean(ew.square(ew.subtract(x1, x2)))
    return ew.subtract(20.0 * math.log10(max_val), ew.multiply(ew.log10(error), 10.0))
