"""The activation functions: thin names over `ops`, with Keras' arguments and defaults."""

from __future__ import annotations

from ranvier import ops


def linear(x):
    """x itself.

    Example:
        >>> np.round(keras.activations.linear(np.array([-1.0, 2.0])), 4).tolist()
        [-1.0, 2.0]
    """
    return x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0), with an optional slope below the threshold and an optional upper end.

    f(x) = max_value for x >= max_value, x for threshold <= x < max_value, and
    negative_slope (x - threshold) below. With a `max_value`, what lies between a negative threshold
    and zero becomes zero.

    Example:
        >>> np.round(keras.activations.relu(np.array([-1.0, 2.0])), 4).tolist()
        [0.0, 2.0]
    """
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    if negative_slope == 0.0 and max_value == 6 and threshold == 0.0:
        return ops.relu6(x)
    if max_value is None and threshold == 0.0:
        return ops.leaky_relu(x, negative_slope)
    out = ops.relu(x) if threshold == 0.0 else ops.where(ops.greater(x, threshold), x, 0.0)
    if max_value is not None:
        out = ops.relu6(x) if (max_value, threshold) == (6, 0) else ops.clip(out, 0.0, max_value)
    if negative_slope == 0.0:
        return out
    below = ops.relu(ops.subtract(threshold, x))
    return ops.subtract(out, ops.multiply(negative_slope, below))


def leaky_relu(x, negative_slope=0.2):
    """x where positive, else negative_slope x.

    Example:
        >>> np.round(keras.activations.leaky_relu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.2, 2.0]
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x):
    """min(max(x, 0), 6).

    Example:
        >>> np.round(keras.activations.relu6(np.array([-1.0, 2.0])), 4).tolist()
        [0.0, 2.0]
    """
    return ops.relu6(x)


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along an axis.

    Example:
        >>> keras.activations.softmax(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    """log(softmax(x)) along an axis.

    Example:
        >>> keras.activations.log_softmax(np.array([[0.0]])).tolist()
        [[0.0]]
    """
    return ops.log_softmax(x, axis=axis)


def sparsemax(x, axis=-1):
    """The Euclidean projection of x onto the probability simplex.

    Args:
        x: tensor.
        axis: axis.

    Example:
        >>> keras.activations.sparsemax(np.array([[1.0, 0.5]])).tolist()
        [[0.75, 0.25]]
    """
    return ops.sparsemax(x, axis=axis)


def elu(x, alpha=1.0):
    """x where positive, else alpha (exp(x) - 1).

    Example:
        >>> np.round(keras.activations.elu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.6321, 2.0]
    """
    return ops.elu(x, alpha=alpha)


def selu(x):
    """The scaled elu that keeps mean 0 and variance 1.

    Example:
        >>> np.round(keras.activations.selu(np.array([-1.0, 2.0])), 4).tolist()
        [-1.1113, 2.1014]
    """
    return ops.selu(x)


def celu(x, alpha=1.0):
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0).

    Example:
        >>> np.round(keras.activations.celu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.6321, 2.0]
    """
    return ops.celu(x, alpha=alpha)


def softplus(x):
    """log(exp(x) + 1).

    Example:
        >>> np.round(keras.activations.softplus(np.array([-1.0, 2.0])), 4).tolist()
        [0.3133, 2.1269]
    """
    return ops.softplus(x)


def softsign(x):
    """x / (|x| + 1).

    Example:
        >>> np.round(keras.activations.softsign(np.array([-1.0, 2.0])), 4).tolist()
        [-0.5, 0.6667]
    """
    return ops.softsign(x)


def soft_shrink(x, threshold=0.5):
    """x moved towards 0 by the threshold, 0 within it.

    Example:
        >>> np.round(keras.activations.soft_shrink(np.array([-1.0, 2.0])), 4).tolist()
        [-0.5, 1.5]
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x, threshold=0.5):
    """x where |x| exceeds the threshold, else 0.

    Example:
        >>> np.round(keras.activations.hard_shrink(np.array([-1.0, 2.0])), 4).tolist()
        [-1.0, 2.0]
    """
    return ops.hard_shrink(x, threshold=threshold)


def sparse_plus(x):
    """0 below -1, x above 1, (x + 1)^2 / 4 between.

    Example:
        >>> np.round(keras.activations.sparse_plus(np.array([-1.0, 2.0])), 4).tolist()
        [0.0, 2.0]
    """
    return ops.sparse_plus(x)


def sparse_sigmoid(x):
    """0 below -1, 1 above 1, (x + 1) / 2 between.

    Example:
        >>> np.round(keras.activations.sparse_sigmoid(np.array([-1.0, 2.0])), 4).tolist()
        [0.0, 1.0]
    """
    return ops.sparse_sigmoid(x)


def silu(x):
    """x sigmoid(x).

    Example:
        >>> np.round(keras.activations.silu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.2689, 1.7616]
    """
    return ops.silu(x)


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2.

    Example:
        >>> np.round(keras.activations.squareplus(np.array([-1.0, 2.0])), 4).tolist()
        [0.618, 2.4142]
    """
    return ops.squareplus(x, b=b)


def gelu(x, approximate=False):
    """x P(X <= x) of a standard normal X; with `approximate` by a tanh formula.

    Example:
        >>> np.round(keras.activations.gelu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.1587, 1.9545]
    """
    return ops.gelu(x, approximate=approximate)


def glu(x, axis=-1):
    """First half times sigmoid(second half) along an axis.

    Example:
        >>> keras.activations.glu(np.array([[2.0, 0.0]])).tolist()
        [[1.0]]
    """
    return ops.glu(x, axis=axis)


def tanh(x):
    """The hyperbolic tangent.

    Example:
        >>> np.round(keras.activations.tanh(np.array([-1.0, 2.0])), 4).tolist()
        [-0.7616, 0.964]
    """
    return ops.tanh(x)


def tanh_shrink(x):
    """x - tanh(x).

    Example:
        >>> np.round(keras.activations.tanh_shrink(np.array([-1.0, 2.0])), 4).tolist()
        [-0.2384, 1.036]
    """
    return ops.tanh_shrink(x)


def hard_tanh(x):
    """x clipped to [-1, 1].

    Example:
        >>> np.round(keras.activations.hard_tanh(np.array([-1.0, 2.0])), 4).tolist()
        [-1.0, 1.0]
    """
    return ops.hard_tanh(x)


def threshold(x, threshold, default_value):
    """x where it exceeds the threshold, else the default value.

    Args:
        x: tensor.
        threshold: number.
        default_value: what stands where x is not above the threshold.

    Example:
        >>> keras.activations.threshold(np.array([1.0, 3.0]), 2.0, 0.0).tolist()
        [0.0, 3.0]
    """
    return ops.threshold(x, threshold, default_value)


def sigmoid(x):
    """1 / (1 + exp(-x)).

    Example:
        >>> np.round(keras.activations.sigmoid(np.array([-1.0, 2.0])), 4).tolist()
        [0.2689, 0.8808]
    """
    return ops.sigmoid(x)


def log_sigmoid(x):
    """log(sigmoid(x)).

    Example:
        >>> np.round(keras.activations.log_sigmoid(np.array([-1.0, 2.0])), 4).tolist()
        [-1.3133, -0.1269]
    """
    return ops.log_sigmoid(x)


def exponential(x):
    """exp(x).

    Example:
        >>> np.round(keras.activations.exponential(np.array([-1.0, 2.0])), 4).tolist()
        [0.3679, 7.3891]
    """
    return ops.exp(x)


def hard_sigmoid(x):
    """x / 6 + 1 / 2, clipped to [0, 1].

    Example:
        >>> np.round(keras.activations.hard_sigmoid(np.array([-1.0, 2.0])), 4).tolist()
        [0.3333, 0.8333]
    """
    return ops.hard_sigmoid(x)


def hard_silu(x):
    """x hard_sigmoid(x).

    Example:
        >>> np.round(keras.activations.hard_silu(np.array([-1.0, 2.0])), 4).tolist()
        [-0.3333, 1.6667]
    """
    return ops.hard_silu(x)


def mish(x):
    """x tanh(softplus(x)).

    Example:
        >>> np.round(keras.activations.mish(np.array([-1.0, 2.0])), 4).tolist()
        [-0.3034, 1.944]
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))
