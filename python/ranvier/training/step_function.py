"""A training, test or predict step as compiled programs, one for each signature of a batch."""

from __future__ import annotations

import collections
import inspect

import numpy as np

from ranvier import _backend as B
from ranvier import config, tree
from ranvier.jit import trace_function
from ranvier.ops._define import holds_complex
from ranvier.ops.complex_values import apart, together
from ranvier.python_numbers import LIMITS
from ranvier.symbolic.host import Feed, is_string_array
from ranvier.variable import structure_version

_MAX_PROGRAMS = 64


class CompiledStep:
    """A step for one signature: its program, and a second one for the logs that are pulled.

    Returned values that depend only on variables as the step leaves them (metric results) are not
    computed at every step but when somebody looks.
    """

    def __init__(self, traced, name, pull_logs):
        self._traced = traced
        # Whether the step returns a tensor itself, no structure of them.
        self.gives_one_tensor: bool = traced.gives_one_tensor
        if pull_logs:
            step, logs, self._places = B.core.split_logs(traced.trace._ref)
            self._log_trace = logs
        else:
            step, self._log_trace = traced.trace._ref, None
            self._places = list(range(len(traced.trace.outputs)))
        self._log_program = None
        self.program = B.core.compile(step, name)
        self.output_count = sum(place >= 0 for place in self._places)
        self.output_specs = [(t.shape, t.dtype) for t in traced.trace.outputs]

    def result(self, outputs):
        """What the step returned, given the outputs of its last run."""
        pulled = ()
        if self.output_count < len(self._places):
            if self._log_program is None:
                self._log_program = B.core.compile(self._log_trace, "logs")
            pulled = self._log_program.run([])
        return self.arrange([outputs[p] if p >= 0 else pulled[-1 - p] for p in self._places])

    def arrange(self, values):
        """One value per returned tensor (see `output_specs`), in the structure of the step's."""
        return self._traced.result(values)


class StepFunction:
    """Compiles `step(data)` per signature and keeps the programs (least recently used go first).

    Args:
        step: function of the data of a batch, for example `model.train_step`.
        state: function that returns a hashable summary of what the step's graph depends on.
        name: for dumps and errors.
        pull_logs: whether results that depend on variables alone are computed only when looked at.
    """

    def __init__(self, step, state, name: str, pull_logs: bool = True):
        self._step = step
        self._state = state
        self._name = name
        self._pull_logs = pull_logs
        self._cache: collections.OrderedDict = collections.OrderedDict()
        self._feeds: dict = {}
        self._version = -1
        self._state_key = None

    def _refresh(self):
        version = structure_version()
        if version != self._version:
            self._version = version
            self._state_key = self._state()

    def get(self, pack, specs) -> CompiledStep:
        """The step for batches of these flat types.

        Args:
            pack: makes the step's data from the flat list of its tensors.
            specs: `(shape, dtype)` of each tensor.
        """
        self._refresh()
        key = (specs, self._state_key, config.floatx())
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        traced = trace_function(lambda *flat: self._step(pack(list(flat))), specs, self._name)
        compiled = CompiledStep(traced, self._name, self._pull_logs)
        # Tracing may have created state (slots, metrics), which moves the structure version.
        self._refresh()
        self._keep((specs, self._state_key, config.floatx()), compiled)
        return compiled

    def stats(self) -> dict | None:
        """FLOPs, bytes and planned memory of the program used last; `None` before the first."""
        return next(reversed(self._cache.values())).program.stats() if self._cache else None

    def get_for(self, data) -> tuple[CompiledStep, list]:
        """The step for this batch, and the batch as the program's flat arguments.

        Strings in the batch, and layers that need values, are dealt with by a `Feed`.
        """
        if holds_complex(data):
            data = apart(data)
        leaves = [_operand(x) for x in _leaves(data)]
        place = tuple((x.shape, _dtype(x)) for x in leaves)
        self._refresh()
        feed = self._feeds.get((place, self._state_key, config.floatx()), _NO_FEED)
        fed = feed.fed(leaves)
        step = self._cache.get(self._key(place, feed, fed))
        if step is None:
            step, feed = self._trace_fed(data, [_tensor_or_strings(x) for x in leaves], place)
            fed = feed.fed(leaves)
        self._cache.move_to_end(self._key(place, feed, fed))
        return step, [x for x, (_, dtype) in zip(leaves, place) if dtype != "string"] + fed

    def _key(self, place, feed, fed):
        """The cache key; that of `get` where nothing is fed."""
        own = (place, self._state_key, config.floatx())
        return (
            own if feed.is_empty else (*own, feed.signature(), *((t.shape, t.dtype) for t in fed))
        )

    def _trace_fed(self, data, leaves, place):
        """Traces the step with this batch at hand: layers may compute in Python on its arrays."""
        feed = Feed(leaves)

        def step(*symbols):
            return self._step(_packer(data)(feed.stand_ins(symbols)))

        specs = [(x.shape, x.dtype) for x in leaves if isinstance(x, B.Tensor)]
        traced = trace_function(step, specs, self._name, feed.recording)
        compiled = CompiledStep(traced, self._name, self._pull_logs)
        # Tracing may have created state (slots, metrics), which moves the structure version.
        self._refresh()
        fed = feed.fed(leaves)
        if len(self._feeds) > _MAX_PROGRAMS:
            self._feeds.clear()
        self._feeds[place, self._state_key, config.floatx()] = feed
        self._keep(self._key(place, feed, fed), compiled)
        return compiled, feed

    def _keep(self, key, step):
        self._cache[key] = step
        if len(self._cache) > _MAX_PROGRAMS:
            self._cache.popitem(last=False)


_NO_FEED = Feed(())


def remember(steps: dict, key, step) -> None:
    """Puts a step into a dict that would grow with every new shape; the oldest one goes."""
    if len(steps) >= _MAX_PROGRAMS:
        del steps[next(iter(steps))]
    steps[key] = step


# Dtypes of arrays that a program reads where they lie.
_IN_PLACE = {np.dtype(x): x for x in (*LIMITS, "bool", "float16", "float32", "float64")}


def _operand(x):
    """A tensor, an array of strings, or an array that is an argument as it is."""
    if type(x) is np.ndarray and x.dtype in _IN_PLACE:
        return x
    return _tensor_or_strings(x)


def _tensor_or_strings(x):
    return x if isinstance(x, B.Tensor) or is_string_array(x) else B.tensor(x)


def _dtype(x):
    if isinstance(x, B.Tensor):
        return x.dtype
    return _IN_PLACE.get(x.dtype, "string")


def _leaves(data):
    return [x for x in tree.flatten(data) if x is not None]


def _packer(data):
    def pack(flat):
        values = iter(flat)
        return together(tree.map_structure(lambda x: None if x is None else next(values), data))

    return pack


def takes_state(step) -> bool:
    """Whether a step has the form `(state, data)` rather than `(data)`."""
    parameters = [
        p for p in inspect.signature(step).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]  # fmt: skip
    return len(parameters) >= 2
