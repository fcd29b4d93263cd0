"""Functions over slices and elements: `map`, `vectorize`, `associative_scan`."""

from __future__ import annotations

import math
import re

import numpy as np

from ranvier import tree
from ranvier.ops import joins
from ranvier.ops import shapes as sh
from ranvier.ops._define import CORE, apply, one_axis, op, reshape, to_tensor
from ranvier.ops.control import check_callable, convert_to_tensor, scan


@op(CORE, static=("f",))
def map(f, xs):
    """`f` of each slice along axis 0, results stacked; iterations run on all threads.

    Args:
        f: function of a slice (in the structure of `xs`) that returns tensors, nested at will.
        xs: tensor or nested structure of tensors with equal axes 0.

    Raises:
        ValueError: the axes 0 differ.

    Example:
        >>> ops.map(lambda x: 2 * x, ops.arange(3)).tolist()
        [0, 2, 4]
    """
    check_callable(f, "f")
    leaves = [convert_to_tensor(x) for x in tree.flatten(xs)]
    if not leaves or any(not x.shape or x.shape[0] != leaves[0].shape[0] for x in leaves):
        raise ValueError("map: all tensors of `xs` must have the same size along axis 0. Received: "
                         f"{[tuple(x.shape) for x in leaves]}")  # fmt: skip
    return scan(lambda carry, x: (carry, f(x)), [], xs)[1]


@op(CORE, static=("function",))
def vectorized_map(function, elements):
    """`function` of each slice along axis 0; see `map`.

    Args:
        function: of one slice, or of one slice per tensor of a structure.
        elements: tensors of one first size.

    Example:
        >>> ops.vectorized_map(lambda x: 2 * x, ops.arange(3)).tolist()
        [0, 2, 4]
    """
    return map(function, elements)


# --- vectorize ------------------------------------------------------------------------------------


def _core_dims(signature):
    """[("m", "n"), ...] of the inputs and of the outputs of "(m,n),(n)->(m)"."""
    term = r"\((\w+(,\w+)*)?,?\)"
    text = re.sub(r"\s", "", signature)
    if not re.fullmatch(rf"{term}(,{term})*->{term}(,{term})*", text):
        raise ValueError(f"not a valid gufunc signature: {signature}")

    def terms(side):
        return [tuple(d for d in t.split(",") if d) for t in re.findall(r"\(([^()]*)\)", side)]

    return tuple(terms(side) for side in text.split("->"))


def _split_shapes(tensors, core):
    """Loop shape that all tensors broadcast to; checks the sizes of the core dimensions."""
    sizes: dict[str, int] = {}
    loops = []
    for t, names in zip(tensors, core):
        rank = len(t.shape) - len(names)
        if rank < 0:
            raise ValueError(f"input with shape {tuple(t.shape)} does not have enough dimensions "
                             f"for all core dimensions {names}")  # fmt: skip
        for name, size in zip(names, t.shape[rank:]):
            if sizes.setdefault(name, size) != size:
                raise ValueError(
                    f"inconsistent size for core dimension {name!r}: {size} vs {sizes[name]}"
                )
        loops.append(tuple(t.shape[:rank]))
    return np.broadcast_shapes(*loops)


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of single values (or of core dimensions) as one of tensors.

    Args:
        pyfunc: function of tensors.
        excluded: positions and names of arguments that are passed on as they are.
        signature: core dimensions, e.g. "(m,n),(n)->(m)"; without it they are all scalars.

    Returns:
        A function that broadcasts the remaining leading axes of its arguments and maps over them.

    Example:
        >>> ops.vectorize(lambda a, b: a + b)([1, 2, 3], 2).tolist()
        [3, 4, 5]
    """
    if not callable(pyfunc):
        raise ValueError(f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc}")
    excluded = set(excluded or ())
    dims = _core_dims(signature) if signature is not None else None

    def vectorized(*args, **kwargs):
        places = [i for i in range(len(args)) if i not in excluded]
        names = [k for k in kwargs if k not in excluded]
        tensors = [to_tensor(args[i]) for i in places] + [to_tensor(kwargs[k]) for k in names]
        core = [()] * len(tensors) if dims is None else dims[0]
        if len(core) != len(tensors):
            raise TypeError(f"wrong number of positional arguments: expected {len(core)}, got "
                            f"{len(tensors)}")  # fmt: skip
        loop = list(_split_shapes(tensors, core))

        def one(values):
            call, named = list(args), dict(kwargs)
            for i, v in zip(places, values):
                call[i] = v
            named.update(zip(names, values[len(places) :]))
            return pyfunc(*call, **named)

        if not loop:
            return one(tensors)
        flat = []
        for t, c in zip(tensors, core):
            inner = list(t.shape[len(t.shape) - len(c) :])
            wide = apply("broadcast_to", [t], {"shape": loop + inner})
            flat.append(reshape(wide, [-1, *inner]))
        out = map(one, flat)
        return tree.map_structure(lambda y: reshape(y, loop + list(y.shape[1:])), out)

    vectorized.__name__ = getattr(pyfunc, "__name__", "vectorized")
    vectorized.__doc__ = pyfunc.__doc__
    return vectorized


# --- associative scan -----------------------------------------------------------------------------


@op(CORE, static=("f", "reverse", "axis"))
def associative_scan(f, elems, reverse=False, axis=0):
    """All prefix results of an associative function: fewer than 2 n joins, in 2 log2(n) calls.

    Args:
        f: associative function of two slices.
        elems: a structure of tensors.
        reverse: from the last slice to the first.
        axis: axis.

    Example:
        >>> ops.associative_scan(lambda a, b: a + b, ops.arange(1, 5)).tolist()
        [1, 3, 6, 10]
    """
    check_callable(f, "f")
    leaves = [to_tensor(x) for x in tree.flatten(elems)]
    axis = one_axis(axis, leaves[0].ndim)
    count = leaves[0].shape[axis]
    if any(t.shape[axis] != count for t in leaves):
        raise ValueError(
            "Array inputs to associative_scan must have the same first dimension. (saw: "
            f"{[tuple(t.shape) for t in leaves]})"
        )
    if reverse:
        leaves = [sh.flip(t, axis) for t in leaves]

    def combine(left, right):
        joined = f(tree.pack_sequence_as(elems, left), tree.pack_sequence_as(elems, right))
        return [to_tensor(x) for x in tree.flatten(joined)]

    leaves = _prefixes(combine, leaves, axis)
    if reverse:
        leaves = [sh.flip(t, axis) for t in leaves]
    return tree.pack_sequence_as(elems, leaves)


def _prefixes(combine, leaves, axis):
    """Neighbours are joined and the prefixes of these pairs found; every other one follows by one
    more join (Brent and Kung, "A regular layout for parallel adders", 1982)."""
    count = leaves[0].shape[axis]
    if count < 2:
        return leaves
    half = count // 2
    pairs = [_alternate(joins._cut(t, axis, 0, 2 * half), axis) for t in leaves]
    left, right = [p[0] for p in pairs], [p[1] for p in pairs]
    odd = _prefixes(combine, combine(left, right), axis)
    later = [joins._cut(t, axis, 1, half - 1) for t in left]
    if count % 2:
        last = [joins._cut(t, axis, count - 1, 1) for t in leaves]
        later = [joins.concatenate(two, axis) for two in zip(later, last)]
    n = later[0].shape[axis]
    if n == 0:
        return [joins.concatenate(two, axis) for two in zip(left, odd)]
    before = [joins._cut(t, axis, 0, n) for t in odd]
    even = combine(before, later)
    between = [_interleaved(o, e, axis) for o, e in zip(before, even)]
    first = [joins._cut(t, axis, 0, 1) for t in left]
    if count % 2:
        return [joins.concatenate(two, axis) for two in zip(first, between)]
    rest = [joins._cut(t, axis, n, 1) for t in odd]
    return [joins.concatenate(three, axis) for three in zip(first, between, rest)]


def _around(t, axis):
    """Number of elements before and after an axis, as two sizes."""
    return math.prod(t.shape[:axis]), math.prod(t.shape[axis + 1 :])


def _alternate(t, axis):
    """The slices with even and those with odd index, of an even number.

    As halves of pairs: gradients of strided slices would each fill the whole.
    """
    outer, inner = _around(t, axis)
    half = t.shape[axis] // 2
    pairs = reshape(t, [outer, half, 2, inner])
    shape = [*t.shape[:axis], half, *t.shape[axis + 1 :]]
    return [reshape(joins._cut(pairs, 2, i, 1), shape) for i in (0, 1)]


def _interleaved(a, b, axis):
    """a[0], b[0], a[1], b[1], ... along an axis."""
    outer, inner = _around(a, axis)
    count = a.shape[axis]
    parts = [reshape(t, [outer, count, 1, inner]) for t in (a, b)]
    pairs = joins.concatenate(parts, axis=2)
    return reshape(pairs, [*a.shape[:axis], 2 * count, *a.shape[axis + 1 :]])
