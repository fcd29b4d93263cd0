"""One row per `ops` function: its arguments, and a reference where NumPy has none of that name.

Every test of this folder and the comparison with Keras run over the same rows.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

rng = np.random.default_rng(7)


def f(*shape, low=-2.0, high=2.0):
    """Floats in a range; float64 so that gradients can be checked."""
    return rng.uniform(low, high, shape)


def pos(*shape):
    return rng.uniform(0.2, 3.0, shape)


def unit(*shape):
    return rng.uniform(-0.9, 0.9, shape)


def ints(*shape, low=-5, high=6, dtype="int32"):
    return rng.integers(low, high, shape).astype(dtype)


def bools(*shape):
    return rng.random(shape) < 0.5


@dataclass
class Row:
    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    reference: Callable | str | None = None  # default: numpy.<name>
    grad: bool = False  # check the gradient with respect to the float arguments
    tolerance: float = 1e-9
    keras: bool = True  # compare with Keras

    @property
    def id(self):
        shapes = ",".join(
            str(np.shape(a)).replace(" ", "") for a in self.args if isinstance(a, np.ndarray)
        )
        extra = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.name}-{shapes}-{extra}"


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _sparsemax(x):
    out = []
    for row in x:
        z = np.sort(row)[::-1]
        k = max(i for i in range(1, len(z) + 1) if 1 + i * z[i - 1] > z[:i].sum())
        out.append(np.maximum(row - (z[:k].sum() - 1) / k, 0))
    return np.array(out)


erf = np.vectorize(math.erf)
ROWS: list[Row] = []


def add(name, *args, **options):
    known = {k: options.pop(k) for k in ("reference", "grad", "tolerance", "keras") if k in options}
    ROWS.append(Row(name, args, options, **known))


for _name in (
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "maximum",
    "minimum",
    "arctan2",
):
    add(_name, f(3, 4), f(3, 4), grad=True)
    add(_name, f(3, 1, 4), f(2, 1), grad=True)
for _name in ("floor_divide", "mod", "fmod"):
    add(_name, f(3, 4), pos(4))
    add(_name, ints(3, 4), ints(4, low=1, high=5))
add("power", pos(3, 4), f(3, 4), grad=True)
add("hypot", pos(3, 4), pos(4), grad=True)
add("logaddexp", f(3, 4), f(4), grad=True)
add("fmax", f(3, 4), f(3, 4))
add("fmin", f(3, 4), f(3, 4))
add("gcd", ints(3, 4, low=0, high=30), ints(3, 4, low=0, high=30))
add("lcm", ints(3, 4, low=1, high=12), ints(3, 4, low=1, high=12))
add("heaviside", f(3, 4), f(3, 4))
add("ldexp", f(3, 4), ints(3, 4))
add("divide_no_nan", f(2, 2), np.array([[1.0, 0.0], [2.0, 0.0]]),
    reference=lambda a, b: np.where(b == 0, 0, a / np.where(b == 0, 1, b)))  # fmt: skip
for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    add(_name, ints(3, 4, low=0, high=3), ints(3, 4, low=0, high=3))
    add(_name, f(3, 4), f(4))
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    add(_name, ints(3, 4, low=0), ints(3, 4, low=0))
for _name in ("left_shift", "right_shift"):
    add(_name, ints(3, 4, low=0), ints(3, 4, low=0, high=4))
for _name in ("logical_and", "logical_or", "logical_xor"):
    add(_name, bools(3, 4), bools(4))
add("logical_not", bools(3, 4))
add("bitwise_not", ints(3, 4))
for _name in (
    "negative",
    "absolute",
    "abs",
    "square",
    "sin",
    "cos",
    "tanh",
    "sinh",
    "cosh",
    "arctan",
    "arcsinh",
    "exp",
    "expm1",
    "deg2rad",
    "rad2deg",
    "fabs",
    "sinc",
):
    add(_name, f(3, 5), grad=_name not in ("fabs",))
for _name in ("log", "log1p", "log2", "log10", "sqrt", "reciprocal", "cbrt"):
    add(_name, pos(3, 5), grad=True)
for _name in ("arcsin", "arccos", "arctanh", "tan"):
    add(_name, unit(3, 5), grad=True)
add("arccosh", pos(3, 4) + 1.0, grad=True)
for _name in ("sign", "floor", "ceil", "trunc", "round", "signbit"):
    add(_name, f(3, 5))
add("round", f(3, 5), decimals=2)
for _name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf"):
    add(_name, np.array([1.0, np.nan, np.inf, -np.inf]))
add("nan_to_num", np.array([1.0, np.nan, 3.0]), nan=5.0)
add("isclose", f(3), f(3))
add("rsqrt", pos(3, 5), reference=lambda x: 1 / np.sqrt(x), grad=True)
add("erf", f(3, 5), reference=erf, grad=True)
add("erfinv", unit(3, 5), reference=None, keras=True, grad=True)
add("where", bools(3, 4), f(3, 4), f(4), grad=True)
add("clip", f(3, 4), -0.5, 0.7, grad=True)
add("logaddexp2", f(3), f(3))
for _name in ("exp2",):
    add(_name, f(3), grad=True)

# reductions
for _name in ("sum", "mean", "prod", "max", "min", "var", "std", "ptp", "median"):
    for _axis in (None, 0, (0, 2), -1):
        add(_name, f(3, 4, 2), axis=_axis, grad=_name not in ("median", "ptp"))
    add(_name, f(3, 4, 2), axis=1, keepdims=True)
add("sum", ints(3, 4), axis=1)
add("sum", bools(3, 4), axis=1, reference=lambda x, axis: x.sum(axis=axis, dtype="int32"))
add("mean", ints(3, 4))
for _name in ("any", "all"):
    add(_name, bools(3, 4), axis=1)
add("count_nonzero", ints(3, 4, low=0, high=2), axis=1)
for _name in ("argmax", "argmin"):
    add(_name, f(3, 4), axis=1)
    add(_name, f(3, 4))
for _name in ("cumsum", "cumprod"):
    add(_name, f(3, 4), axis=1, grad=True)
    add(_name, f(3, 4))
add("average", f(3, 4), axis=1, weights=pos(3, 4))
add("average", f(3, 4))
add(
    "logsumexp",
    f(3, 4),
    axis=1,
    reference=lambda x, axis: np.log(np.exp(x).sum(axis=axis)),
    grad=True,
)
add("logsumexp", f(3, 4), reference=lambda x: np.log(np.exp(x).sum()), grad=True)
for _name in ("sort", "argsort"):
    add(_name, f(3, 5), axis=0)
    add(_name, f(3, 5))
add("top_k", f(3, 5), 2, reference=lambda x, k: (np.sort(x)[:, ::-1][:, :k], np.argsort(-x)[:, :k]))
add("in_top_k", ints(3, low=0, high=5), f(3, 5), 2, reference=None)
for _q in (0.3, np.array([0.1, 0.9])):
    add("quantile", f(3, 4, 2), _q, axis=1)
add("quantile", f(3, 4, 2), 0.4, axis=(0, 2), keepdims=True)
add("percentile", f(3, 4), 30.0, axis=0)
_nan = np.where(bools(3, 4), np.nan, f(3, 4))
_nan[:, 0] = 1.0
for _name in ("nansum", "nanmean", "nanmax", "nanmin", "nanprod", "nanvar", "nanstd"):
    add(_name, _nan, axis=1)
for _ord in (None, 1, 2, np.inf, 3):
    add("norm", f(4), ord=_ord, reference=np.linalg.norm)
for _ord in ("fro", 1, -1, np.inf):
    add("norm", f(3, 4), ord=_ord, axis=(0, 1), reference=np.linalg.norm)
add("segment_sum", f(5, 2), np.array([0, 0, 1, 2, 2], "int32"), num_segments=3, reference=None)
add("segment_max", f(5, 2), np.array([0, 0, 1, 2, 2], "int32"), num_segments=3, reference=None)

# shapes
add("reshape", f(3, 4), (2, -1), grad=True)
add("ravel", f(3, 4))
add("transpose", f(3, 4, 2), grad=True)
add("transpose", f(3, 4, 2), axes=(1, 2, 0), grad=True)
add("moveaxis", f(3, 4, 2), 0, -1)
add("moveaxis", f(3, 4, 2), (0, 1), (2, 0))
add("swapaxes", f(3, 4, 2), 0, 2)
add("expand_dims", f(3, 4), 1)
add("expand_dims", f(3, 4), (0, 3))
add("squeeze", f(1, 4, 1))
add("squeeze", f(1, 4, 1), axis=0)
add("broadcast_to", f(4), (3, 4), grad=True)
add("concatenate", [f(2, 3), f(4, 3)], axis=0)
add("stack", [f(2, 3), f(2, 3)], axis=1)
for _name in ("hstack", "vstack", "dstack"):
    add(_name, [f(2, 3), f(2, 3)])
add("append", f(2, 3), f(4, 3), axis=0)
add("append", f(2, 3), f(4))
add("split", f(6, 2), 3)
add("split", f(6, 2), [1, 4], axis=0)
add("array_split", f(7, 2), 3)
add("unstack", f(3, 4), axis=1, reference=lambda x, axis: [x[:, i] for i in range(x.shape[1])])
add("tile", f(2, 3), (2, 1, 3), grad=True)
add("repeat", f(2, 3), 3, axis=1, grad=True)
add("repeat", f(2, 3), np.array([1, 0, 2]), axis=1)
add("flip", f(2, 3), axis=1)
add("flip", f(2, 3))
add("fliplr", f(2, 3))
add("flipud", f(2, 3))
for _k in (1, 2, 3):
    add("rot90", f(2, 3), k=_k)
add("roll", f(2, 5), 2, axis=1)
add("roll", f(2, 5), -3)
add("roll", f(2, 5), (1, 2), axis=(0, 1))
for _mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
    add("pad", f(3, 4), ((1, 2), (2, 1)), mode=_mode)
add("pad", f(3, 4), 1, grad=True)
for _mode in ("maximum", "minimum", "mean", "median", "linear_ramp"):
    add("pad", f(3, 4), ((1, 2), (3, 0)), mode=_mode, grad=_mode != "median")
    add("pad", ints(3, 4), ((1, 2), (3, 0)), mode=_mode)
for _mode in ("reflect", "symmetric", "wrap"):
    add("pad", f(3, 4), ((7, 5), (1, 9)), mode=_mode, grad=True)
add("view", ints(3, 4), reference=lambda x: x)
add("logsumexp", f(0, 3), reference=lambda x: -np.inf)
add("meshgrid", f(3), f(4))
add("meshgrid", f(3), f(4), indexing="ij")
add("diag", f(4))
add("diag", f(4), k=-1)
add("diag", f(3, 5), k=1)
add("diagonal", f(3, 5, 2), offset=1)
add("diagonal", f(3, 5), offset=-1)
add("diagflat", f(2, 2))
add("trace", f(3, 5, 2), grad=True)
add("diff", f(3, 5), n=2)
add("tril", f(3, 4), k=1)
add("triu", f(3, 4), k=-1)
add("zeros", (2, 3))
add("ones", (2, 3))
add("full", (2, 3), 1.5)
add("zeros_like", f(2, 3))
add("ones_like", ints(2, 3))
add("full_like", f(2, 3), 4)
add("arange", 5)
add("arange", 1, 10, 3)
add("linspace", 0.0, 1.0, num=7)
add("linspace", f(3), f(3), num=4, axis=1)
add("logspace", 0.0, 2.0, num=5, tolerance=1e-5)
add("geomspace", 1.0, 8.0, num=4, tolerance=1e-5, keras=False)
add("eye", 3, 4, k=1)
add("identity", 3)
add("tri", 3, 4, k=-1)
add("vander", f(4), N=3)
add("trapezoid", f(3, 4), dx=0.5)
for _name in ("bartlett", "blackman", "hamming", "hanning"):
    add(_name, 8, tolerance=1e-6)

# indexing
add("take", f(5, 3), ints(2, 2, low=0, high=5), axis=0, grad=True)
add("take", f(5, 3), ints(4, low=0, high=15))
add("take_along_axis", f(4, 3), ints(2, 3, low=0, high=4), axis=0, grad=True)
add("one_hot", ints(3, low=0, high=4), 4, reference=lambda x, n: np.eye(n)[x])
add("multi_hot", ints(3, 2, low=0, high=4), num_classes=4, reference=None)
add("slice", f(5, 4), (1, 2), (3, 2), reference=lambda x, s, n: x[1:4, 2:4])
add("slice_update", f(5, 4), (1, 2), f(3, 2), reference=None)
add("scatter", np.array([[0], [2], [0]], "int32"), f(3, 2), (4, 2), reference=None)
add("scatter_update", f(5, 4), np.array([[1, 2], [3, 0]], "int32"), f(2), reference=None)
add("searchsorted", np.sort(f(6)), f(4))
add("digitize", f(4), np.sort(f(6)))
add("bincount", ints(8, low=0, high=5))
add("bincount", ints(8, low=0, high=5), weights=f(8), minlength=7, tolerance=1e-6)
add("unravel_index", ints(4, low=0, high=12), (3, 4))
add("isin", ints(3, 4), ints(5))
add("nonzero", ints(3, 4, low=0, high=2))
add("select", [bools(4), bools(4)], [f(4), f(4)], 3.0)
add("unique", ints(9, low=0, high=4))
add("histogram", f(30), bins=5, range=(-2.0, 2.0))

# products
for _a, _b in (((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5)),
               ((2, 1, 3, 4), (5, 4, 2))):  # fmt: skip
    add("matmul", f(*_a), f(*_b), grad=True)
add("matmul", ints(3, 4), ints(4, 2))
add("dot", f(2, 3, 4), f(5, 4, 2))
add("dot", f(3, 4), f(4))
add("inner", f(2, 4), f(3, 4))
add("outer", f(3), f(4), grad=True)
add("vdot", f(3, 2), f(3, 2))
add("tensordot", f(3, 4, 2), f(4, 2, 5), axes=2, grad=True)
add("tensordot", f(3, 4, 2), f(2, 3, 5), axes=((0, 2), (1, 0)))
add("cross", f(4, 3), f(4, 3))
add("kron", f(2, 3), f(3, 2))
for _spec, _shapes in (
    ("ij,jk->ik", ((2, 3), (3, 4))),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))),
    ("ii->i", ((3, 3),)),
    ("ii", ((3, 3),)),
    ("ij->ji", ((2, 3),)),
    ("ij,ij->", ((2, 3), (2, 3))),
    ("i,j->ij", ((2,), (3,))),
    ("...ij,...jk->...ik", ((2, 3, 4), (2, 4, 5))),
    ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 2))),
    ("btnh,bsnh->bnts", ((2, 3, 2, 4), (2, 5, 2, 4))),
    ("abc,cd->abd", ((2, 3, 4), (4, 5))),
):
    add("einsum", _spec, *[f(*s) for s in _shapes], grad=True)
add("corrcoef", f(3, 6))
for _mode in ("valid", "same", "full"):
    add("correlate", f(7), f(3), mode=_mode)
_square = f(3, 3) + 3 * np.eye(3)
for _name in ("inv", "det", "pinv"):
    add(_name, _square, reference=getattr(np.linalg, _name))
add("cholesky", _square @ _square.T, reference=np.linalg.cholesky)
add("solve", _square, f(3, 2), reference=np.linalg.solve)

# nn
for _name, _ref in (
    ("relu", lambda x: np.maximum(x, 0)),
    ("sigmoid", _sigmoid),
    ("softplus", lambda x: np.log1p(np.exp(x))),
    ("silu", lambda x: x * _sigmoid(x)),
    ("relu6", lambda x: np.clip(x, 0, 6)),
    ("softsign", lambda x: x / (1 + abs(x))),
    ("log_sigmoid", lambda x: -np.log1p(np.exp(-x))),
    ("hard_sigmoid", lambda x: np.clip(x + 3, 0, 6) / 6),
    ("tanh_shrink", lambda x: x - np.tanh(x)),
    ("hard_tanh", lambda x: np.clip(x, -1, 1)),
    ("hard_silu", lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("elu", lambda x: np.where(x > 0, x, np.expm1(x))),
    ("celu", lambda x: np.where(x > 0, x, np.expm1(x))),
    ("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x)),
    ("selu", None),
    ("gelu", None),
    ("sparse_plus", None),
    ("sparse_sigmoid", None),
    ("squareplus", None),
):
    add(_name, f(3, 5), reference=_ref, grad=True)
add(
    "gelu",
    f(3, 5),
    approximate=False,
    reference=lambda x, approximate: x * (1 + erf(x / np.sqrt(2))) / 2,
    grad=True,
)
add("hard_shrink", f(3, 5), reference=lambda x: np.where(abs(x) > 0.5, x, 0))
add("soft_shrink", f(3, 5), reference=None)
add("threshold", f(3, 5), 0.1, 9.0, reference=lambda x, t, v: np.where(x > t, x, v))
add("glu", f(3, 6), reference=None, grad=True)
add("sparsemax", f(3, 6), reference=_sparsemax, keras=False)
for _axis in (-1, 0, (1, 2)):
    add("softmax", f(3, 4, 2), axis=_axis, reference=_softmax, grad=True)
    add(
        "log_softmax",
        f(3, 4, 2),
        axis=_axis,
        reference=lambda x, axis: np.log(_softmax(x, axis)),
        grad=True,
    )
add("moments", f(3, 4), axes=[0], reference=lambda x, axes: (x.mean(0), x.var(0)))
add(
    "batch_normalization",
    f(3, 4),
    f(4),
    pos(4),
    -1,
    offset=f(4),
    scale=f(4),
    reference=None,
    grad=True,
)
add("batch_normalization", f(3, 4, 2), f(4), pos(4), 1, reference=None)
add("layer_normalization", f(3, 4), f(4), f(4), reference=None, grad=True)
add("rms_normalization", f(3, 4), f(4), reference=None, grad=True)
add(
    "normalize",
    f(3, 4),
    reference=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True),
    grad=True,
)
add("normalize", f(3, 4), axis=0, order=3, reference=None)
_prob = _softmax(f(4, 5))
add("categorical_crossentropy", _prob, f(4, 5), from_logits=True, reference=None)
add("categorical_crossentropy", _prob, _softmax(f(4, 5)), reference=None)
add("categorical_crossentropy", _prob, f(4, 5), from_logits=True, axis=0, reference=None)
add(
    "sparse_categorical_crossentropy",
    ints(4, low=0, high=5),
    f(4, 5),
    from_logits=True,
    reference=None,
)
add("sparse_categorical_crossentropy", ints(4, 1, low=0, high=5), _softmax(f(4, 5)), reference=None)
add("binary_crossentropy", bools(4, 5).astype(float), unit(4, 5) / 2 + 0.5, reference=None)
add("binary_crossentropy", bools(4, 5).astype(float), f(4, 5), from_logits=True, reference=None)
add("psnr", f(4, 5), f(4, 5), 2.0, reference=None)
add(
    "dot_product_attention",
    f(2, 3, 4, 5),
    f(2, 6, 2, 5),
    f(2, 6, 2, 5),
    reference=None,
    tolerance=1e-6,
)
add(
    "dot_product_attention",
    f(2, 3, 2, 5),
    f(2, 3, 2, 5),
    f(2, 3, 2, 5),
    is_causal=True,
    reference=None,
)

# convolution and pooling
for _padding in ("valid", "same"):
    add("conv", f(2, 9, 3), f(3, 3, 4), padding=_padding, strides=2, reference=None, grad=True)
    add("conv", f(2, 7, 6, 4), f(3, 2, 2, 6), padding=_padding, reference=None, grad=True)
    add("conv", f(2, 7, 6, 4), f(3, 2, 4, 3), padding=_padding, dilation_rate=2, reference=None)
    add("conv", f(1, 5, 6, 4, 2), f(2, 3, 2, 2, 3), padding=_padding, reference=None)
    add("depthwise_conv", f(2, 7, 6, 3), f(3, 3, 3, 2), padding=_padding, reference=None, grad=True)
    add(
        "separable_conv",
        f(2, 7, 6, 3),
        f(3, 3, 3, 2),
        f(1, 1, 6, 4),
        padding=_padding,
        reference=None,
    )
    for _strides in (1, 2, 3):
        add(
            "conv_transpose",
            f(2, 4, 5, 3),
            f(3, 2, 4, 3),
            padding=_padding,
            strides=_strides,
            reference=None,
        )
    add(
        "conv_transpose",
        f(2, 4, 5, 3),
        f(3, 3, 4, 3),
        padding=_padding,
        strides=2,
        output_padding=1,
        reference=None,
    )
    for _pool in ("max_pool", "average_pool"):
        add(_pool, f(2, 7, 6, 3), (3, 2), strides=2, padding=_padding, reference=None, grad=True)
        add(_pool, f(2, 9, 3), 2, strides=2, padding=_padding, reference=None)
add("conv", f(2, 4, 7, 6), f(3, 2, 4, 3), data_format="channels_first", reference=None)
add("max_pool", f(2, 3, 7, 6), 2, strides=2, data_format="channels_first", reference=None)

# Families with many rows keep them in files of their own beside this one.
for _path in sorted(Path(__file__).parent.glob("rows_*.py")):
    importlib.import_module(_path.stem)
