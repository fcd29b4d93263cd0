"""Arrays that live in Python while a step is traced: strings, and what is computed from them there.

A program holds numbers only. Layers on strings (and hashes) therefore run before it, on the NumPy
arrays of the batch. While a step is traced, a `HostArray` stands for such an array; every host
computation on it is recorded in a `Feed`, and its numeric result becomes one more argument of the
program. For later batches the feed runs alone, without the trace.
"""

from __future__ import annotations

import contextlib

import numpy as np

from ranvier import _backend as B
from ranvier.config import standardize_dtype, thread_state

_state = thread_state()


def is_string_array(x) -> bool:
    """Whether `x` is a NumPy array of `str` or `bytes`."""
    if not isinstance(x, np.ndarray):
        return False
    if x.dtype.kind == "O":
        return x.size > 0 and isinstance(x.flat[0], (str, bytes))
    return x.dtype.kind in "US"


def is_text(x) -> bool:
    """Whether `x` holds strings: a NumPy array, or what stands for one in a trace."""
    return isinstance(x, HostArray) or is_string_array(x)


class HostArray:
    """An array of strings inside a trace.

    Args:
        shape: sizes.
        slot: its place in the feed; `None` in a probe for shapes, where there is no value.
    """

    dtype = "string"

    def __init__(self, shape, slot=None):
        self.shape = tuple(shape)
        self.slot = slot

    @property
    def ndim(self) -> int:
        """Rank."""
        return len(self.shape)

    def __getitem__(self, index):
        shape = np.empty(self.shape, dtype=bool)[index].shape
        return run(lambda x: x[index], [self], lambda _: (shape, "string"), ("index", repr(index)))

    def __len__(self):
        return self.shape[0]

    def __array__(self, *args, **kwargs):
        raise B.DTypeError(
            "Data must be numbers. Received: an array of strings of shape "
            f"{self.shape}, which a compiled step cannot compute with. Hint: turn strings into "
            "indices with a StringLookup, TextVectorization or Hashing layer."
        )

    def __repr__(self):
        return f"<HostArray shape={self.shape}, dtype=string>"


class Feed:
    """The host computations of a traced step, from the arrays of a batch to program arguments.

    Args:
        leaves: the batch with which the step is traced: tensors and arrays of strings.
    """

    def __init__(self, leaves):
        self._leaves = leaves
        self._values = [_value(x) for x in leaves]
        self._recipes: list = []  # (function, slots, whether an argument) of each further value
        self._slots: dict[int, int] = {}  # of known symbols, by id
        self._derived: dict[int, tuple] = {}
        self._done: dict = {}
        self._kept: list = []  # an id must not be given to another symbol
        self._trace = None

    @contextlib.contextmanager
    def recording(self, trace):
        """Host computations inside go into this feed, numeric results into `trace`."""
        outer = getattr(_state, "feed", None)
        _state.feed, self._trace = self, trace
        try:
            yield
        finally:
            _state.feed = outer
            self._leaves, self._values, self._kept = (), [], []
            self._trace, self._slots, self._derived = None, {}, {}
            self._done = dict.fromkeys(self._done)

    def stand_ins(self, symbols) -> list:
        """What stands for the leaves in the trace: the symbols of tensors, and `HostArray`s."""
        rest = iter(symbols)
        out = []
        for slot, x in enumerate(self._leaves):
            out.append(next(rest) if isinstance(x, B.Tensor) else HostArray(x.shape, slot))
            self._slots[id(out[-1])] = slot
        self._kept.extend(out)
        return out

    def slot_of(self, x):
        """The slot of a host array or of a known symbol; `None` for others."""
        if isinstance(x, HostArray):
            return x.slot
        if id(x) in self._derived:
            function, slot = self._derived.pop(id(x))
            self._slots[id(x)] = self._add(function, [slot], False)
        return self._slots.get(id(x))

    def note(self, x, y, function) -> None:
        """Says that the symbol `y` is `function(x)` for the NumPy array of the known symbol `x`."""
        slot = self.slot_of(x)
        if slot is not None and y is not x:
            self._derived[id(y)] = (function, slot)
            self._kept.append(y)

    def apply(self, function, slots, key):
        """Computes with this batch's values and records how; returns the stand-in."""
        key = (key, repr(slots))
        if key not in self._done:
            place = self._add(function, slots, True)
            value = self._values[place]
            if is_string_array(value):
                self._recipes[-1] = (function, slots, False)
                result = HostArray(value.shape, place)
            else:
                result = self._trace.argument(value.shape, standardize_dtype(value.dtype))
                self._slots[id(result)] = place
            self._kept.append(result)
            self._done[key] = result
        return self._done[key]

    def _add(self, function, slots, is_argument) -> int:
        self._recipes.append((function, slots, is_argument))
        self._values.append(_compute(function, slots, self._values))
        return len(self._values) - 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing is computed on the host."""
        return not self._recipes

    def signature(self) -> tuple:
        """What is computed from what; equal for feeds that can stand for each other."""
        return tuple(self._done)

    def fed(self, leaves) -> list:
        """The program's further arguments for a batch."""
        if not self._recipes:
            return []
        values = [_value(x) for x in leaves]
        out = []
        for function, slots, is_argument in self._recipes:
            values.append(_compute(function, slots, values))
            if is_argument:
                out.append(B.tensor(values[-1]))
        return out


def _compute(function, slots, values):
    return np.asarray(function(*(s.value if type(s) is _Fixed else values[s] for s in slots)))


class _Fixed:
    """An argument that is the same for every batch."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"fixed{id(self.value)}"


def run(function, inputs, spec, key, name="host computation", pure=None):
    """`function(*arrays)` on NumPy arrays, now or as part of a feed.

    Args:
        function: takes and returns NumPy arrays; must depend on its arguments only.
        inputs: list of arrays, tensors, symbols and `HostArray`s.
        spec: function of the list of input shapes that gives `(shape, dtype)` of the result;
            called where there are no values. Sizes that are not known are `None`.
        key: tells computations apart; equal keys on equal inputs are computed once.
        name: for errors.
        pure: the same for inputs that are computed inside a program, as a function of module level
            and a tuple of its keyword arguments; it runs as a step of the program then.

    Returns:
        The array (strings), a tensor (numbers), or their stand-in in a trace.

    Raises:
        GraphError: the input is computed inside the program, so no value exists.
    """
    if any(_is_abstract(x) for x in inputs):
        return _abstract(spec([tuple(x.shape) for x in inputs]))
    if not any(isinstance(x, HostArray) or _is_symbol(x) for x in inputs):
        value = np.asarray(function(*(_value(x) for x in inputs)))
        return value if is_string_array(value) else B.tensor(value)
    feed = getattr(_state, "feed", None)
    if pure is not None and not any(isinstance(x, HostArray) for x in inputs):
        if feed is None or any(_is_symbol(x) and feed.slot_of(x) is None for x in inputs):
            return _in_program(pure, inputs, spec, name)
    slots = []
    for x in inputs:
        slot = feed.slot_of(x) if feed is not None else None
        if slot is None and (_is_symbol(x) or isinstance(x, HostArray)):
            raise _no_value(name, x)
        slots.append(_Fixed(_value(x)) if slot is None else slot)
    return feed.apply(function, slots, key)


def _in_program(pure, inputs, spec, name):
    from ranvier.ops._host import host_call, no_gradient

    function, options = pure
    tensors = [x if isinstance(x, B.Tensor) else B.tensor(x) for x in inputs]
    outputs = [spec([tuple(x.shape) for x in tensors])]
    return host_call(function, tensors, outputs, gradient=no_gradient, options=options, name=name)


def note(x, y, function) -> None:
    """Tells the feed of a running trace, if there is one, that `y` is `function(x)`."""
    feed = getattr(_state, "feed", None)
    if feed is not None and _is_symbol(x):
        feed.note(x, y, function)


def is_fed(x) -> bool:
    """Whether a symbol's value is known to the feed of the running trace."""
    return _is_symbol(x) and _feed_slot(x) is not None


def _is_symbol(x) -> bool:
    return isinstance(x, B.Tensor) and x.is_symbol


def _is_abstract(x) -> bool:
    if isinstance(x, HostArray):
        return x.slot is None
    return _is_symbol(x) and probing_trace() is not None and _feed_slot(x) is None


def _feed_slot(x):
    feed = getattr(_state, "feed", None)
    return None if feed is None else feed.slot_of(x)


def probing_trace():
    """The scratch trace of the running probe for shapes, `None` outside of one."""
    return getattr(_state, "probing", None)


def _abstract(spec):
    shape, dtype = spec
    stand_in = getattr(_state, "stand_in", None) or 1
    shape = tuple(stand_in if d is None else d for d in shape)
    return HostArray(shape) if dtype == "string" else probing_trace().argument(shape, dtype)


def _value(x):
    return x.numpy() if isinstance(x, B.Tensor) else np.asarray(x)


def _no_value(name, x):
    return B.GraphError(
        f"{name} runs in Python on values, but its input (shape={tuple(x.shape)}, "
        f"dtype={x.dtype}) is computed inside a compiled function. Expected: data of the batch, or "
        "results of other such layers. Hint: call it on the data before, or train with "
        "`run_eagerly=True`."
    )
