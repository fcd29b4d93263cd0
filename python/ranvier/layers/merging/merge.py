"""Layers that join several inputs element by element or along an axis."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.layer import Layer


class Merge(Layer):
    """Joins a list of tensors that broadcast against each other."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                "A merge layer should be called on a list of inputs. "
                f"Received: input_shape={input_shape} (not a list of shapes)"
            )
        if len(input_shape) < 1:
            raise ValueError("A merge layer should be called on a list of at least 1 input.")
        batches = {s[0] for s in input_shape if s} - {None}
        if len(batches) > 1:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. Received tensors with shapes "
                f"{input_shape}"
            )
        self._check_shapes(input_shape)

    def _check_shapes(self, shapes):
        """Ranks are made equal by axes of size one after the batch, then sizes must broadcast."""
        rank = max(len(s) for s in shapes)
        wide = [(s[0], *(1,) * (rank - len(s)), *s[1:]) for s in shapes]
        for column in zip(*wide):
            sizes = {d for d in column if d not in (None, 1)}
            if len(sizes) > 1:
                raise ValueError(
                    f"Inputs have incompatible shapes. Received shapes {[tuple(s) for s in shapes]}"
                )

    def _merge_function(self, inputs):
        raise NotImplementedError

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError("A merge layer should be called on a list of inputs. "
                             f"Received: inputs={inputs} (not a list of tensors)")  # fmt: skip
        rank = max(len(x.shape) for x in inputs)
        wide = [
            x if len(x.shape) == rank
            else ops.reshape(x, (x.shape[0], *(1,) * (rank - len(x.shape)), *x.shape[1:]))
            for x in inputs
        ]  # fmt: skip
        return self._merge_function(wide)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        if not isinstance(mask, (list, tuple)):
            raise ValueError(f"`mask` should be a list. Received: mask={mask}")
        if len(mask) != len(inputs):
            raise ValueError(
                "The lists `inputs` and `mask` should have the same length. Received: "
                f"inputs of length {len(inputs)}, and mask of length {len(mask)}"
            )
        if any(m is None for m in mask):
            return None
        out = mask[0]
        for m in mask[1:]:
            out = ops.logical_or(out, m)
        return out


class Add(Merge):
    """Sum of the inputs."""

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.add(out, x)
        return out


class Multiply(Merge):
    """Product of the inputs."""

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.multiply(out, x)
        return out


class Maximum(Merge):
    """Largest of the inputs."""

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.maximum(out, x)
        return out


class Minimum(Merge):
    """Smallest of the inputs."""

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.minimum(out, x)
        return out


class Average(Merge):
    """Mean of the inputs."""

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.add(out, x)
        return ops.divide(out, float(len(inputs)))


class Subtract(Merge):
    """The first of two inputs minus the second."""

    def build(self, input_shape):
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError("A `Subtract` layer should be called on exactly 2 inputs. "
                             f"Received: input_shape={input_shape}")  # fmt: skip

    def _merge_function(self, inputs):
        if len(inputs) != 2:
            raise ValueError("A `Subtract` layer should be called on exactly 2 inputs. "
                             f"Received: inputs={inputs}")  # fmt: skip
        return ops.subtract(inputs[0], inputs[1])


class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Args:
        axis: the axis, the last by default.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def _check_shapes(self, shapes):
        if len({len(s) for s in shapes}) > 1:
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis. Received: input_shape={shapes}"
            )
        axis = self.axis % len(shapes[0])
        for i, column in enumerate(zip(*shapes)):
            if i != axis and len({d for d in column if d is not None}) > 1:
                raise ValueError(
                    "A `Concatenate` layer requires inputs with matching shapes except for "
                    f"the concatenation axis. Received: input_shape={shapes}"
                )

    def _merge_function(self, inputs):
        return ops.concatenate(inputs, axis=self.axis)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError("A `Concatenate` layer should be called on a list of inputs. "
                             f"Received: inputs={inputs}")  # fmt: skip
        return self._merge_function(list(inputs))

    def compute_mask(self, inputs, mask=None):
        if mask is None or all(m is None for m in mask):
            return None
        parts = []
        for x, m in zip(inputs, mask):
            if m is None:
                parts.append(ops.ones_like(x, dtype="bool"))
                continue
            while len(m.shape) < len(x.shape):
                m = ops.expand_dims(m, axis=-1)
            parts.append(ops.broadcast_to(m, x.shape) if None not in x.shape else ops.logical_and(
                ops.ones_like(x, dtype="bool"), m))  # fmt: skip
        return ops.all(ops.concatenate(parts, axis=self.axis), axis=-1, keepdims=False)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """Sum of products of two inputs over one axis of each, sample by sample.

    Args:
        axes: one axis for both, or a pair.
        normalize: whether both are scaled to length one first (cosine similarity).
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(
                "Invalid type for argument `axes`: it must be an int or a list of two ints. "
                f"Received: axes={axes}"
            )
        if not isinstance(axes, int) and (
            len(axes) != 2 or not all(isinstance(a, int) for a in axes)
        ):
            raise ValueError(
                "Invalid format for argument `axes`: it must be an int or a list of two ints. "
                f"Received: axes={axes}"
            )
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def _check_shapes(self, shapes):
        if len(shapes) != 2:
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. Received: "
                f"input_shape={shapes}"
            )
        a, b = self._positive_axes(len(shapes[0]), len(shapes[1]))
        if shapes[0][a] != shapes[1][b]:
            raise ValueError(
                f"Incompatible input shapes: axis values {shapes[0][a]} (at axis {a}) != "
                f"{shapes[1][b]} (at axis {b}). Full input shapes: {shapes[0]}, {shapes[1]}"
            )

    def _positive_axes(self, rank_a, rank_b):
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else tuple(self.axes)
        return axes[0] % rank_a, axes[1] % rank_b

    def call(self, inputs):
        x, y = inputs
        a, b = self._positive_axes(len(x.shape), len(y.shape))
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        letters = "abcdefghijklmnopqrstuvwxyz"
        left = "z" + letters[1 : len(x.shape)]
        right = "z" + letters[len(x.shape) : len(x.shape) + len(y.shape) - 1]
        right = right[:b] + left[a] + right[b + 1 :]
        out = "z" + "".join(c for c in left[1:] + right[1:] if c != left[a])
        result = ops.einsum(f"{left},{right}->{out}", x, y)
        return ops.expand_dims(result, axis=1) if len(result.shape) == 1 else result

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def add(inputs, **kwargs):
    """The `Add` layer as a function."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The `Subtract` layer as a function."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The `Multiply` layer as a function."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The `Average` layer as a function."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The `Maximum` layer as a function."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The `Minimum` layer as a function."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """The `Concatenate` layer as a function."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """The `Dot` layer as a function."""
    return Dot(axes=axes, **kwargs)(inputs)
