"""Which attributes of a layer are state: variables, layers, metrics, seed generators."""

from __future__ import annotations

import collections
import functools
import itertools

from ranvier.random.seed import SeedGenerator
from ranvier.symbolic.operation import Operation
from ranvier.variable import Variable, bump_structure

# Attributes of a layer that are no state of its own.
UNTRACKED = {
    "_tracker",
    "_losses",
    "_loss_ids",
    "_build_shapes_dict",
    "_inbound_nodes",
    "_outbound_nodes",
    "_losses_override",
    "_trainable_variables",
    "_non_trainable_variables",
    "_layers",
    "_metrics",
    "_seed_generators",
    "_input_spec",
    "_inputs_struct",
    "_outputs_struct",
    "_loss_tracker",
    "_compile_metrics",
    "_compile_loss",
    "_compile_config",
    "_functions",
    "_predict_fast",
    "optimizer",
    "loss",
}


def kind_of(value) -> str | None:
    """The list an attribute belongs to; `None` for plain values."""
    if isinstance(value, Variable):
        return "trainable" if value.trainable else "non_trainable"
    if isinstance(value, SeedGenerator):
        return "seed_generators"
    if isinstance(value, Operation):
        return "layers" if hasattr(value, "_trainable_variables") else None
    if all(hasattr(value, n) for n in ("update_state", "reset_state", "result", "variables")):
        return None if isinstance(value, type) else "metrics"
    return None


class Tracker:
    """The state lists of one layer."""

    def __init__(self, lists: dict):
        self.lists = lists
        self.locked = False
        self.message = ""

    def lock(self, message=""):
        """From now on `add` raises `ValueError` for what is new."""
        self.locked, self.message = True, message

    def track(self, value):
        """Records the value; containers come back in a form that records what is put in later."""
        kind = kind_of(value)
        if kind is not None:
            self.add(kind, value)
            return value
        if type(value) is list:
            return TrackedList(value, self)
        if type(value) is dict:
            return TrackedDict(value, self)
        if type(value) is collections.OrderedDict:
            return TrackedOrderedDict(value, self)
        if isinstance(value, tuple):
            items = [self.track(v) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) is set:
            return TrackedSet(value, self)
        return value

    def add(self, kind, value):
        """Appends to a list unless it is there."""
        target = self.lists[kind]
        if any(v is value for v in target):
            return
        if kind == "trainable" and any(v is value for v in self.lists["non_trainable"]):
            return
        if kind == "non_trainable" and any(v is value for v in self.lists["trainable"]):
            return
        if self.locked:
            raise ValueError(self.message)
        target.append(value)
        bump_structure()

    def forget(self, value):
        """Removes a value from the lists, also from those of a built layer."""
        for target in self.lists.values():
            for i, v in enumerate(target):
                if v is value:
                    del target[i]
                    bump_structure()
                    break


class _Tracked:
    """What a container does to the tracker with what is put in or taken out."""

    tracker: Tracker | None = None

    def _track(self, value):
        return self.tracker.track(value) if self.tracker else value

    def _forget(self, value):
        if self.tracker:
            self.tracker.forget(value)


class TrackedList(_Tracked, list):
    """A list attribute: what is put in is recorded."""

    def __init__(self, values=(), tracker=None):
        self.tracker = tracker
        super().__init__(self._track(v) for v in values)

    def append(self, value):
        super().append(self._track(value))

    def insert(self, index, value):
        super().insert(index, self._track(value))

    def extend(self, values):
        super().extend([self._track(v) for v in values])

    def __iadd__(self, values):  # type: ignore[misc]
        self.extend(values)
        return self

    def __setitem__(self, key, value):
        if isinstance(key, slice):
            value = [self._track(v) for v in value]
        else:
            self._forget(self[key])
            value = self._track(value)
        super().__setitem__(key, value)

    def remove(self, value):
        super().remove(value)
        self._forget(value)

    def pop(self, index=-1):
        value = super().pop(index)
        self._forget(value)
        return value

    def clear(self):
        for value in self:
            self._forget(value)
        super().clear()

    def __delitem__(self, key):
        self._forget(self[key])
        super().__delitem__(key)

    def __reduce__(self):
        return list, (list(self),)


class _TrackedMapping(_Tracked):
    """The methods of a dict that put in or take out."""

    def __setitem__(self, key, value):
        super().__setitem__(key, self._track(value))

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        value = super().pop(key, *default)
        self._forget(value)
        return value

    def popitem(self, *args, **kwargs):
        key, value = super().popitem(*args, **kwargs)
        self._forget(value)
        return key, value

    def clear(self):
        for value in self.values():
            self._forget(value)
        super().clear()

    def __delitem__(self, key):
        self._forget(self[key])
        super().__delitem__(key)


class TrackedDict(_TrackedMapping, dict):
    """A dict attribute: what is put in is recorded."""

    def __init__(self, values=(), tracker=None):
        self.tracker = tracker
        super().__init__((k, self._track(v)) for k, v in dict(values).items())

    def __reduce__(self):
        return dict, (dict(self),)


class TrackedOrderedDict(_TrackedMapping, collections.OrderedDict):
    """An `OrderedDict` attribute: what is put in is recorded."""

    def __init__(self, values=(), tracker=None):
        self.tracker = tracker
        super().__init__(values)

    def __reduce__(self):
        return collections.OrderedDict, (list(self.items()),)


class TrackedSet(_Tracked, set):
    """A set attribute: what is put in is recorded."""

    def __init__(self, values=(), tracker=None):
        self.tracker = tracker
        super().__init__(self._track(v) for v in values)

    def add(self, value):
        super().add(self._track(value))

    def update(self, *others):
        for value in itertools.chain(*others):
            self.add(value)

    def remove(self, value):
        super().remove(value)
        self._forget(value)

    def discard(self, value):
        super().discard(value)
        self._forget(value)

    def pop(self):
        value = super().pop()
        self._forget(value)
        return value

    def clear(self):
        for value in self:
            self._forget(value)
        super().clear()

    def __reduce__(self):
        return set, (set(self),)


def without_tracking(method):
    """Attributes set inside are not recorded."""

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        tracker = self.__dict__.get("_tracker")
        object.__setattr__(self, "_tracker", None)
        try:
            return method(self, *args, **kwargs)
        finally:
            if tracker is not None:
                object.__setattr__(self, "_tracker", tracker)

    return wrapper
