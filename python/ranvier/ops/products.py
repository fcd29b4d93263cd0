"""Products of tensors: matmul and what reduces to it, and linear algebra of known values."""

from __future__ import annotations

import math
import string

from ranvier import _backend as B
from ranvier.ops import diagonals, joins
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops import shapes as sh
from ranvier.ops._define import (
    MATH,
    NUMPY,
    apply,
    axis_tuple,
    cast,
    expand,
    op,
    promote_all,
    promote_pair,
    reshape,
    to_float,
)


def _product(a, b):
    if a.dtype == "int8":
        return apply("matmul", [a, b], {"dtype": "int32"})
    if a.dtype == "bool":
        return cast(apply("matmul", [cast(a, "int32"), cast(b, "int32")], None), "bool")
    return apply("matmul", [a, b], None)


@op(NUMPY)
def matmul(x1, x2):
    """Matrix product over the last two axes; leading axes broadcast. int8 products give int32.

    Example:
        >>> ops.matmul([[1, 2], [3, 4]], [[1], [1]]).tolist()
        [[3], [7]]
    """
    if ew.is_complex(x1) or ew.is_complex(x2):
        return ew.complex_values().matmul(x1, x2)
    a, b = promote_pair(x1, x2)
    if a.dtype == "int8" and not _both_int8(x1, x2):
        return cast(_product(a, b), "int8")
    return _product(a, b)


def _both_int8(*operands):
    return all(getattr(x, "dtype", None) == "int8" for x in operands)


def _narrow_product(a, b):
    """A product whose dtype is that of its operands; `matmul` and `einsum` widen int8."""
    return cast(_product(a, b), a.dtype)


@op(NUMPY)
def dot(x1, x2):
    """Sum of products over the last axis of x1 and the second to last of x2.

    Example:
        >>> ops.dot([1, 2], [3, 4]).tolist()
        11
    """
    a, b = promote_pair(x1, x2)
    if not a.shape or not b.shape:
        return ew.multiply(a, b)
    if len(b.shape) == 1 or len(a.shape) == 1 or len(b.shape) == 2:
        if len(b.shape) <= 2:
            return _narrow_product(a, b)
        return tensordot(a, b, ([-1], [-2]))
    return tensordot(a, b, ([-1], [-2]))


@op(NUMPY)
def vdot(x1, x2):
    """Sum of products of all elements.

    Example:
        >>> ops.vdot([1, 2], [3, 4]).tolist()
        11
    """
    a, b = promote_pair(x1, x2)
    return _narrow_product(reshape(a, [-1]), reshape(b, [-1]))


@op(NUMPY)
def inner(x1, x2):
    """Sum of products over the last axes.

    Example:
        >>> ops.inner([[1, 2], [3, 4]], [1, 1]).tolist()
        [3, 7]
    """
    a, b = promote_pair(x1, x2)
    if not a.shape or not b.shape:
        return ew.multiply(a, b)
    if a.shape[-1] != b.shape[-1]:
        raise B.ShapeError(
            "inner: both must have the same last dimension. Received: "
            f"x1.shape={tuple(a.shape)}, x2.shape={tuple(b.shape)}"
        )
    return tensordot(a, b, ([-1], [-1]))


@op(NUMPY)
def outer(x1, x2):
    """All products of two vectors (inputs are flattened).

    Example:
        >>> ops.outer([1, 2], [3, 4]).tolist()
        [[3, 4], [6, 8]]
    """
    a, b = promote_pair(x1, x2)
    return ew.multiply(reshape(a, [-1, 1]), reshape(b, [1, -1]))


@op(NUMPY, static=("axes",))
def tensordot(x1, x2, axes=2):
    """Sum of products over pairs of axes.

    Args:
        x1, x2: tensors.
        axes: how many last axes of x1 meet the first of x2, or two lists of axes.

    Example:
        >>> ops.tensordot([[1, 2], [3, 4]], [1, 1], axes=1).tolist()
        [3, 7]
    """
    a, b = promote_pair(x1, x2)
    if isinstance(axes, int):
        if axes > min(len(a.shape), len(b.shape)):
            raise B.ShapeError(
                "tensordot: there are not as many axes to sum over. Received: "
                f"x1.shape={tuple(a.shape)}, x2.shape={tuple(b.shape)}, axes={axes}"
            )
        left = list(range(len(a.shape) - axes, len(a.shape)))
        right = list(range(axes))
    else:
        left = list(axis_tuple(axes[0], len(a.shape)))
        right = list(axis_tuple(axes[1], len(b.shape)))
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise B.ShapeError(
            "tensordot: the summed axes must have equal sizes. Received: "
            f"x1.shape={tuple(a.shape)}, x2.shape={tuple(b.shape)}, axes={axes}"
        )
    keep_a = [i for i in range(len(a.shape)) if i not in left]
    keep_b = [i for i in range(len(b.shape)) if i not in right]
    k = math.prod(a.shape[i] for i in left)
    m = math.prod(a.shape[i] for i in keep_a)
    n = math.prod(b.shape[i] for i in keep_b)
    rows = reshape(sh.transpose(a, keep_a + left), [m, k])
    cols = reshape(sh.transpose(b, right + keep_b), [k, n])
    return reshape(
        _narrow_product(rows, cols), [a.shape[i] for i in keep_a] + [b.shape[i] for i in keep_b]
    )


@op(NUMPY, static=("axisa", "axisb", "axisc", "axis"))
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Cross product of vectors of two or three elements.

    Args:
        x1, x2: tensors.
        axisa, axisb, axisc: where the vectors lie in x1, x2 and the result.
        axis: sets all three.

    Example:
        >>> ops.cross([1, 0, 0], [0, 1, 0]).tolist()
        [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = promote_pair(x1, x2)
    a, b = sh.moveaxis(a, axisa, -1), sh.moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise B.ShapeError(
            f"`x1`'s dim on `axis={axisa}` and `x2`'s must be 2 or 3. Received: "
            f"{tuple(a.shape)} and {tuple(b.shape)}"
        )
    pa = [a[..., i] for i in range(a.shape[-1])] + ([0] if a.shape[-1] == 2 else [])
    pb = [b[..., i] for i in range(b.shape[-1])] + ([0] if b.shape[-1] == 2 else [])

    def minor(i, j):
        return ew.subtract(ew.multiply(pa[i], pb[j]), ew.multiply(pa[j], pb[i]))

    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return minor(0, 1)
    return joins.stack([minor(1, 2), minor(2, 0), minor(0, 1)], axis=axisc)


@op(NUMPY)
def kron(x1, x2):
    """Kronecker product.

    Example:
        >>> ops.kron([1, 2], [[1, 1]]).tolist()
        [[1, 1, 2, 2]]
    """
    a, b = promote_pair(x1, x2)
    rank = max(len(a.shape), len(b.shape))
    sa = [1] * (rank - len(a.shape)) + list(a.shape)
    sb = [1] * (rank - len(b.shape)) + list(b.shape)
    wide_a = reshape(a, [d for s in sa for d in (s, 1)])
    wide_b = reshape(b, [d for s in sb for d in (1, s)])
    return reshape(ew.multiply(wide_a, wide_b), [x * y for x, y in zip(sa, sb)])


# --- einsum ---------------------------------------------------------------------------------------


@op(NUMPY, static=("subscripts",))
def einsum(subscripts, *operands, **kwargs):
    """Einstein summation: any sum of products named by index letters; `...` broadcasts.

    Args:
        subscripts: letters of the operands' axes, "->", those of the result.
        operands: tensors.

    Example:
        >>> ops.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1]).tolist()
        [3, 7]
    """
    tensors = promote_all(operands)
    narrow = tensors[0].dtype == "int8" and not _both_int8(*operands)
    terms, out = _parse(subscripts, [len(t.shape) for t in tensors])
    if tensors[0].dtype == "int8" and not _one_product(terms, out):
        tensors = [cast(t, "int32") for t in tensors]
    sizes: dict[str, int] = {}
    for term, t in zip(terms, tensors):
        for letter, d in zip(term, t.shape):
            if sizes.setdefault(letter, d) not in (d, 1) and d != 1:
                raise B.ShapeError(
                    f"einsum: index '{letter}' has sizes {sizes[letter]} and {d}. Received: "
                    f"subscripts={subscripts!r}, shapes={[tuple(x.shape) for x in tensors]}"
                )
            sizes[letter] = max(sizes[letter], d)
    parts = [_take_diagonals(t, term) for t, term in zip(tensors, terms)]
    while len(parts) > 1:
        (a, ta), (b, tb) = parts.pop(0), parts.pop(0)
        later = set(out).union(*(set(term) for _, term in parts))
        parts.insert(0, _contract(a, ta, b, tb, later))
    x, term = parts[0]
    gone = [i for i, letter in enumerate(term) if letter not in out]
    if gone:
        x = apply("sum", [x], {"axes": gone, "keepdims": False})
        term = "".join(c for c in term if c in out)
    x = sh.transpose(x, [term.index(c) for c in out]) if term != out else x
    return cast(x, "int8") if narrow else x


def _one_product(terms, out) -> bool:
    """Two operands whose every letter is kept or shared: a matrix product and nothing before it."""
    return len(terms) == 2 and all(
        term.count(c) == 1 and (c in out or c in other)
        for term, other in (terms, terms[::-1])
        for c in term
    )


def _parse(subscripts, ranks):
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(
            f"einsum: {len(terms)} index lists for {len(ranks)} operands. Received: {subscripts!r}"
        )
    free = [c for c in string.ascii_letters if c not in text]
    depth = max(
        (r - len(t.replace("...", "")) for t, r in zip(terms, ranks) if "..." in t), default=0
    )
    dots = "".join(free[:depth])
    full = []
    for term, rank in zip(terms, ranks):
        if "..." in term:
            count = rank - len(term.replace("...", ""))
            term = term.replace("...", dots[len(dots) - count :] if count else "")
        if len(term) != rank:
            raise B.ShapeError(
                f"einsum: '{term}' names {len(term)} axes of a tensor of rank {rank}. "
                f"Received: subscripts={subscripts!r}"
            )
        full.append(term)
    if arrow:
        out = right.replace("...", dots)
        unknown = sorted(set(out) - set("".join(full)))
        if unknown or len(set(out)) < len(out):
            raise ValueError(
                "einsum: each index of the output must be one of the operands, and only once. "
                f"Received: subscripts={subscripts!r}"
            )
    else:
        letters = "".join(full)
        out = dots + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots)
        )
    return full, out


def _take_diagonals(x, term):
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = diagonals.diagonal(x, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    return x, term


def _contract(a, ta, b, tb, later):
    """Two operands as one batched matrix product."""
    for t, other in ((ta, tb), (tb, ta)):
        gone = [c for c in t if c not in other and c not in later]
        if gone:
            axes = [t.index(c) for c in gone]
            if t is ta:
                a, ta = apply("sum", [a], {"axes": axes, "keepdims": False}), _without(ta, gone)
            else:
                b, tb = apply("sum", [b], {"axes": axes, "keepdims": False}), _without(tb, gone)
    batch = [c for c in ta if c in tb and c in later]
    inner_ = [c for c in ta if c in tb and c not in later]
    rows = [c for c in ta if c not in tb]
    cols = [c for c in tb if c not in ta]
    sa, sb = dict(zip(ta, a.shape)), dict(zip(tb, b.shape))
    if any(sa[c] != sb[c] for c in inner_):
        common = {c: max(sa[c], sb[c]) for c in inner_}
        a = apply("broadcast_to", [a], {"shape": [common.get(c, sa[c]) for c in ta]})
        b = apply("broadcast_to", [b], {"shape": [common.get(c, sb[c]) for c in tb]})
        sa.update(common)
        sb.update(common)
    pa = sh.transpose(a, [ta.index(c) for c in batch + rows + inner_])
    pb = sh.transpose(b, [tb.index(c) for c in batch + inner_ + cols])
    m = math.prod(sa[c] for c in rows)
    k = math.prod(sa[c] for c in inner_)
    n = math.prod(sb[c] for c in cols)
    pa = reshape(pa, [sa[c] for c in batch] + [m, k])
    pb = reshape(pb, [sb[c] for c in batch] + [k, n])
    out = _product(pa, pb)
    lead = [max(sa[c], sb[c]) for c in batch]
    out = reshape(out, lead + [sa[c] for c in rows] + [sb[c] for c in cols])
    return out, "".join(batch + rows + cols)


def _without(term, letters):
    return "".join(c for c in term if c not in letters)


# --- statistics -----------------------------------------------------------------------------------


@op(NUMPY)
def corrcoef(x):
    """Correlation coefficients of the rows; of a vector with itself, a number.

    Example:
        >>> ops.corrcoef([[1.0, 2.0], [2.0, 1.0]]).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = to_float(x)
    if len(x.shape) > 2:
        raise B.ShapeError(
            f"corrcoef: a matrix of variables in rows is needed. Received: shape {tuple(x.shape)}"
        )
    if len(x.shape) < 2:
        return reshape(corrcoef(reshape(x, [1, -1])), [])
    centred = ew.subtract(x, red.mean(x, 1, True))
    covariance = matmul(centred, sh.transpose(centred))
    scale = ew.sqrt(diagonals.diagonal(covariance))
    return ew.divide(ew.divide(covariance, expand(scale, 1)), expand(scale, 0))


@op(NUMPY, static=("mode",))
def correlate(x1, x2, mode="valid"):
    """Cross-correlation of two vectors; mode full, same or valid.

    Args:
        x1, x2: vectors.
        mode: "full", "same" or "valid".

    Example:
        >>> ops.correlate([1, 2, 3], [1, 1]).tolist()
        [3.0, 5.0]
    """
    a, b = promote_pair(x1, x2, floating=True)
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise ValueError("correlate: both inputs must be vectors. Received: "
                         f"{tuple(a.shape)} and {tuple(b.shape)}")  # fmt: skip
    n, m = a.shape[0], b.shape[0]
    if n < m:
        return sh.flip(correlate(b, a, mode))
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: `mode` must be valid, same or full. Received: mode={mode!r}")
    left = {"valid": 0, "same": m // 2, "full": m - 1}[mode]
    right = {"valid": 0, "same": m - 1 - m // 2, "full": m - 1}[mode]
    out = apply(
        "conv",
        [reshape(a, [1, n, 1]), reshape(b, [m, 1, 1])],
        {"strides": [1], "dilations": [1], "padding": [left, right], "groups": 1},
    )
    return reshape(out, [-1])


@op(MATH, name="CDist")
def cdist(x, y):
    """Euclidean distances between the rows of two sets of points.

    Example:
        >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
        [[5.0, 1.0]]
    """
    a, b = promote_pair(x, y, floating=True)
    if len(a.shape) < 2 or len(b.shape) < 2 or a.shape[-1] != b.shape[-1]:
        raise B.ShapeError(
            "cdist: two sets of points with as many coordinates are needed, (..., points, d). "
            f"Received: shapes {tuple(a.shape)} and {tuple(b.shape)}. Hint: one point is a row, "
            "(1, d)."
        )
    gap = ew.subtract(expand(a, -2), expand(b, -3))
    return ew.sqrt(red.sum(ew.square(gap), -1))
