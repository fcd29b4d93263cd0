"""`keras.ops.nn`: activations, convolutions, normalizations, losses."""

from ranvier import ops
from ranvier.ops._define import NN

_OTHER_NAMES = ("hard_swish", "swish")
_PUBLIC = {
    name: value
    for name, value in vars(ops).items()
    if name in ops.__all__
    and (name in _OTHER_NAMES or (hasattr(value, "row") and value.row.module == NN))
}
globals().update(_PUBLIC)
__all__ = sorted(_PUBLIC)
