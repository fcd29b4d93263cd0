"""`x[key]`: NumPy's basic and integer indexing, and boolean masks of known values."""

from __future__ import annotations

import builtins
import math
import operator

import numpy as np

from ranvier import _backend as B
from ranvier.config import FLOAT_TYPES
from ranvier.ops import elementwise as ew
from ranvier.ops._define import NUMPY, Tensor, apply, op, reshape, to_tensor
from ranvier.ops.indexing import _clamped, _index_tensor
from ranvier.symbolic.probe import probing
from ranvier.variable import Variable


@op(NUMPY)
def get_item(x, key):
    """NumPy's basic and integer indexing; a list of keys means a tuple, as it is in files.

    Args:
        x: tensor.
        key: integers, slices, `None`, `...` or tensors.

    Example:
        >>> ops.get_item(ops.arange(6), slice(1, 4)).tolist()
        [1, 2, 3]
    """
    return index(to_tensor(x), tuple(key) if isinstance(key, list) else key)


def subscript(x, key):
    """`x[key]` of Python, where a list is an index array."""
    return get_item(x, np.asarray(key) if isinstance(key, list) else key)


def index(x: Tensor, key) -> Tensor:
    """`x[key]`: ints, slices, `None`, `...`, integer tensors, and boolean masks of known values."""
    items = list(key) if isinstance(key, tuple) else [key]
    items = [_plain_key(k) for k in items]
    items = _expand_masks(items, x.shape)
    items = _expand_ellipsis(items, len(x.shape))
    starts: list[int] = []
    sizes: list[int] = []
    strides: list[int] = []
    shape: list[int] = []
    arrays: list[tuple] = []
    axis = 0
    for k in items:
        if _axes_taken(k) == 0:
            if k is not None:  # one mask for the whole: all of it, along a new axis, or nothing
                arrays.append((len(shape), np.flatnonzero(k)))
            shape.append(1)
            continue
        n = x.shape[axis]
        if isinstance(k, int):
            if not -n <= k < n:
                raise _range_error(
                    f"index {k} is out of bounds for axis {axis} with size {n}. Received: "
                    f"x.shape={tuple(x.shape)}"
                )
            part = (k % n, 1, 1)
        elif isinstance(k, builtins.slice):
            begin, end, step = k.indices(n)
            size = len(builtins.range(begin, end, step))
            part = (begin if size else 0, size, step)
            shape.append(size)
        else:
            part = (0, n, 1)
            arrays.append((len(shape), k))
            shape.append(n)
        starts.append(part[0])
        sizes.append(part[1])
        strides.append(part[2])
        axis += 1
    if sizes != list(x.shape) or any(s != 1 for s in strides):
        x = apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": strides})
    if shape != list(x.shape):
        x = reshape(x, shape)
    return _advanced(x, arrays) if arrays else x


def _plain_key(k):
    if k is None or k is Ellipsis or isinstance(k, (builtins.slice, Tensor)):
        return _known_slice(k) if isinstance(k, builtins.slice) else k
    if isinstance(k, Variable):
        return k.value
    if isinstance(k, (int, np.integer)) and not isinstance(k, (bool, np.bool_)):
        return int(k)
    if isinstance(k, (bool, np.bool_, list, tuple, np.ndarray)):
        return np.asarray(k)
    raise B.DTypeError(
        "Only integers, slices, ellipsis, None and integer or boolean arrays are valid indices. "
        f"Received: {k!r}"
    )


def _known_slice(k):
    parts = [v if v is None else operator.index(v) for v in (k.start, k.stop, k.step)]
    return builtins.slice(*parts)


def _range_error(text):
    """An IndexError, as of arrays; of a symbolic tensor a ValueError."""
    return (B.ShapeError if probing() else B.RangeError)(text)


def _is_mask(k):
    return isinstance(k, (np.ndarray, Tensor)) and str(k.dtype) == "bool"


def _axes_taken(k):
    """How many axes one item of an index stands for."""
    if k is None or k is Ellipsis:
        return 0
    return k.ndim if _is_mask(k) else 1


def _expand_masks(items, shape):
    out = []
    for place, k in enumerate(items):
        if _is_mask(k):
            mask = k.numpy() if isinstance(k, Tensor) else k
            before = [i for i in items[:place] if i is not Ellipsis]
            if len(before) == place:
                axis = builtins.sum(_axes_taken(i) for i in before)
            else:
                axis = len(shape) - builtins.sum(_axes_taken(i) for i in items[place:])
            expected = tuple(shape[axis : axis + mask.ndim])
            if mask.ndim and mask.shape != expected:
                raise _range_error(
                    f"a boolean index must have the shape of the axes it selects from: {expected} "
                    f"from axis {axis}. Received: a mask of shape {mask.shape}"
                )
            out.extend([i.astype("int32") for i in np.nonzero(mask)] if mask.ndim else [mask])
        else:
            out.append(k)
    return out


def _expand_ellipsis(items, rank):
    used = builtins.sum(_axes_taken(k) for k in items)
    if used > rank:
        raise _range_error(
            f"too many indices: the tensor has {rank} dimensions, but {used} were indexed"
        )
    at = [i for i, k in enumerate(items) if k is Ellipsis]
    if len(at) > 1:
        raise B.RangeError("an index can only have a single ellipsis ('...')")
    fill = [builtins.slice(None)] * (rank - used)
    if at:
        return items[: at[0]] + fill + items[at[0] + 1 :]
    return items + fill


def _advanced(x, arrays):
    """Integer arrays: broadcast together, one gather over their axes. An index outside reads the
    nearest element and has no gradient."""
    axes = [a for a, _ in arrays]
    inside = _inside(x, arrays)
    if inside is not None:
        kept = _gathered(x, arrays, axes)
        inside = reshape(inside, _beside(x, inside, axes))
        return ew.where(inside, kept, apply("stop_gradient", [kept], None))
    return _gathered(x, arrays, axes)


def _gathered(x, arrays, axes):
    tensors = [_index_tensor(_clamped(k, x.shape[a])) for a, k in arrays]
    if len(axes) == 1:
        return apply("take", [x, tensors[0]], {"axis": axes[0]})
    rank = len(x.shape)
    rest = [i for i in range(rank) if i not in axes]
    dims = [x.shape[a] for a in axes]
    moved = (
        apply("transpose", [x], {"perm": axes + rest}) if axes + rest != list(range(rank)) else x
    )
    flat = reshape(moved, [math.prod(dims)] + [x.shape[i] for i in rest])
    position = None
    for tensor, d, stride in zip(
        tensors, dims, [math.prod(dims[i + 1 :]) for i in range(len(dims))]
    ):
        wrapped = ew.where(ew.less(tensor, 0), ew.add(tensor, d), tensor)
        term = ew.multiply(wrapped, stride)
        position = term if position is None else ew.add(position, term)
    out = apply("take", [flat, position], {"axis": 0})
    if axes != list(range(axes[0], axes[0] + len(axes))) or axes[0] == 0:
        return out
    # Neighbouring index axes: their result stands where they stood.
    count = len(position.shape)
    order = (
        list(range(count, count + axes[0]))
        + list(range(count))
        + list(range(count + axes[0], len(out.shape)))
    )
    return apply("transpose", [out], {"perm": order})


def _inside(x, arrays):
    """Which elements of the index arrays, broadcast together, name an element of x; `None` where
    all are known to, or x has no gradient."""
    inside = None
    for axis, k in arrays:
        n = x.shape[axis]
        known = k if isinstance(k, np.ndarray) else _known(k)
        if x.dtype not in FLOAT_TYPES or probing():
            return None
        if known is not None and ((known >= -n) & (known < n)).all():
            continue
        k = _index_tensor(k)
        within = ew.logical_and(ew.greater_equal(k, -n), ew.less(k, n))
        inside = within if inside is None else ew.logical_and(inside, within)
    return inside


def _known(k):
    """The values of an index array, if they are known without running anything."""
    value = B.constant_value(k) if k.is_symbol else k
    return None if value is None else value.numpy()


def _beside(x, inside, axes):
    """The shape that lays `inside` along the gathered axes of the result."""
    together = axes == list(range(axes[0], axes[0] + len(axes)))
    behind = len(x.shape) - len(axes) - (axes[0] if together else 0)
    return [*inside.shape, *[1] * behind]
