"""`keras.ops.linalg`: linear algebra."""

from ranvier.ops.factorizations import (
    cholesky,
    cholesky_inverse,
    det,
    eig,
    eigh,
    inv,
    lu_factor,
    qr,
    solve,
    solve_triangular,
)
from ranvier.ops.forward import jvp
from ranvier.ops.norms import norm
from ranvier.ops.singular_values import lstsq, matrix_rank, pinv, svd

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq", "lu_factor",
    "matrix_rank", "norm", "pinv", "qr", "solve", "solve_triangular", "svd",
]  # fmt: skip
