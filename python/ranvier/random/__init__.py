"""Random tensors. A draw is a function of the seed's two words and the element's position.

An integer seed gives the same numbers at each call; a `SeedGenerator` moves on with each draw;
without a seed the global generator is used.
"""

from __future__ import annotations

from ranvier.random.draws import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from ranvier.random.seed import SeedGenerator as SeedGenerator
from ranvier.random.seed import draw_seed as draw_seed
from ranvier.random.seed import global_seed_generator as global_seed_generator
from ranvier.random.seed import make_default_seed as make_default_seed

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint",
    "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
