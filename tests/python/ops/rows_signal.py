"""Rows of Fourier transforms, frames, blocks and linear algebra."""

import numpy as np
from op_rows import add, f, ints, pos

for _n in (1, 2, 8, 12, 15, 7, 11, 36):
    _x = (f(2, _n), f(2, _n))
    add("fft", _x, reference=lambda x: _pair(np.fft.fft(x[0] + 1j * x[1])))
for _n in (1, 4, 5, 12, 22):
    add("rfft", f(3, _n), grad=True, reference=lambda x: _pair(np.fft.rfft(x)))
add("rfft", f(3, 6), fft_length=10, reference=lambda x, fft_length: _pair(np.fft.rfft(x, 10)))
add("rfft", f(3, 6), fft_length=4, reference=lambda x, fft_length: _pair(np.fft.rfft(x, 4)))
for _n in (8, 9, 14):
    _terms = (f(2, _n // 2 + 1), f(2, _n // 2 + 1))
    add(
        "irfft",
        _terms,
        fft_length=_n,
        reference=lambda x, fft_length: np.fft.irfft(x[0] + 1j * x[1], fft_length),
    )
add("irfft", (f(2, 5), f(2, 5)), reference=lambda x: np.fft.irfft(x[0] + 1j * x[1]))
add("fft2", (f(2, 6, 5), f(2, 6, 5)), reference=lambda x: _pair(np.fft.fft2(x[0] + 1j * x[1])))
add("ifft2", (f(2, 6, 5), f(2, 6, 5)), reference=lambda x: _pair(np.fft.ifft2(x[0] + 1j * x[1])))
add("extract_sequences", f(2, 11), 4, 3, grad=True,
    reference=lambda x, n, s: np.stack([x[:, i : i + n] for i in (0, 3, 6)], 1))  # fmt: skip
for _window in ("hann", "hamming", None, np.linspace(0.5, 1.0, 6)):
    for _center in (True, False):
        add("stft", f(2, 40), 6, 3, 8, window=_window, center=_center, reference=None, grad=True)
        add("istft", (f(2, 7, 5), f(2, 7, 5)), 6, 3, 8, window=_window, center=_center,
            reference=None)  # fmt: skip
add("istft", (f(2, 7, 5), f(2, 7, 5)), 6, 3, 8, length=17, reference=None)


def _pair(z):
    return np.real(z), np.imag(z)


add("unfold", f(2, 3, 6, 5), 2, reference=None, grad=True)
add("unfold", f(2, 3, 6, 5), (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1), reference=None)
add("fold", f(2, 12, 20), (5, 6), 2, reference=None, grad=True)
add("fold", f(2, 18, 9), 6, 3, padding=1, stride=2, reference=None, keras=False)
add("rearrange", f(4, 6, 2), "b (h p) c -> p b (h c)", p=3,
    reference=lambda x, pattern, p: x.reshape(4, 2, 3, 2).transpose(2, 0, 1, 3).reshape(3, 4, 4),
    grad=True)  # fmt: skip

add("i0", f(3, 4, low=-30.0, high=30.0))
add("i0", f(3, 4, low=-5.0, high=5.0), grad=True)
add("nextafter", f(3, 4), f(3, 4), keras=False)
_some_nan = np.where(np.arange(24).reshape(3, 4, 2) % 5 == 0, np.nan, f(3, 4, 2))
_some_nan[1, 0] = 1.0
for _axis in (None, 0, 1, (0, 2), -1):
    add("nanmedian", _some_nan, axis=_axis)
    add("nanquantile", _some_nan, np.array([0.2, 0.7]), axis=_axis)
add("nanpercentile", _some_nan, 30.0, axis=1, keepdims=True)
for _method in ("lower", "higher", "midpoint", "nearest"):
    add("nanquantile", _some_nan[0], 0.3, axis=0, method=_method)
    add("quantile", f(5, 3), 0.3, axis=0, method=_method)

_labels = ints(3, 4, low=1, high=5)
_labels[0, 2:] = 0
add("ctc_loss", _labels, f(3, 9, 5), np.array([2, 4, 3], "int32"), np.array([9, 9, 6], "int32"),
    reference=None, grad=True, tolerance=1e-6)  # fmt: skip
for _strategy in ("greedy", "beam_search"):
    add("ctc_decode", f(3, 9, 5), np.array([9, 4, 6], "int32"), strategy=_strategy, beam_width=8,
        top_paths=1 if _strategy == "greedy" else 3, reference=None)  # fmt: skip

_square = f(2, 4, 4) + 4 * np.eye(4)
_definite = _square @ np.swapaxes(_square, -1, -2)
add("inv", _square, reference=np.linalg.inv, grad=True)
add("det", _square, reference=np.linalg.det, grad=True)
add("slogdet", _square, reference=lambda x: tuple(np.linalg.slogdet(x)), grad=True)
add("logdet", _square, reference=lambda x: np.linalg.slogdet(x)[1], grad=True)
add("cholesky", _definite, reference=np.linalg.cholesky, grad=True)
add("cholesky", _definite[0], upper=True, reference=lambda x, upper: np.linalg.cholesky(x).T,
    grad=True)  # fmt: skip
add("cholesky_inverse", np.linalg.cholesky(_definite[0]), grad=True,
    reference=lambda x: np.linalg.inv(x @ x.T))  # fmt: skip
add("solve", _square, f(2, 4, 3), reference=np.linalg.solve, grad=True)
add("solve", _square, f(2, 4), grad=True, keras=False,
    reference=lambda a, b: np.linalg.solve(a, b[..., None])[..., 0])  # fmt: skip
for _shape in ((4,), (4, 3), (1, 4, 3)):  # one right-hand side for both systems
    add("solve", _square, f(*_shape), reference=np.linalg.solve, grad=True)
    add("solve_triangular", _square, f(*_shape), lower=True, grad=True,
        reference=lambda a, b, lower: np.linalg.solve(np.tril(a), b))  # fmt: skip
add("solve_triangular", _square, f(1, 4), grad=True,
    reference=lambda a, b: np.linalg.solve(np.triu(a), b[..., None])[..., 0])  # fmt: skip
add("solve_triangular", _square, f(2, 4, 3), lower=True, grad=True,
    reference=lambda a, b, lower: np.linalg.solve(np.tril(a), b))  # fmt: skip
add("eigh", _definite, reference=lambda x: tuple(np.linalg.eigh(x)), grad=True, keras=False)
for _shape in ((5, 3), (3, 3), (2, 5, 3)):
    add("qr", f(*_shape), reference=lambda x: tuple(np.linalg.qr(x)), grad=True, tolerance=1e-8)
add("qr", f(2, 3, 5), reference=lambda x: tuple(np.linalg.qr(x)), grad=True, tolerance=1e-8)
for _shape in ((3, 5), (5, 3)):
    add("qr", f(*_shape), mode="complete", grad=True, tolerance=1e-8,
        reference=lambda x, mode: tuple(np.linalg.qr(x, mode=mode)))  # fmt: skip
for _shape in ((5, 3), (3, 5), (2, 4, 4)):
    add(
        "svd",
        f(*_shape),
        full_matrices=False,
        grad=True,
        keras=False,
        reference=lambda x, full_matrices: tuple(np.linalg.svd(x, full_matrices)),
    )
    add("svd", f(*_shape), compute_uv=False, grad=True,
        reference=lambda x, compute_uv: np.linalg.svd(x, compute_uv=False))  # fmt: skip
    add("pinv", f(*_shape), reference=np.linalg.pinv, grad=True)
    add("matrix_rank", f(*_shape), reference=np.linalg.matrix_rank)
add("lstsq", f(6, 3), f(6, 2), grad=True, reference=lambda a, b: np.linalg.lstsq(a, b, None)[0])
add("lstsq", f(3, 5), f(3), grad=True, reference=lambda a, b: np.linalg.lstsq(a, b, None)[0])
add("lu_factor", _square, reference=None)
for _ord in ("nuc", 2, -2):
    add("norm", f(4, 3), ord=_ord, reference=np.linalg.norm, grad=True)
    add("norm", f(2, 4, 3), ord=_ord, axis=(0, 1), keepdims=True, reference=np.linalg.norm)
add("cdist", f(4, 3), pos(5, 3), grad=True,
    reference=lambda x, y: np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1)))  # fmt: skip
