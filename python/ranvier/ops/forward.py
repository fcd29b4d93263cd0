"""Forward-mode derivatives, by differentiating the reverse mode."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import tree
from ranvier.ops import elementwise as ew
from ranvier.ops import reductions as red
from ranvier.ops._define import LINALG, op, to_tensor
from ranvier.ops.creation import zeros_like


def _differentiable(x):
    return x.dtype.startswith(("float", "bfloat"))


@op(LINALG, static=("has_aux",), name="JVP")
def jvp(fun, primals, tangents, has_aux=False):
    """The derivative of `fun` at the primals along the tangents.

    u -> (d fun)^T u is linear in u, so its own gradient along the tangents is (d fun) tangents.

    Args:
        fun: function of tensors that returns a tensor or a nested structure of them.
        primals: tuple or list of the arguments of `fun`, nested as it takes them.
        tangents: the same structure, with the same shapes.
        has_aux: whether `fun` returns `(outputs, aux)`.

    Returns:
        `(outputs, tangents_out)`, and `aux` as a third with `has_aux`.

    Raises:
        TypeError: primals or tangents are neither a tuple nor a list.
        ValueError: structures or shapes of primals and tangents differ.

    Example:
        >>> value, slope = ops.jvp(ops.square, (3.0,), (1.0,))
        >>> value.tolist(), slope.tolist()
        (9.0, 6.0)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError("jvp: `primals` and `tangents` must be tuples or lists. Received: "
                        f"{type(primals).__name__} and {type(tangents).__name__}")  # fmt: skip
    primals = tree.map_structure(to_tensor, list(primals))
    flat = tree.flatten(primals)
    along = tree.flatten(list(tangents))
    if len(flat) != len(along):
        raise ValueError("jvp: `primals` and `tangents` must have one structure. Received: "
                         f"{len(flat)} and {len(along)} tensors.")  # fmt: skip
    along = [to_tensor(t, p.dtype) for p, t in zip(flat, along)]
    for p, t in zip(flat, along):
        if tuple(p.shape) != tuple(t.shape):
            raise ValueError("jvp: primals and tangents must have equal shapes. Received: "
                             f"{tuple(p.shape)} and {tuple(t.shape)}")  # fmt: skip

    weights = []

    def reverse():
        inner = B.Tape()
        inner.start()
        try:
            for x in flat:
                inner.watch(x)
            result = fun(*primals)
        finally:
            inner.stop()
        outputs = [to_tensor(y) for y in tree.flatten(result[0] if has_aux else result)]
        # A copy each, so that equal zeros stay different tensors.
        weights.extend(B.apply("copy", [zeros_like(y)], None) for y in outputs)
        for w in weights:
            outer.watch(w)
        kept = [i for i, y in enumerate(outputs) if _differentiable(y)]
        grads = inner.gradient([outputs[i] for i in kept], [weights[i] for i in kept], flat)
        total = None
        for g, t in zip(grads, along):
            if g is not None:
                part = red.sum(ew.multiply(g, t))
                total = part if total is None else ew.add(total, part)
        return result, outputs, total

    outer = B.Tape()
    outer.start()
    try:
        result, outputs, total = reverse()
    finally:
        outer.stop()
    found = [None] * len(outputs) if total is None else outer.gradient([total], None, weights)
    moved = [zeros_like(y) if t is None else t for y, t in zip(outputs, found)]
    value = result[0] if has_aux else result
    packed = tree.pack_sequence_as(value, moved)
    return (value, packed, result[1]) if has_aux else (value, packed)
