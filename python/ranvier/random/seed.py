"""Seeds and their generators."""

from __future__ import annotations

import random as python_random

import numpy as np

from ranvier import _backend as B
from ranvier import naming
from ranvier.scopes import name_scope
from ranvier.variable import Variable

_global: SeedGenerator | None = None
_global_seed: int | None = None
_STEP = np.array([0, 1], dtype="uint32")


def make_default_seed() -> int:
    """A seed from Python's generator, so `utils.set_random_seed` rules it."""
    return python_random.randint(1, int(1e9))


class SeedGenerator:
    """A source of seeds whose state is a variable: two words, the second counts the draws.

    Args:
        seed: an integer; taken from Python's `random` when not given.
        name: automatic when not given.

    Example:
        >>> seed = keras.random.SeedGenerator(1)
        >>> a, b = (keras.random.uniform((3,), seed=seed) for _ in range(2))
        >>> bool(ops.all(a == b))
        False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs):
        kwargs.pop("backend", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        self.name = name or naming.auto_name(type(self).__name__)
        self._initial_seed = seed
        if seed is None:
            seed = make_default_seed()
        if not isinstance(seed, int):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        words = np.array([seed & 0xFFFFFFFF, 0], dtype="uint32")
        with name_scope(self.name, caller=self):
            self.state = Variable(
                words, dtype="uint32", trainable=False, name="seed_generator_state"
            )

    def next(self, ordered: bool = True):
        """The seed of one draw; the state moves on."""
        state = self.state.handle.read()
        if ordered:
            after = B.apply("add", [state, B.tensor(_STEP)], None)
        else:
            words = [B.tensor(np.uint32(v)) for v in (1, 5387, 933199)]
            after = B.apply("add", [state, words[0]], None)
            after = B.apply("multiply", [after, words[1]], None)
            after = B.apply("mod", [after, words[2]], None)
        self.state.handle.assign(after)
        return state

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict):
        """A generator from its config."""
        return cls(**config)


def global_seed_generator() -> SeedGenerator:
    """The generator of draws without a seed."""
    global _global
    if _global is None:
        _global = SeedGenerator(_global_seed)
    return _global


def reset_global_seed_generator(seed: int | None = None) -> None:
    """Starts the global generator anew, from `seed` if there is one.

    It is made at the first draw, and kept (programs hold its state) where a seed is given.
    """
    global _global, _global_seed
    _global_seed = seed
    if seed is None:
        _global = None
    elif _global is not None:
        _global.state.assign(np.array([seed & 0xFFFFFFFF, 0], dtype="uint32"))


def draw_seed(seed):
    """Two uint32 words for one draw from an integer, a generator or nothing."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, B.Tensor):
        return seed
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return B.tensor(np.array([int(seed) & 0xFFFFFFFF, 0], dtype="uint32"))
    if seed is None:
        return global_seed_generator().next()
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )
