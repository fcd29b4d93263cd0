"""Functions of NumPy arrays as ops: they run inside compiled programs, too.

The core calls such a function by its number in a table here, on the thread that called the program,
and holds no object of Python's.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from ranvier import _backend as B


class _Entry(NamedTuple):
    name: str
    function: object
    gradient: object
    options: tuple


_entries: list[_Entry] = []
_numbers: dict[_Entry, int] = {}
_lock = threading.Lock()


def _number(entry: _Entry) -> int:
    with _lock:
        if entry not in _numbers:
            _numbers[entry] = len(_entries)
            _entries.append(entry)
        return _numbers[entry]


def host_call(function, inputs, outputs, *, gradient=None, options=(), name=None):
    """Calls a function of NumPy arrays: at once on values, as a step inside a trace.

    Args:
        function: pure function `(*arrays, **options) -> array or tuple of arrays` of module level.
            It must not read variables or call ops. It stays known as long as the process lives.
        inputs: list of tensors, given as NumPy arrays of their dtypes.
        outputs: list of `(shape, dtype)`: what the function returns for these inputs.
        gradient: `(inputs, outputs, grads, **options) -> list`, one gradient (or `None`) per input,
            written with ops; an entry of `grads` is `None` where an output is not used. Without a
            rule, differentiating is an error.
        options: tuple of `(name, hashable value)`, passed on as keywords.
        name: what error messages say; the function's name when not given.

    Returns:
        The outputs, a tensor for one and a tuple for several.

    Raises:
        ValueError: the function raised; its message is part of the error. Inside a program no
            variable has been changed then.

    Example:
        >>> (n, m), k = x.shape, min(x.shape)
        >>> host_call(np.linalg.svd, [x], [((n, n), x.dtype), ((k,), x.dtype), ((m, m), x.dtype)])
    """
    name = name or function.__name__
    shapes, dtypes = [], []
    for shape, dtype in outputs:
        shapes += [len(shape), *shape]
        dtypes.append(dtype)
    number = _number(_Entry(name, function, gradient, tuple(options)))
    attrs = {"function": number, "shapes": shapes, "dtypes": ",".join(dtypes), "subject": name}
    return B.apply("host_call", list(inputs), attrs)


def no_gradient(inputs, outputs, grads, **options):
    """The rule of a function whose inputs get no gradient."""
    return [None] * len(inputs)


def _call(number, inputs, outputs):
    """Runs an entry; the reason when it fails."""
    entry = _entries[number]
    try:
        results = entry.function(*inputs, **dict(entry.options))
        results = results if isinstance(results, tuple) else (results,)
        if len(results) != len(outputs):
            return f"expected {len(outputs)} results. Received: {len(results)}."
        for out, result in zip(outputs, results):
            value = np.asarray(result)
            if value.shape != out.shape:
                return f"expected a result of shape {out.shape}. Received: {value.shape}."
            np.copyto(out, value, casting="unsafe")
    except Exception as error:
        return f"{type(error).__name__}: {error}."
    return None


def _gradients(number, inputs, outputs, grads):
    entry = _entries[number]
    if entry.gradient is None:
        raise NotImplementedError(
            f"{entry.name} has no gradient. Hint: ops.stop_gradient on its input."
        )
    return entry.gradient(inputs, outputs, grads, **dict(entry.options))


B.core.set_host_language(_call, _gradients)
