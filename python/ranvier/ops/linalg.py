"""`keras.ops.linalg`: linear algebra. All but `norm` needs known values."""

from ranvier.ops.products import (
    cholesky,
    cholesky_inverse,
    det,
    eig,
    eigh,
    inv,
    lstsq,
    matrix_rank,
    pinv,
    qr,
    solve,
    solve_triangular,
    svd,
)
from ranvier.ops.reductions import norm

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "lstsq", "matrix_rank", "norm",
    "pinv", "qr", "solve", "solve_triangular", "svd",
]  # fmt: skip
