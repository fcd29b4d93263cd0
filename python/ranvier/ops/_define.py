"""How an `ops` function becomes an operation on symbolic tensors, and its arguments tensors."""

from __future__ import annotations

import functools
import importlib
import inspect

import numpy as np

from ranvier import _backend as B
from ranvier import config, serialization
from ranvier.errors import AxisError
from ranvier.python_numbers import check_unmasked, given_for, numbers_of, weak_number, whole
from ranvier.symbolic import operation as _operation
from ranvier.symbolic.keras_tensor import KerasTensor, any_symbolic
from ranvier.symbolic.operation import Operation
from ranvier.variable import Variable

Tensor = B.Tensor
apply = B.apply

# Keras' private module of each family; files name the operations by them.
NUMPY = "keras.src.ops.numpy"
NN = "keras.src.ops.nn"
CORE = "keras.src.ops.core"
MATH = "keras.src.ops.math"
LINALG = "keras.src.ops.linalg"
IMAGE = "keras.src.ops.image"
# Families whose rows are made when the first of them is used.
_LATE_FAMILIES = {IMAGE: "ranvier.ops.image"}

_rows: dict[tuple[str, str], _Row] = {}


class _Row:
    """One `ops` function: its Keras class and which arguments are static (part of the config)."""

    def __init__(self, fn, module, class_name, static):
        self.fn = fn
        self.module = module
        self.class_name = class_name
        self.static = static
        self.broadcasts = False  # operands broadcast together
        self.spec = None  # of the call's arguments: output specs, or `None` for those of stand-ins
        self.on_complex = None  # takes over when an argument holds complex values
        self.joins = None  # the axis along which tensors of a list are joined, if they are
        self._cls = None
        self._signature = None

    @property
    def signature(self):
        if self._signature is None:
            self._signature = inspect.signature(self.fn)
        return self._signature

    @property
    def cls(self):
        """The operation class, made at its first use."""
        if self._cls is None:
            self._cls = type(self.class_name, (_OpOperation,), {
                "_row": self, "_keras_module": self.module, "__doc__": self.fn.__doc__,
                "__module__": __name__,
            })  # fmt: skip
            _operation.register_operation_class(self.module, self._cls)
        return self._cls

    def symbolic(self, args, kwargs):
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        static = {}
        dynamic_args, dynamic_kwargs = [], {}
        given = self.signature.bind(*args, **kwargs).arguments
        for name, parameter in self.signature.parameters.items():
            value = bound.arguments[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                dynamic_args.extend(value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                dynamic_kwargs.update(value)
            elif name in self.static:
                static[name] = value
            elif name in given:
                if len(dynamic_args) == self.dynamic.index(name):
                    dynamic_args.append(value)
                else:
                    dynamic_kwargs[name] = value
        return self.cls(**static)(*dynamic_args, **dynamic_kwargs)

    def run(self, *args, **kwargs):
        """The function on values."""
        if self.on_complex is not None and (holds_complex(args) or holds_complex(kwargs)):
            return self.on_complex(*args, **kwargs)
        return self.fn(*args, **kwargs)

    @functools.cached_property
    def dynamic(self):
        return [
            name
            for name, p in self.signature.parameters.items()
            if name not in self.static and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]

    @functools.cached_property
    def variadic(self):
        kinds = [p.kind for p in self.signature.parameters.values()]
        return inspect.Parameter.VAR_POSITIONAL in kinds


class _OpOperation(Operation):
    """Base of the classes made from rows."""

    _row: _Row

    def __init__(self, *args, name=None, **static):
        super().__init__(name=name)
        row = self._row
        values = dict(zip(row.static, args))
        unknown = set(static) - set(row.static)
        if unknown:
            raise TypeError(f"{row.class_name}: unexpected keyword arguments {sorted(unknown)}")
        values.update(static)
        for key, parameter in row.signature.parameters.items():
            if key in row.static and key not in values:
                if parameter.default is parameter.empty:
                    raise TypeError(f"{row.class_name}: missing argument '{key}'")
                values[key] = parameter.default
        values = {key: _from_plain(value) for key, value in values.items()}
        self._static = values
        for key, value in values.items():
            setattr(self, "_name" if key == "name" else key, value)

    def call(self, *args, **kwargs):
        row = self._row
        if row.variadic:
            return row.run(*self._in_order(list(args)), **self._keyword_only(), **kwargs)
        named = dict(zip(row.dynamic, args))
        return row.run(**named, **kwargs, **self._static)

    def compute_output_spec(self, *args, **kwargs):
        """Specs of the outputs; an unknown size that meets a known one is that one."""
        if self._row.spec is not None:
            named = dict(zip(self._row.dynamic, args))
            out = self._row.spec(**named, **kwargs, **self._static)
            if out is not None:
                return out
        if self._row.broadcasts:
            args = _with_known_sizes(args)
        elif self._row.joins is not None and args and isinstance(args[0], (list, tuple)):
            axis = self._static.get("axis", self._row.joins)
            args = (_joined_sizes(args[0], axis), *args[1:])
        return super().compute_output_spec(*args, **kwargs)

    def _in_order(self, args):
        """Static and given positional arguments as the signature has them."""
        out = []
        for name, p in self._row.signature.parameters.items():
            if p.kind is p.VAR_POSITIONAL:
                return out + args
            out.append(self._static[name] if name in self._static else args.pop(0))
        return out

    def _keyword_only(self):
        parameters = self._row.signature.parameters.items()
        return {n: self._static[n] for n, p in parameters if p.kind is p.KEYWORD_ONLY}

    def get_config(self):
        return {"name": self.name, **{k: _plain(v) for k, v in self._static.items()}}

    def __reduce__(self):
        # The class is made from its row and has no name in a module.
        return _without_arguments, (self._row.module, self._row.class_name), self.__dict__


def _with_known_sizes(args):
    """Operands that broadcast together: `None` against a size above one can only be that size."""
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    if not any(None in s for s in shapes):
        return args
    rank = max(len(s) for s in shapes)
    known = [
        next((s[-i] for s in shapes if len(s) >= i and s[-i] not in (None, 1)), None)
        for i in range(rank, 0, -1)
    ]

    def fill(x):
        if not isinstance(x, KerasTensor) or None not in x.shape:
            return x
        sizes = known[rank - len(x.shape) :]
        shape = [k if d is None else d for d, k in zip(x.shape, sizes)]
        return KerasTensor(shape, dtype=x.dtype)

    return tuple(fill(a) for a in args)


def _joined_sizes(items, axis):
    """Tensors of one list: `None` off the joined axis is the size that another one has there."""
    ranks = {len(x.shape) for x in items if hasattr(x, "shape")}
    if len(ranks) != 1 or not isinstance(axis, int):
        return items
    (rank,) = ranks
    known = []
    for i in range(rank):
        sizes = [x.shape[i] for x in items if hasattr(x, "shape") and x.shape[i] is not None]
        known.append(sizes[0] if sizes and i != axis % rank else None)

    def fill(x):
        if not isinstance(x, KerasTensor) or None not in x.shape:
            return x
        shape = [k if d is None else d for d, k in zip(x.shape, known)]
        return KerasTensor(shape, dtype=x.dtype)

    return [fill(x) for x in items]


def _plain(value):
    """A static argument as it stands in a config; functions by their registered names."""
    if isinstance(value, type):
        return config.standardize_dtype(value)
    if isinstance(value, (list, tuple)) and any(callable(v) for v in value):
        return [_plain(v) for v in value]
    return serialization.serialize_keras_object(value) if callable(value) else value


def _from_plain(value):
    if isinstance(value, dict) and value.get("class_name") == "function":
        return serialization.deserialize_keras_object(value)
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return [_from_plain(v) for v in value]
    return value


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def op(module: str, static=(), name: str | None = None):
    """Declares a function of tensors.

    Args:
        module: Keras' private module, part of the operation's name in files.
        static: arguments that are no tensors; they make the operation's config.
        name: class name, when it is not the function's in camel case.
    """

    def decorate(fn):
        row = _Row(fn, module, name or _camel(fn.__name__), tuple(static))
        _rows[(module, row.class_name)] = row

        def call(*args, **kwargs):
            for a in args:
                if type(a) is not Tensor and (
                    isinstance(a, KerasTensor)
                    or (isinstance(a, (list, tuple, dict)) and any_symbolic((a,)))
                ):
                    return row.symbolic(args, kwargs)
            if kwargs and any_symbolic(kwargs.values()):
                return row.symbolic(args, kwargs)
            if row.on_complex is None:
                return fn(*args, **kwargs)
            return row.run(*args, **kwargs)

        replay = B.replayed(call)

        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            return replay(args, kwargs)

        wrapper.row = row
        return wrapper

    return decorate


def operation_for(module: str, class_name: str):
    """The class of a row, for the reader of model files."""
    if module in _LATE_FAMILIES:
        importlib.import_module(_LATE_FAMILIES[module])
    row = _rows.get((module, class_name))
    return row.cls if row is not None else None


def _without_arguments(module, class_name):
    cls = operation_for(module, class_name)
    return cls.__new__(cls)


_registered_lookup = _operation.operation_class


def _lookup(module, name):
    return _registered_lookup(module, name) or operation_for(module, name)


_operation.operation_class = _lookup


# --- arguments to tensors -------------------------------------------------------------------------

_SCALARS = (int, float, bool)
_REAL = (Tensor, int, float, bool, str, type(None))


def holds_complex(x) -> bool:
    """Whether x is a complex value, or a list, tuple or dict with one in it."""
    kind = type(x)
    if kind in _REAL:
        return False
    if isinstance(x, (list, tuple)):
        return any(map(holds_complex, x))
    if isinstance(x, dict):
        return any(map(holds_complex, x.values()))
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.kind == "c"
    # Of pairs the dtype is the class's; asking an object for its own may cost an import.
    return kind is complex or getattr(kind, "dtype", None) == "complex64"


def to_tensor(x, dtype=None) -> Tensor:
    """A tensor from anything that can be one; NumPy dtypes are kept unless `dtype` is given."""
    if type(x) is not Tensor:
        if isinstance(x, Variable):
            x = x.value
        elif isinstance(x, (list, tuple)) and _holds_tensors(x):
            return _stack_nested(x, dtype)
        else:
            return _from_object(x, dtype)
    if dtype is not None and x.dtype != dtype:
        return apply("cast", [x], {"dtype": dtype})
    return x


def _from_object(x, dtype) -> Tensor:
    try:
        if dtype is None:
            check_unmasked(x)
        else:
            x = given_for(x, dtype)
        return B.tensor(x, dtype)
    except B.DTypeError:
        array = np.asarray(x)
        if array.dtype.kind != "O":
            raise
        numbers = numbers_of(array, "convert_to_tensor: values")
        return to_tensor(numbers.tolist(), dtype)  # in the dtypes of Python's numbers
    except ValueError as error:
        if isinstance(error, B.Error) or not isinstance(x, (list, tuple)):
            raise
        raise B.ShapeError(
            "convert_to_tensor: a nested list must be a full box. Expected inner lists of equal "
            "lengths. "
            f"Received: a list of {len(x)} items whose shapes differ. Hint: pad the shorter ones."
        ) from error


def _holds_tensors(items):
    for x in items:
        if isinstance(x, (Tensor, Variable)):
            return True
        if isinstance(x, (list, tuple)) and _holds_tensors(x):
            return True
    return False


def _stack_nested(items, dtype):
    parts = promote_all([x if isinstance(x, (np.ndarray, np.generic)) else to_tensor(x)
                         for x in items])  # fmt: skip
    rows = [expand(x, 0) for x in parts]
    return cast(apply("concatenate", rows, {"axis": 0}), dtype or parts[0].dtype)


def cast(x: Tensor, dtype: str) -> Tensor:
    """The tensor in another dtype; itself when it has it."""
    return x if x.dtype == dtype else apply("cast", [x], {"dtype": dtype})


def expand(x: Tensor, axis: int) -> Tensor:
    """A new axis of size one."""
    shape = list(x.shape)
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, 1)
    return apply("reshape", [x], {"shape": shape})


def reshape(x: Tensor, shape) -> Tensor:
    """The same elements in another shape."""
    return apply("reshape", [x], {"shape": list(shape)})


@functools.lru_cache(maxsize=4096, typed=True)
def _cached_scalar(value, dtype):
    return B.tensor(value, dtype)


def scalar(value, dtype: str) -> Tensor:
    """A rank-0 tensor of a Python number; one of its own inside a trace and a recorded call."""
    value = weak_number(value, dtype)
    return B.tensor(value, dtype) if B.recording() else _cached_scalar(value, dtype)


def weak_dtype(dtype: str, value) -> str:
    """The dtype of `tensor op Python number`: the tensor's, unless the number's kind is higher."""
    kind = type(value)
    if kind is bool:
        return dtype
    if kind is int:
        return "int32" if dtype == "bool" else dtype
    return dtype if config.is_float_dtype(dtype) else config.floatx()


def _operand(x):
    kind = type(x)
    if kind is Tensor or kind is int or kind is float or kind is bool:
        return x
    return to_tensor(x)


def _narrowed(x, tensors):
    """NumPy's 64 bits beside tensors that are narrower: its default dtypes say nothing."""
    if not isinstance(x, (np.ndarray, np.generic)) or x.dtype.itemsize != 8:
        return x
    if x.dtype.kind not in "iuf" or any(t.dtype.endswith("64") for t in tensors):
        return x
    return x.astype(config.narrowed_dtype(x.dtype))


def promote_pair(a, b, floating: bool = False):
    """Both as tensors of their common dtype (of a float dtype, with `floating`).

    A NumPy array or number of 64 bits counts as one of 32 beside a tensor of at most 32.
    """
    if isinstance(a, (Tensor, Variable)):
        b = _narrowed(b, (a,))
    elif isinstance(b, (Tensor, Variable)):
        a = _narrowed(a, (b,))
    a, b = _operand(a), _operand(b)
    if type(a) is Tensor:
        if type(b) is Tensor:
            dtype = a.dtype if a.dtype == b.dtype else B.promote(a.dtype, b.dtype)
        else:
            dtype = weak_dtype(a.dtype, b)
    elif type(b) is Tensor:
        dtype = weak_dtype(b.dtype, a)
    else:
        dtype = weak_dtype(weak_dtype("bool", a), b)
    if floating and not config.is_float_dtype(dtype):
        dtype = config.floatx()
    return _in(a, dtype), _in(b, dtype)


def _in(x, dtype):
    if type(x) is Tensor:
        return x if x.dtype == dtype else apply("cast", [x], {"dtype": dtype})
    return scalar(x, dtype)


def promote_all(xs, floating: bool = False) -> list:
    """All as tensors of their common dtype."""
    if not xs:
        raise ValueError("Expected at least one tensor. Received: none")
    known = [x for x in xs if isinstance(x, (Tensor, Variable))]
    items = [_operand(_narrowed(x, known) if known else x) for x in xs]
    tensors = [x for x in items if type(x) is Tensor]
    dtype = tensors[0].dtype if tensors else "bool"
    for x in tensors[1:]:
        if x.dtype != dtype:
            dtype = B.promote(dtype, x.dtype)
    for x in items:
        if type(x) is not Tensor:
            dtype = weak_dtype(dtype, x)
    if floating and not config.is_float_dtype(dtype):
        dtype = config.floatx()
    return [_in(x, dtype) for x in items]


def to_float(x) -> Tensor:
    """A tensor of a float dtype: integers become `floatx`."""
    x = to_tensor(x)
    return x if config.is_float_dtype(x.dtype) else cast(x, config.floatx())


# Dtypes that scatter_add has no kernel for: they add up in one that holds them.
WIDE = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "int32", "uint16": "int32",
        "uint32": "int64"}  # fmt: skip


# A value of each weak type.
_WEAK = {int: 0, float: 0.0, bool: False, None: 0.0}


def result_type(*dtypes) -> str:
    """The dtype that operands of these dtypes (or Python types: weak) combine to."""
    if not dtypes:
        return config.floatx()
    # NumPy's bool dtype equals `bool` but is no weak type.
    weak = [d for d in dtypes if d is None or (isinstance(d, type) and d in _WEAK)]
    strong = [config.standardize_dtype(d) for d in dtypes if not any(d is w for w in weak)]
    if "complex64" in strong:
        return "complex64"
    out = strong[0] if strong else "bool"
    for d in strong[1:]:
        out = B.promote(out, d)
    for kind in weak:
        out = weak_dtype(out, _WEAK[kind])
    return out


def listed(value) -> list:
    """One number or several, as a list."""
    several = hasattr(value, "__iter__") and getattr(value, "shape", None) != ()
    return list(value) if several and not isinstance(value, str) else [value]


def shape_list(shape) -> list:
    """The sizes of a shape; one number is the size of a vector."""
    if shape is None:
        raise TypeError("A shape must be an integer or several. Received: shape=None")
    sizes = listed(shape)
    if any(d is None for d in sizes):
        raise TypeError(
            "A shape needs known sizes here. Hint: an op on the tensor itself, such as "
            f"`ops.zeros_like`, or -1 in `ops.reshape`. Received: shape={tuple(shape)}"
        )
    return [whole("shape", d) for d in sizes]


def axis_tuple(axis, rank: int) -> tuple:
    """Non-negative axes from an axis, several, or `None` for all."""
    if axis is None:
        return tuple(range(rank))
    out = []
    for a in listed(axis):
        a = whole("axis", a)
        if not -rank <= a < rank:
            expected = f"an axis in [{-rank}, {rank - 1}]" if rank else "none"
            raise AxisError(
                f"axis {a} is out of bounds for a tensor of rank {rank}. Expected {expected}."
            )
        out.append(a % rank)
    return tuple(out)


def one_axis(axis, rank: int) -> int:
    """One non-negative axis."""
    return axis_tuple(whole("axis", axis), rank)[0]
