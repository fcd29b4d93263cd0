"""Layers that join several inputs element by element or along an axis."""

from __future__ import annotations

import functools

from ranvier import ops
from ranvier.layers.layer import Layer
from ranvier.ops._define import one_axis


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
        _check_masks(inputs, mask)
        if any(m is None for m in mask):
            return None
        out = mask[0]
        for m in mask[1:]:
            out = ops.logical_or(out, m)
        return out


def _check_masks(inputs, mask):
    """One mask (or `None`) per input, both in a list."""
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"inputs={inputs} of length {len(inputs)}, and mask={mask} of length {len(mask)}"
        )


def _element_mask(x):
    """The mask of an input in the input's shape, or `None`."""
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))


def _merge_unmasked(merge, inputs):
    """merge of the inputs that are not masked at an element; one masked everywhere stays as it is.

    `merge` has no neutral element, so a masked element is replaced by the other operand.
    """
    output, output_mask = inputs[0], _element_mask(inputs[0])
    for x in inputs[1:]:
        mask = _element_mask(x)
        if mask is not None:
            x = ops.where(mask, x, output)
        if output_mask is not None:
            output = ops.where(output_mask, output, x)
        both = mask is not None and output_mask is not None
        output_mask = ops.logical_or(output_mask, mask) if both else None
        output = merge(output, x)
    if output_mask is not None:
        output._keras_mask = ops.any(output_mask, axis=-1)
    return output


class Add(Merge):
    """Sum of the inputs.

    Example:
        >>> layers.Add()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [4.0, 6.0]
    """

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.add(out, x)
        return out


class Multiply(Merge):
    """Product of the inputs. A masked element counts as one, and as zero where all are masked.

    Example:
        >>> layers.Multiply()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [3.0, 8.0]
    """

    def _merge_function(self, inputs):
        masks = [_element_mask(x) for x in inputs]
        out = None
        for x, mask in zip(inputs, masks):
            if mask is not None:
                x = ops.where(mask, x, ops.cast(1, x.dtype))
            out = x if out is None else ops.multiply(out, x)
        if all(mask is not None for mask in masks):
            kept = functools.reduce(ops.logical_or, masks)
            out = ops.where(kept, out, ops.cast(0, out.dtype))
            out._keras_mask = ops.any(kept, axis=-1)
        return out


class Maximum(Merge):
    """Largest of the inputs, of those that are not masked.

    Example:
        >>> layers.Maximum()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [3.0, 4.0]
    """

    def _merge_function(self, inputs):
        return _merge_unmasked(ops.maximum, inputs)


class Minimum(Merge):
    """Smallest of the inputs, of those that are not masked.

    Example:
        >>> layers.Minimum()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [1.0, 2.0]
    """

    def _merge_function(self, inputs):
        return _merge_unmasked(ops.minimum, inputs)


class Average(Merge):
    """Mean of the inputs.

    Example:
        >>> layers.Average()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [2.0, 3.0]
    """

    def _merge_function(self, inputs):
        out = inputs[0]
        for x in inputs[1:]:
            out = ops.add(out, x)
        return ops.divide(out, float(len(inputs)))


class Subtract(Merge):
    """The first of two inputs minus the second.

    Example:
        >>> layers.Subtract()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [-2.0, -2.0]
    """

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

    Example:
        >>> layers.Concatenate()([ops.ones((2, 3)), ops.ones((2, 4))]).shape
        (2, 7)
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
        if mask is None:
            return None
        _check_masks(inputs, mask)
        if all(m is None for m in mask):
            return None
        parts = []
        for x, m in zip(inputs, mask):
            if m is None:
                m = ops.ones_like(x, dtype="bool")
            elif len(m.shape) < len(x.shape):
                m = ops.logical_or(ops.expand_dims(m, -1), ops.zeros_like(x, dtype="bool"))
            parts.append(m)
        return ops.any(ops.concatenate(parts, axis=self.axis), axis=-1)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """Sum of products of two inputs over one axis of each, sample by sample.

    Args:
        axes: one axis for both, or a pair.
        normalize: whether both are scaled to length one first (cosine similarity).

    Example:
        >>> layers.Dot(axes=1)([ops.ones((2, 3)), ops.ones((2, 3))]).tolist()
        [[3.0], [3.0]]
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
        return one_axis(axes[0], rank_a), one_axis(axes[1], rank_b)

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
    """The `Add` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.add([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [4.0, 6.0]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The `Subtract` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.subtract([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [-2.0, -2.0]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The `Multiply` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.multiply([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [3.0, 8.0]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The `Average` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.average([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [2.0, 3.0]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The `Maximum` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.maximum([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [3.0, 4.0]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The `Minimum` layer as a function.

    Args:
        inputs: list of tensors.

    Example:
        >>> layers.minimum([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
        [1.0, 2.0]
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """The `Concatenate` layer as a function.

    Args:
        inputs: list of tensors.
        axis: axis.

    Example:
        >>> layers.concatenate([ops.ones((2, 3)), ops.ones((2, 4))]).shape
        (2, 7)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """The `Dot` layer as a function.

    Args:
        inputs: two tensors.
        axes: the axis of each, or of both.

    Example:
        >>> layers.dot([ops.ones((2, 3)), ops.ones((2, 3))], axes=1).tolist()
        [[3.0], [3.0]]
    """
    return Dot(axes=axes, **kwargs)(inputs)
