"""What several tests of training need."""

import pytest

from ranvier import _backend as B


@pytest.fixture
def exact():
    """Only rewrites that keep every bit."""
    before = B.core.exact()
    B.core.set_exact(True)
    yield
    B.core.set_exact(before)
