"""Python operators and NumPy's protocols, for tensors, variables and symbolic tensors alike."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.ops import elementwise, products, reductions, shapes, subscripts
from ranvier.ops._define import any_symbolic, cast
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.variable import Variable

_BINARY = {
    "add": elementwise.add, "sub": elementwise.subtract, "mul": elementwise.multiply,
    "truediv": elementwise.true_divide, "floordiv": elementwise.floor_divide,
    "mod": elementwise.mod, "pow": elementwise.power, "matmul": products.matmul,
    "lshift": elementwise.left_shift, "rshift": elementwise.right_shift,
}  # fmt: skip
_COMPARE = {
    "lt": elementwise.less, "le": elementwise.less_equal, "gt": elementwise.greater,
    "ge": elementwise.greater_equal, "eq": elementwise.equal, "ne": elementwise.not_equal,
}  # fmt: skip


def _bits(bitwise, logical):
    def fn(a, b):
        kinds = {getattr(x, "dtype", type(x).__name__) for x in (a, b)}
        return logical(a, b) if kinds == {"bool"} else bitwise(a, b)

    return fn


_BINARY["and"] = _bits(elementwise.bitwise_and, elementwise.logical_and)
_BINARY["or"] = _bits(elementwise.bitwise_or, elementwise.logical_or)
_BINARY["xor"] = _bits(elementwise.bitwise_xor, elementwise.logical_xor)


def _invert(x):
    return elementwise.logical_not(x) if x.dtype == "bool" else elementwise.bitwise_not(x)


# Of variables and symbolic tensors, whose `&`, `|`, `^` and `~` are logical in Keras.
_LOGICAL = {
    "and": elementwise.logical_and,
    "or": elementwise.logical_or,
    "xor": elementwise.logical_xor,
}

_UNARY = {
    "neg": elementwise.negative,
    "pos": elementwise.positive,
    "abs": elementwise.absolute,
    "invert": _invert,
}


def _round(x, ndigits=None):
    """Python's `round`: without digits integers, as of numbers; symbolic tensors stay floats."""
    rounded = elementwise.round(x, ndigits or 0)
    return cast(rounded, "int32") if ndigits is None and isinstance(x, B.Tensor) else rounded


def _divmod(a, b):
    return elementwise.floor_divide(a, b), elementwise.mod(a, b)


def _reflected(fn):
    return lambda a, b: fn(b, a)


def _set_item(x, key, value):
    raise TypeError(
        "A tensor cannot be changed in place. Use `keras.ops.slice_update` or "
        "`keras.ops.scatter_update`, or `variable.assign` for state."
    )


def _methods():
    table = {
        "round": _round,
        "getitem": subscripts.subscript,
        "setitem": _set_item,
        **_UNARY,
        **_COMPARE,
    }
    for name, fn in _BINARY.items():
        table[name] = fn
        table["r" + name] = _reflected(fn)
    return {f"__{name}__": fn for name, fn in table.items()}


def _method(fn):
    def method(self, *args):
        return fn(self, *args)

    return method


def _guarded(fn):
    """Foreign operands get their turn: `None`, strings and the like."""

    def method(self, other):
        if other is None or isinstance(other, (str, bytes, dict)):
            return NotImplemented
        return fn(self, other)

    return method


_FROM_NUMPY = {
    "absolute": "abs", "bitwise_invert": "bitwise_not", "concatenate": "concatenate",
    "true_divide": "divide", "remainder": "mod", "float_power": "power", "invert": "bitwise_not",
    "amax": "max", "amin": "min", "around": "round", "conjugate": "conj",
}  # fmt: skip


def _ops_function(name):
    from ranvier import ops

    return getattr(ops, _FROM_NUMPY.get(name, name), None)


def _in_numpy(func, args, kwargs):
    if any_symbolic(args, kwargs) or _holds_symbol((args, kwargs)):
        return NotImplemented
    args, kwargs = tree.map_structure(_values, (args, kwargs))
    return func(*args, **kwargs)


def _holds_symbol(structure):
    return B.tracing() and any(isinstance(x, (B.Tensor, Variable)) for x in tree.flatten(structure))


def _values(x):
    return x.numpy() if isinstance(x, (B.Tensor, Variable)) else x


def array_ufunc(self, ufunc, method, *inputs, **kwargs):
    """NumPy's universal functions: our operations of the same name while somebody records, and for
    an operator whose left operand is NumPy's; else NumPy itself on the values, as in Keras."""
    fn = _ops_function(ufunc.__name__)
    operator = ufunc.nin == 2 and isinstance(inputs[0], (np.ndarray, np.generic))
    recorded = _recorded(inputs, kwargs)
    if method != "__call__" or kwargs or fn is None or not (recorded or operator):
        if method == "reduce" and ufunc is np.add and recorded and not any_symbolic(inputs):
            return reductions.sum(inputs[0], kwargs.get("axis", 0), bool(kwargs.get("keepdims")))
        return _in_numpy(getattr(ufunc, method), inputs, kwargs)
    return fn(*inputs)


def array_function(self, func, types, args, kwargs):
    """NumPy's functions: our operations of the same name while somebody records; else, and where
    there is none, NumPy itself on the values."""
    fn = _ops_function(func.__name__)
    if fn is None or not _recorded(args, kwargs):
        return _in_numpy(func, args, kwargs)
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    return fn(*args, **kwargs)


def _recorded(args, kwargs):
    """Whether a graph, a trace or a tape is being made of what happens to the arguments."""
    return B.tracing() or B.core.taping() or any_symbolic(args, kwargs)


def _iterate(self):
    return iter([self[i] for i in range(len(self))])


def install() -> None:
    """Gives all three classes their operators."""
    methods = _methods()
    two_sided = {f"__{n}__" for n in (*_BINARY, *_COMPARE)} | {f"__r{n}__" for n in _BINARY}
    hooks = {n.strip("_"): _guarded(fn) if n in two_sided else fn for n, fn in methods.items()}
    B.core.set_operators(
        {**hooks, "iter": _iterate, "array_ufunc": array_ufunc, "array_function": array_function}
    )
    for name, fn in _LOGICAL.items():
        methods[f"__{name}__"], methods[f"__r{name}__"] = fn, _reflected(fn)
    for name, fn in (("__divmod__", _divmod), ("__rdivmod__", _reflected(_divmod))):
        setattr(B.Tensor, name, fn)
    for cls in (KerasTensor, Variable):
        for name, fn in methods.items():
            if name in ("__eq__", "__ne__") and cls is Variable:
                setattr(cls, name, _guarded_equal(fn))
            elif name in ("__eq__", "__ne__"):
                continue
            else:
                setattr(cls, name, _guarded(fn) if name in two_sided else _method(fn))
        cls.__array_priority__ = 100.0  # type: ignore[union-attr]
        cls.__array_ufunc__ = array_ufunc  # type: ignore[union-attr]
        cls.__array_function__ = array_function  # type: ignore[union-attr]
    Variable.__hash__ = object.__hash__  # type: ignore[method-assign]
    KerasTensor.__ne__ = _method(elementwise.not_equal)  # type: ignore[method-assign]
    KerasTensor.__invert__ = _method(elementwise.logical_not)  # type: ignore[operator]
    KerasTensor.T = property(shapes.transpose)  # type: ignore[attr-defined]


def _guarded_equal(fn):
    def method(self, other):
        if other is self:
            return fn(self.value, self.value)
        if other is None or isinstance(other, (str, bytes, dict)):
            return NotImplemented
        return fn(self.value, other)

    return method
