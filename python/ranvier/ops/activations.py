"""Activation functions, element by element."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import NN, apply, one_axis, op, scalar, to_float, to_tensor
from ranvier.ops.elementwise import _unary

relu = _unary(
    "relu",
    "max(x, 0).",
    "relu([-1.0, 3.0]) = [0.0, 3.0]",
    floating=False,
    bool_as="int32",
    module=NN,
)


sigmoid = _unary("sigmoid", "1 / (1 + exp(-x)).", "sigmoid(1.0) = 0.7311", module=NN)


softplus = _unary("softplus", "log(1 + exp(x)).", "softplus(1.0) = 1.3133", module=NN)


silu = _unary("silu", "x sigmoid(x).", "silu(1.0) = 0.7311", module=NN)


def swish(x):
    """x sigmoid(x); see `silu`.

    Example:
        >>> ops.swish([0.0]).tolist()
        [0.0]
    """
    return silu(x)


@op(NN)
def relu6(x):
    """min(max(x, 0), 6), flat at both corners.

    Example:
        >>> ops.relu6([-1.0, 3.0, 9.0]).tolist()
        [0.0, 3.0, 6.0]
    """
    x = relu(to_float(x))
    return apply("minimum", [x, scalar(6.0, x.dtype)], {"strict": True})


@op(NN, static=("negative_slope",))
def leaky_relu(x, negative_slope=0.2):
    """x above zero, else negative_slope x.

    Example:
        >>> ops.leaky_relu([-5.0, 2.0]).tolist()
        [-1.0, 2.0]
    """
    x = to_float(x)
    return apply("leaky_relu", [x, scalar(float(negative_slope), x.dtype)], None)


@op(NN, static=("alpha",))
def elu(x, alpha=1.0):
    """x above zero, else alpha (exp(x) - 1).

    Example:
        >>> ops.elu([0.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    x = to_float(x)
    return apply("elu", [x, scalar(float(alpha), x.dtype)], None)


@op(NN)
def selu(x):
    """The self-normalizing ELU.

    Example:
        >>> ops.selu([0.0]).tolist()
        [0.0]
    """
    return ew.multiply(elu(x, 1.6732632423543772848170429916717), 1.0507009873554804934193349852946)


@op(NN, static=("alpha",))
def celu(x, alpha=1.0):
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)).

    Example:
        >>> ops.celu([0.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    x = to_float(x)
    low = ew.multiply(ew.expm1(ew.divide(ew.minimum(x, 0.0), float(alpha))), float(alpha))
    return ew.add(ew.maximum(x, 0.0), low)


@op(NN, static=("approximate",))
def gelu(x, approximate=True):
    """x times the normal distribution function of x (by a tanh formula when approximate).

    Example:
        >>> ops.gelu([0.0]).tolist()
        [0.0]
    """
    return apply("gelu_tanh" if approximate else "gelu", [to_float(x)], None)


@op(NN)
def softsign(x):
    """x / (1 + |x|).

    Example:
        >>> ops.softsign([-1.0, 3.0]).tolist()
        [-0.5, 0.75]
    """
    x = to_float(x)
    return ew.divide(x, ew.add(ew.absolute(x), 1.0))


@op(NN)
def log_sigmoid(x):
    """log(sigmoid(x)).

    Example:
        >>> ops.log_sigmoid([0.0]).tolist()
        [-0.6931471824645996]
    """
    return ew.negative(softplus(ew.negative(to_float(x))))


@op(NN)
def hard_sigmoid(x):
    """relu6(x + 3) / 6.

    Example:
        >>> ops.hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return ew.divide(relu6(ew.add(to_float(x), 3.0)), 6.0)


@op(NN)
def hard_silu(x):
    """x hard_sigmoid(x).

    Example:
        >>> ops.hard_silu([-3.0, 0.0, 3.0]).tolist()
        [-0.0, 0.0, 3.0]
    """
    x = to_float(x)
    return ew.multiply(x, hard_sigmoid(x))


def hard_swish(x):
    """See `hard_silu`.

    Example:
        >>> ops.hard_swish([-3.0, 0.0, 3.0]).tolist()
        [-0.0, 0.0, 3.0]
    """
    return hard_silu(x)


@op(NN)
def hard_tanh(x):
    """x clipped to [-1, 1].

    Example:
        >>> ops.hard_tanh([-2.0, 0.5]).tolist()
        [-1.0, 0.5]
    """
    x = to_tensor(x)
    if not config.is_float_dtype(x.dtype):
        return ew.clip(x, -1, 1)
    # Here the gradient at the bounds is that of x.
    return apply("clip", [x, scalar(-1.0, x.dtype), scalar(1.0, x.dtype)], None)


@op(NN, static=("threshold",))
def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0.

    Example:
        >>> ops.hard_shrink([-2.0, 0.25]).tolist()
        [-2.0, 0.0]
    """
    x = to_float(x)
    return ew.where(ew.greater(ew.absolute(x), threshold), x, 0.0)


@op(NN, static=("threshold",))
def soft_shrink(x, threshold=0.5):
    """x moved towards zero by the threshold, 0 within it.

    Example:
        >>> ops.soft_shrink([-2.0, 0.25]).tolist()
        [-1.5, 0.0]
    """
    x = to_float(x)
    return ew.where(ew.greater(x, threshold), ew.subtract(x, threshold),
                    ew.where(ew.less(x, -threshold), ew.add(x, threshold), 0.0))  # fmt: skip


@op(NN)
def tanh_shrink(x):
    """x - tanh(x).

    Example:
        >>> ops.tanh_shrink([0.0]).tolist()
        [0.0]
    """
    x = to_float(x)
    return ew.subtract(x, ew.tanh(x))


@op(NN, static=("threshold", "default_value"))
def threshold(x, threshold, default_value):
    """x where x > threshold, else the default value.

    Args:
        x: tensor.
        threshold: number.
        default_value: number.

    Example:
        >>> ops.threshold([1.0, 3.0], 2.0, 0.0).tolist()
        [0.0, 3.0]
    """
    x = to_float(x)
    return ew.where(ew.greater(x, threshold), x, default_value)


@op(NN, static=("b",))
def squareplus(x, b=4):
    """(x + sqrt(x**2 + b)) / 2.

    Example:
        >>> ops.squareplus([0.0]).tolist()
        [1.0]
    """
    x = to_float(x)
    return ew.multiply(ew.add(x, ew.sqrt(ew.add(ew.square(x), b))), 0.5)


@op(NN)
def sparse_plus(x):
    """0 below -1, (x + 1)**2 / 4 in between, x above 1.

    Example:
        >>> ops.sparse_plus([-2.0, 1.0, 3.0]).tolist()
        [0.0, 1.0, 3.0]
    """
    x = to_float(x)
    middle = ew.multiply(ew.square(ew.add(x, 1.0)), 0.25)
    return ew.where(ew.less_equal(x, -1.0), 0.0, ew.where(ew.less(x, 1.0), middle, x))


@op(NN)
def sparse_sigmoid(x):
    """0 below -1, (x + 1) / 2 in between, 1 above 1.

    Example:
        >>> ops.sparse_sigmoid([-2.0, 0.0, 3.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    x = to_float(x)
    return ew.clip(ew.multiply(ew.add(x, 1.0), 0.5), 0.0, 1.0)


@op(NN, static=("axis",))
def glu(x, axis=-1):
    """The first half times the sigmoid of the second.

    Args:
        x: tensor of even size along the axis.
        axis: axis.

    Example:
        >>> ops.glu([2.0, 0.0]).tolist()
        [1.0]
    """
    from ranvier.ops.joins import split

    x = to_float(x)
    if x.shape[one_axis(axis, x.ndim)] % 2:
        raise B.ShapeError(
            f"axis size must be divisible by 2. Received: x.shape={tuple(x.shape)} with axis={axis}"
        )
    a, b = split(x, 2, axis)
    return ew.multiply(a, sigmoid(b))
