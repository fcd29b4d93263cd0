"""`keras.ops.numpy`: the part of `ops` that NumPy has as well."""

from ranvier import ops
from ranvier.ops._define import NUMPY

# Functions that are no operations: other names of one, or without symbolic form.
_PLAIN = ("abs", "allclose", "array", "bitwise_invert", "conjugate", "nonzero", "size", "ndim",
          "unique", "vectorize")  # fmt: skip
_PUBLIC = {
    name: value
    for name, value in vars(ops).items()
    if name in ops.__all__
    and (name in _PLAIN or (hasattr(value, "row") and value.row.module == NUMPY))
}
globals().update(_PUBLIC)
__all__ = sorted(_PUBLIC)
