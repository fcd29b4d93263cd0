"""Output specs that symbolic inputs cannot get by running the op: sizes that depend on values,
complex values, conditions on sizes that are not known."""

from __future__ import annotations

import math

import numpy as np

from ranvier import config
from ranvier.ops import (
    attention,
    counting,
    ctc,
    diagonals,
    elementwise,
    factorizations,
    indexing,
    neural,
    patches,
    products,
    segments,
    shapes,
    signal,
    special,
    subscripts,
)
from ranvier.ops._define import one_axis, promote_pair, result_type
from ranvier.ops.image import colors
from ranvier.ops.image._layout import channel_axis
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec


def rule(*functions):
    """Gives ops a function of the arguments of their call; where it returns `None`, the op runs on
    stand-ins as usual."""

    def decorate(spec):
        for function in functions:
            function.row.spec = spec
        return spec

    return decorate


def _dtype(x) -> str:
    return config.standardize_dtype(x.dtype if hasattr(x, "dtype") else type(x).__name__)


def _shape(x) -> tuple:
    return tuple(getattr(x, "shape", ()))


def _counted(*shape):
    return KerasTensor(shape, dtype="int32")


# --- as many results as the values say ------------------------------------------------------------


@rule(indexing.nonzero)
def _nonzero(x):
    return tuple(_counted(None) for _ in _shape(x))


@rule(elementwise.where)
def _where(condition, x1=None, x2=None):
    return _nonzero(condition) if x1 is None and x2 is None else None


@rule(counting.unique)
def _unique(x, sorted, return_index, return_inverse, return_counts, axis, size, fill_value):
    shape = [size] if axis is None else list(_shape(x))
    if axis is not None:
        shape[axis] = size
    inverse = _shape(x) if axis is None else (_shape(x)[axis],)
    extras = ((return_index, (size,)), (return_inverse, inverse), (return_counts, (size,)))
    outputs = [KerasTensor(shape, dtype=_dtype(x))]
    outputs += [_counted(*shape) for wanted, shape in extras if wanted]
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


@rule(counting.bincount)
def _bincount(x, weights=None, minlength=0, sparse=False):
    dtype = "int32" if weights is None else _dtype(weights)
    return KerasTensor((*_shape(x)[:-1], None), dtype=dtype)


@rule(
    segments.segment_sum,
    segments.segment_max,
    segments.segment_min,
    segments.segment_prod,
)
def _segments(data, segment_ids, num_segments, sorted):
    if len(_shape(segment_ids)) != 1:
        return None
    return KerasTensor((num_segments, *_shape(data)[1:]), dtype=_dtype(data))


@rule(shapes.size)
def _size(x):
    return KerasTensor((), dtype="int32")


# --- shapes that are arguments --------------------------------------------------------------------


@rule(shapes.broadcast_to)
def _broadcast_to(x, shape):
    fits = len(shape) >= len(_shape(x)) and all(
        a in (None, 1) or b in (None, a) for a, b in zip(_shape(x)[::-1], tuple(shape)[::-1])
    )
    return KerasTensor(shape, dtype=_dtype(x)) if fits and None in (*_shape(x), *shape) else None


@rule(shapes.reshape)
def _reshape(x, newshape):
    """Of several unknown sizes none can be told, and no count can be checked."""
    shape = [newshape] if isinstance(newshape, int) else list(newshape)
    if any(hasattr(d, "shape") for d in shape):
        return None
    unknown = sum(d is None for d in shape)
    if None in _shape(x) and (
        unknown > 1 or (unknown and -1 in shape) or not {None, -1} & {*shape}
    ):
        return KerasTensor([None if d in (None, -1) else d for d in shape], dtype=_dtype(x))
    return None


@rule(indexing.scatter)
def _scatter(indices, values, shape):
    return KerasTensor(shape, dtype=_dtype(values))


@rule(patches.fold)
def _fold(x, output_size, kernel_size, dilation, padding, stride):
    if len(_shape(x)) != 3 or _shape(x)[1] is not None and _shape(x)[2] is not None:
        return None
    pair = [(v, v) if isinstance(v, int) else tuple(v) for v in (output_size, kernel_size)]
    channels = _shape(x)[1]
    channels = None if channels is None else channels // math.prod(pair[1])
    return KerasTensor((_shape(x)[0], channels, *pair[0]), dtype=_dtype(x))


@rule(attention.dot_product_attention)
def _attention(query, key, value, *_, **__):
    if any(len(_shape(x)) != 4 for x in (query, key, value)):
        return None
    dtype = result_type(*(_dtype(x) for x in (query, key, value)), float)
    return KerasTensor((*_shape(query)[:-1], _shape(value)[-1]), dtype=dtype)


@rule(ctc.ctc_loss)
def _ctc_loss(target, output, target_length, output_length, mask_index=0):
    batch = _shape(target)[:1]
    if any(_shape(x)[:1] != batch for x in (output, target_length, output_length)):
        return None
    return KerasTensor(batch, dtype=result_type(_dtype(output), "float32"))


@rule(neural.layer_normalization)
def _layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **_):
    return KerasTensor(_shape(x), dtype=result_type(_dtype(x), float))


@rule(neural.psnr)
def _psnr(x1, x2, max_val):
    return KerasTensor((), dtype=_dtype(x1))


@rule(diagonals.diagonal)
def _diagonal(x, offset=0, axis1=0, axis2=1):
    """The shorter of two sizes is not known when one of them is not."""
    rank = len(_shape(x))
    axes = {one_axis(axis1, rank), one_axis(axis2, rank)}
    if len(axes) == 1 or None not in (_shape(x)[a] for a in axes):
        return None
    kept = [d for i, d in enumerate(_shape(x)) if i not in axes]
    return KerasTensor((*kept, None), dtype=_dtype(x))


@rule(diagonals.diag)
def _diag(x, k=0):
    return _diagonal(x) if len(_shape(x)) == 2 else None


@rule(subscripts.get_item)
def _get_item(x, key):
    """How much a slice takes of an axis of unknown size is not known."""
    items = list(key) if isinstance(key, (tuple, list)) else [key]
    if None not in _shape(x) or not all(
        k is None or k is ... or type(k) in (int, slice) for k in items
    ):
        return None
    items = subscripts._expand_ellipsis(items, len(_shape(x)))
    axes = [i for i, k in enumerate(items) if k is not None]
    cut = [i for i, d in zip(axes, _shape(x)) if d is None and type(items[i]) is slice]
    whole = [slice(None) if i in cut else k for i, k in enumerate(items)]
    return compute_output_spec(subscripts.get_item, x, tuple(whole))


@rule(shapes.repeat)
def _repeat(x, repeats, axis=None):
    """Repeats given one by one tell the size of the axis."""
    counts = repeats if isinstance(repeats, (list, tuple, np.ndarray)) else ()
    if axis is None or np.size(counts) < 2 or _shape(x)[axis] is not None:
        return None
    axis = one_axis(axis, len(_shape(x)))
    return KerasTensor(
        (*_shape(x)[:axis], int(np.sum(counts)), *_shape(x)[axis + 1 :]), dtype=_dtype(x)
    )


# --- conditions on sizes --------------------------------------------------------------------------


@rule(
    factorizations.cholesky, factorizations.cholesky_inverse, factorizations.det, factorizations.inv
)
def _square(x, **_):
    _check_square(x)


@rule(factorizations.solve, factorizations.solve_triangular)
def _square_system(a, b, **_):
    _check_square(a)
    rows, sides = _shape(a)[-2:-1], _shape(b)[-2:-1]
    if len(_shape(b)) >= len(_shape(a)) and rows != sides:
        raise ValueError(
            "Incompatible shapes between `a` and `b`. Expected `a.shape[-2] == b.shape[-2]`. "
            f"Received: a.shape={_shape(a)}, b.shape={_shape(b)}"
        )


def _check_square(x):
    if len(_shape(x)) >= 2 and _shape(x)[-1] != _shape(x)[-2]:
        raise ValueError(
            f"Expected a square matrix. Received non-square input with shape {_shape(x)}"
        )


@rule(factorizations.qr)
def _qr(x, mode):
    if len(_shape(x)) >= 2 and None in _shape(x)[-2:]:
        raise ValueError(
            "Input should have its last 2 dimensions fully-defined. "
            f"Received: input.shape = {_shape(x)}"
        )


@rule(signal.fft)
def _fft(x):
    _check_known(x, 1, "last dimension")


@rule(signal.fft2, signal.ifft2)
def _fft2(x):
    _check_known(x, 2, "(-2, -1) axes")


def _check_known(pair, axes, what):
    for part in pair if isinstance(pair, (tuple, list)) else ():
        if len(_shape(part)) >= axes and None in _shape(part)[-axes:]:
            raise ValueError(
                f"Input should have its {what} fully-defined. "
                f"Received: input.shape = {_shape(part)}"
            )


# --- complex values -------------------------------------------------------------------------------


@rule(special.view_as_complex)
def _view_as_complex(x):
    if _shape(x)[-1:] != (2,):
        raise ValueError("Last dimension of input must be size 2 (real and imaginary). "
                         f"Received shape: {_shape(x)}")  # fmt: skip
    return KerasTensor(_shape(x)[:-1], dtype="complex64")


# --- conditions on sizes that are not known -------------------------------------------------------


def _unknown_channels(images, data_format):
    shape = _shape(images)
    return len(shape) in (3, 4) and shape[channel_axis(data_format)] is None


@rule(colors.rgb_to_grayscale)
def _grayscale(images, data_format=None):
    if not _unknown_channels(images, data_format):
        return None
    shape = list(_shape(images))
    shape[channel_axis(data_format)] = 1
    return KerasTensor(shape, dtype=_dtype(images))


@rule(colors.rgb_to_hsv, colors.hsv_to_rgb)
def _color_space(images, data_format=None):
    if not _unknown_channels(images, data_format) or not config.is_float_dtype(_dtype(images)):
        return None
    return KerasTensor(_shape(images), dtype=_dtype(images))


@rule(products.correlate)
def _correlate(x1, x2, mode="valid"):
    """The shorter vector slides over the longer one: either may be."""
    if mode != "valid" or None not in (*_shape(x1), *_shape(x2)):
        return None
    promoted = compute_output_spec(lambda a, b: promote_pair(a, b, floating=True)[0], x1, x2)
    return KerasTensor((None,), dtype=promoted.dtype)
