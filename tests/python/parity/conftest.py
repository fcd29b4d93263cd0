"""Real Keras (on JAX, in the same process) is the reference; without it these tests are skipped."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
collect_ignore_glob = []


def pytest_ignore_collect(collection_path, config):
    """Skips the folder where Keras or JAX are not installed."""
    import importlib.util

    missing = importlib.util.find_spec("keras") is None or importlib.util.find_spec("jax") is None
    return (
        True
        if missing and collection_path.suffix == ".py" and collection_path.name.startswith("test_")
        else None
    )
