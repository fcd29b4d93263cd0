"""InceptionV3: branches of factorized convolutions side by side."""

from __future__ import annotations

from functools import partial

from ranvier.applications._assembly import application, classify, concatenate, finish, start
from ranvier.applications._files import TF_KERNELS, with_or_without_top
from ranvier.applications._inception import conv_norm, run_branch, run_branches, stem
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

_DIGESTS = ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")
_PAPER = "C. Szegedy et al. (2015), Rethinking the Inception Architecture, arXiv:1512.00567"
_ROW, _COLUMN = (1, 7), (7, 1)


def _small(pooled):
    """Branches of the 35×35 blocks."""
    return (
        [(64, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)], ["avg", (pooled, 1)],
    )  # fmt: skip


def _wide(n):
    """Branches of the 17×17 blocks: 7×7 convolutions as rows and columns."""
    return (
        [(192, 1)],
        [(n, 1), (n, _ROW), (192, _COLUMN)],
        [(n, 1), (n, _COLUMN), (n, _ROW), (n, _COLUMN), (192, _ROW)],
        ["avg", (192, 1)],
    )


_BLOCKS = (
    _small(32), _small(64), _small(64),
    ([(384, 3, "down")], [(64, 1), (96, 3), (96, 3, "down")], ["max"]),
    _wide(128), _wide(160), _wide(160), _wide(192),
    ([(192, 1), (320, 3, "down")],
     [(192, 1), (192, _ROW), (192, _COLUMN), (192, 3, "down")], ["max"]),
)  # fmt: skip


def _fork(x, name=None):
    """A 3×3 as a row and a column side by side."""
    return concatenate([conv_norm(x, 384, (1, 3)), conv_norm(x, 384, (3, 1))], name)


def _last_block(x, number):
    plain = conv_norm(x, 320, 1)
    middle = _fork(conv_norm(x, 384, 1), f"mixed9_{number}")
    double = _fork(run_branch(x, [(448, 1), (384, 3)]))
    pooled = run_branch(x, ["avg", (192, 1)])
    return concatenate([plain, middle, double, pooled], f"mixed{9 + number}")


def _build(request):
    x = stem(start(request, 299, 75))
    for number, branches in enumerate(_BLOCKS):
        x = concatenate(run_branches(x, branches), f"mixed{number}")
    x = _last_block(_last_block(x, 0), 1)
    x = classify(x, request, named=False)
    file = partial(
        with_or_without_top, request, "inception_v3", "inception_v3/", _DIGESTS, TF_KERNELS
    )
    return finish(request, x, file)


InceptionV3 = application("InceptionV3", _build, paper=_PAPER, name="inception_v3")
preprocess_input = preprocessing("tf", __name__)

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]
