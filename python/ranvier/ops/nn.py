"""`keras.ops.nn`: activations, convolutions, normalizations, losses."""

from ranvier.ops import attention, convolution, neural, pooling

_MODULES = (attention, convolution, neural, pooling)


def _collect():
    from ranvier import ops

    names = {n for m in _MODULES for n in vars(m) if n in ops.__all__}
    names |= {"one_hot", "multi_hot"}
    return {name: getattr(ops, name) for name in names if not _is_foreign(getattr(ops, name))}


def _is_foreign(value):
    row = getattr(value, "row", None)
    return row is not None and not row.module.endswith(".nn")


_PUBLIC = _collect()
globals().update(_PUBLIC)
__all__ = sorted(_PUBLIC)
