"""What a layer accepts: rank, sizes of axes, dtype."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import tree
from ranvier.config import standardize_dtype
from ranvier.variable import standardize_shape


class InputSpec:
    """Constraints on one input.

    Args:
        dtype: required dtype.
        shape: required shape; `None` entries are free.
        ndim, min_ndim, max_ndim: required rank and its bounds.
        axes: dict of axis to size.
        allow_last_axis_squeeze: whether a last axis of size one may be missing or too many.
        name: key of the input when inputs are a dict.
        optional: whether `None` may be passed.

    Example:
        >>> class Flat(layers.Layer):
        ...     input_spec = layers.InputSpec(ndim=2, axes={-1: 3})
        ...     def call(self, x):
        ...         return x
        >>> Flat()(ops.ones((5, 3))).shape
        (5, 3)
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None,
                 allow_last_axis_squeeze=False, name=None, optional=False):  # fmt: skip
        self.dtype = standardize_dtype(dtype) if dtype is not None else None
        self.shape = standardize_shape(shape) if shape is not None else None
        self.ndim = len(shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional = name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(k): v for k, v in (axes or {}).items()}
        except (ValueError, TypeError, AttributeError):
            raise TypeError(
                f"Argument `axes` must be a dict with integer keys. Received: axes={axes}"
            ) from None
        limit = self.ndim if self.ndim is not None else max_ndim
        if self.axes and limit is not None and max(self.axes) >= limit:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum allowed value: {limit - 1}"
            )

    def __repr__(self):
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        parts = [f"{n}={getattr(self, n)}" for n in names if getattr(self, n)]
        return f"InputSpec({', '.join(parts)})"

    def get_config(self) -> dict:
        """Constructor arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {n: getattr(self, n) for n in names}

    @classmethod
    def from_config(cls, config: dict):
        """A spec from its config."""
        return cls(**config)


def assert_input_compatibility(input_spec, inputs, layer_name: str) -> None:
    """Raises `ShapeError` (a `ValueError`) when inputs do not meet the specs."""
    if not input_spec:
        return
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict):
        names = [s.name for s in specs]
        if all(n is not None for n in names):
            values = []
            for spec in specs:
                if spec.name not in inputs and not spec.optional:
                    raise ValueError(
                        f'Missing data for input "{spec.name}". You passed a data dictionary '
                        f"with keys {list(inputs)}. Expected the following keys: {names}"
                    )
                values.append(inputs.get(spec.name))
            inputs = values
    flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        raise B.ShapeError(_count_message(specs, flat, layer_name))
    for index, (x, spec) in enumerate(zip(flat, specs)):
        if spec is None or (x is None and spec.optional):
            continue
        if x is None or not hasattr(x, "shape"):
            raise ValueError(
                f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input "
                f"for layer '{layer_name}'."
            )
        _check(spec, tuple(x.shape), x.dtype, index, layer_name)


def _count_message(specs, flat, layer_name):
    names = [spec.name for spec in specs if spec is not None]
    if len(names) == len(specs) and all(names):
        example = ", ".join(f"'{name}': ..." for name in names)
        return (
            f'Layer "{layer_name}" expects {len(specs)} named input(s) with keys {names}, but it '
            f"received {len(flat)} input tensors. Pass inputs as a dict, e.g. "
            f"`layer({{{example}}})`."
        )
    shapes = [tuple(getattr(x, "shape", ())) for x in flat]
    return (
        f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(flat)} input '
        f"tensors. Inputs received: {shapes}"
    )


def _check(spec, shape, dtype, index, layer_name):
    called = f" with name '{spec.name}'" if spec.name else ""
    start = f"Input {index}{called} of layer '{layer_name}' is incompatible with the layer: "
    rank = len(shape)
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and rank != spec.ndim:
        raise B.ShapeError(
            f"{start}expected ndim={spec.ndim}, found ndim={rank}. Full shape received: {shape}"
        )
    if spec.max_ndim is not None and rank > spec.max_ndim:
        raise B.ShapeError(f"{start}expected max_ndim={spec.max_ndim}, found ndim={rank}")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        raise B.ShapeError(
            f"{start}expected min_ndim={spec.min_ndim}, found ndim={rank}. Full shape received: "
            f"{shape}"
        )
    if spec.dtype is not None and standardize_dtype(dtype) != spec.dtype:
        raise ValueError(f"{start}expected dtype={spec.dtype}, found dtype={dtype}")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            raise B.ShapeError(
                f"{start}expected axis {axis} of input shape to have value {size}, but received "
                f"input with shape {shape}"
            )
    if spec.shape is None:
        return
    want = spec.shape
    if spec.allow_last_axis_squeeze:
        shape = shape[:-1] if shape and shape[-1] == 1 else shape
        want = want[:-1] if want and want[-1] == 1 else want
    if any(a is not None and b is not None and a != b for a, b in zip(want, shape)):
        raise B.ShapeError(f"{start}expected shape={spec.shape}, found shape={shape}")
