"""`keras.ops.numpy`: the part of `ops` that NumPy has as well."""

from ranvier.ops import creation, elementwise, indexing, products, reductions, shapes

_OTHERS = {"rsqrt", "erf", "erfc", "erfinv", "one_hot", "multi_hot", "scatter", "scatter_update",
           "slice", "slice_update", "top_k", "in_top_k", "logsumexp", "segment_sum", "segment_max",
           "segment_min", "segment_prod", "norm", "unstack", "cdist"}  # fmt: skip


def _collect():
    from ranvier import ops

    names = {
        name
        for module in (creation, elementwise, indexing, products, reductions, shapes)
        for name in vars(module)
        if name in ops.__all__ and name not in _OTHERS
    }
    return {name: getattr(ops, name) for name in names}


_PUBLIC = _collect()
globals().update(_PUBLIC)
__all__ = sorted(_PUBLIC)
