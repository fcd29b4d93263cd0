import pytest

from ranvier import _backend as B


@pytest.fixture(autouse=True)
def settings_restored():
    """Threads, instruction set and exact mode are the process': each test gives them back."""
    threads, isa, exact = B.core.num_threads(), B.core.active_isa(), B.core.exact()
    yield
    B.core.set_num_threads(threads)
    B.core.set_active_isa(isa)
    B.core.set_exact(exact)
