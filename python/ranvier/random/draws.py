"""The distributions."""

from __future__ import annotations

import math

from ranvier import _backend as B
from ranvier import config, ops
from ranvier.ops._define import cast, one_axis, shape_list, to_float, to_tensor
from ranvier.python_numbers import whole
from ranvier.random.seed import draw_seed
from ranvier.symbolic.keras_tensor import KerasTensor


def _float_dtype(dtype, name):
    dtype = config.standardize_dtype(dtype)
    if not config.is_float_dtype(dtype):
        raise ValueError(
            f"`keras.random.{name}` requires a floating point `dtype`. Received: dtype={dtype}"
        )
    return dtype


def _number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def _drawn_normal(name, shape, mean, stddev, dtype, seed):
    dtype = _float_dtype(dtype, name)
    plain = _number(mean) and _number(stddev)
    attrs = {"shape": shape_list(shape), "dtype": dtype, "mean": float(mean) if plain else 0.0,
             "stddev": float(stddev) if plain else 1.0}  # fmt: skip
    out = B.apply(f"random_{name}", [draw_seed(seed)], attrs)
    return out if plain else cast(ops.add(ops.multiply(out, stddev), mean), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal numbers.

    Args:
        shape: ints.
        mean, stddev: numbers or tensors.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.normal((2, 3), seed=1).shape
        (2, 3)
    """
    return _drawn_normal("normal", shape, mean, stddev, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal numbers within two standard deviations.

    Args:
        shape: ints.
        mean, stddev: numbers or tensors.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.truncated_normal((2, 3), seed=1).shape
        (2, 3)
    """
    return _drawn_normal("truncated_normal", shape, mean, stddev, dtype, seed)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Numbers spread evenly over [minval, maxval).

    Args:
        shape: ints.
        minval, maxval: numbers or tensors.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.uniform((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype(dtype, "uniform")
    plain = _number(minval) and _number(maxval)
    attrs = {"shape": shape_list(shape), "dtype": dtype, "low": float(minval) if plain else 0.0,
             "high": float(maxval) if plain else 1.0}  # fmt: skip
    out = B.apply("random_uniform", [draw_seed(seed)], attrs)
    if plain:
        return out
    return cast(ops.add(ops.multiply(out, ops.subtract(maxval, minval)), minval), dtype)


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Integers in [minval, maxval); the bounds are numbers, or tensors that broadcast to the
    shape.

    Args:
        shape: ints.
        minval, maxval: integers, or tensors that broadcast to the shape.
        dtype: an integer type.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.randint((2, 3), 0, 10, seed=1).shape
        (2, 3)
    """
    dtype = config.standardize_dtype(dtype)
    if not config.is_int_dtype(dtype):
        raise ValueError(
            f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype}"
        )
    if not (_is_number(minval) and _is_number(maxval)):
        return cast(_between(shape, minval, maxval, seed), dtype)
    attrs = {"shape": shape_list(shape), "dtype": dtype, "low": int(minval), "high": int(maxval)}
    return B.apply("random_integers", [draw_seed(seed)], attrs)


def _is_number(bound):
    """Whether the bound is one number that is known now."""
    return not getattr(bound, "shape", ()) and not getattr(bound, "is_symbol", False)


def _between(shape, minval, maxval, seed):
    """minval + bits mod (maxval - minval); minval where nothing lies between."""
    low, high = (ops.cast(ops.convert_to_tensor(b), "int64") for b in (minval, maxval))
    attrs = {"shape": shape_list(shape), "dtype": "int64", "low": 0, "high": 2**62}
    bits = B.apply("random_integers", [draw_seed(seed)], attrs)
    return ops.add(low, ops.mod(bits, ops.maximum(ops.subtract(high, low), 1)))


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Class indices drawn by their logits: (batch, classes) -> (batch, num_samples).

    Args:
        logits: (batch, classes).
        num_samples: draws per row.
        dtype: an integer type.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.categorical([[0.0, -100.0]], 3, seed=1).tolist()
        [[0, 0, 0]]
    """
    logits = ops.convert_to_tensor(logits)
    if len(logits.shape) != 2:
        raise ValueError(
            "`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received: "
            f"logits={logits}"
        )
    out = B.apply("random_categorical", [draw_seed(seed), cast(to_float(logits), "float32")],
                  {"draws": whole("num_samples", num_samples)})  # fmt: skip
    return cast(out, config.standardize_dtype(dtype))


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Sets a share `rate` of the elements to zero and divides the others by 1 - rate.

    Args:
        inputs: tensor.
        rate: from 0 to 1.
        noise_shape: shape of the mask, 1 where elements share their fate.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.dropout(ops.ones((2, 3)), 0.5, seed=1).shape
        (2, 3)
    """
    if isinstance(inputs, KerasTensor):
        return KerasTensor(inputs.shape, inputs.dtype)
    x = to_float(inputs)
    if rate == 0:
        return x
    if rate == 1:
        return ops.zeros_like(x)
    if noise_shape is None:
        return B.apply("dropout", [x, draw_seed(seed)], {"rate": float(rate)})[0]
    shape = [x.shape[i] if d is None else int(d) for i, d in enumerate(noise_shape)]
    shape = [x.shape[i] for i in range(x.ndim - len(shape))] + shape
    keep = B.apply("random_bernoulli", [draw_seed(seed)],
                   {"shape": shape, "dtype": x.dtype, "p": 1.0 - float(rate)})  # fmt: skip
    return ops.multiply(x, ops.multiply(keep, 1.0 / (1.0 - rate)))


def shuffle(x, axis=0, seed=None):
    """The slices along an axis in random order.

    Args:
        x: tensor.
        axis: axis.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.shuffle(ops.arange(4), seed=1).shape
        (4,)
    """
    x = to_tensor(x)
    axis = one_axis(axis, x.ndim)
    order = B.apply("random_permutation", [draw_seed(seed)],
                    {"size": int(x.shape[axis]), "dtype": "int32"})  # fmt: skip
    return ops.take(x, order, axis)


# Marsaglia and Tsang, "A simple method for generating gamma variables" (2000): accepts 95 % or more
# of its proposals, so that this many leave less than 1e-20 undecided.
_ROUNDS = 16


def gamma(shape, alpha, dtype=None, seed=None):
    """Gamma numbers of shape parameter alpha and rate 1.

    Args:
        shape: ints.
        alpha: number, or tensor that broadcasts to the shape.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.gamma((2, 3), 2.0, seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype(dtype, "gamma")
    shape = shape_list(shape)
    alpha = ops.broadcast_to(to_tensor(alpha, dtype), shape)
    boost = ops.less(alpha, 1.0)
    a = ops.where(boost, ops.add(alpha, 1.0), alpha)
    d = ops.subtract(a, 1.0 / 3.0)
    c = ops.divide(1.0, ops.sqrt(ops.multiply(d, 9.0)))
    words = draw_seed(seed)
    wide = [_ROUNDS, *shape]
    z = B.apply(
        "random_normal", [words], {"shape": wide, "dtype": dtype, "mean": 0.0, "stddev": 1.0}
    )
    u = _uniform_from(words, 1, wide, dtype)
    v = ops.power(ops.maximum(ops.add(ops.multiply(z, c), 1.0), 0.0), 3)
    positive = ops.greater(v, 0.0)
    log_v = ops.log(ops.where(positive, v, 1.0))
    bound = ops.add(
        ops.multiply(ops.square(z), 0.5), ops.multiply(d, ops.add(ops.subtract(1.0, v), log_v))
    )
    accepted = ops.logical_and(positive, ops.less(ops.log(u), bound))
    first = ops.argmax(cast(accepted, "int32"), 0)
    chosen = ops.reshape(ops.take_along_axis(v, ops.expand_dims(first, 0), 0), shape)
    value = ops.multiply(d, chosen)
    extra = ops.power(_uniform_from(words, 2, shape, dtype), ops.divide(1.0, alpha))
    return cast(ops.where(boost, ops.multiply(value, extra), value), dtype)


def _uniform_from(words, salt, shape, dtype):
    """A second stream of the same seed, in (0, 1)."""
    other = B.apply("bitwise_xor", [words, to_tensor([salt * 0x9E37 << 8, 0], "uint32")], None)
    low = float(2.0**-24)
    return B.apply("random_uniform", [other], {"shape": list(shape), "dtype": dtype, "low": low,
                                              "high": 1.0})  # fmt: skip


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Beta numbers: X / (X + Y) of two gamma numbers.

    Args:
        shape: ints.
        alpha, beta: numbers, or tensors that broadcast to the shape.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.beta((2, 3), 2.0, 3.0, seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype(dtype, "beta")
    words = draw_seed(seed)
    x = gamma(shape, alpha, dtype, words)
    other = B.apply("bitwise_xor", [words, to_tensor([0x5BD1, 0], "uint32")], None)
    y = gamma(shape, beta, dtype, other)
    return ops.divide(x, ops.add(x, y))


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """How many of `counts` trials succeed. The largest count must be known.

    Args:
        shape: ints.
        counts, probabilities: numbers, or tensors that broadcast to the shape.
        dtype: floating, `floatx` by default.
        seed: integer, `SeedGenerator`, or `None` for the global generator.

    Example:
        >>> keras.random.binomial((2, 3), 10, 0.5, seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype(dtype, "binomial")
    shape = shape_list(shape)
    counts = ops.broadcast_to(to_tensor(counts, "float32"), shape)
    p = ops.broadcast_to(to_tensor(probabilities, "float32"), shape)
    most = B.constant_value(counts) if counts.is_symbol else counts
    if most is None:
        raise B.GraphError("binomial: the largest of `counts` must be known outside of the trace.")
    trials = int(ops.max(most)) if math.prod(shape) else 0
    u = uniform([trials, *shape], dtype="float32", seed=seed)
    number = ops.reshape(ops.arange(trials, dtype="float32"), [trials] + [1] * len(shape))
    hit = ops.logical_and(ops.less(u, p), ops.less(number, counts))
    return cast(ops.sum(cast(hit, "float32"), 0), dtype)
