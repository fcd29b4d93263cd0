"""The device scope and the size of the thread pool."""

from __future__ import annotations

from ranvier import _backend as B


class device:
    """A scope that names where computations run.

    Args:
        device_name: "cpu" or "cpu:0".

    Example:
        >>> with keras.device("cpu:0"):
        ...     x = ops.ones(2) + 1
        >>> x.tolist()
        [2.0, 2.0]
    """

    def __init__(self, device_name: str):
        if str(device_name).lower().split(":")[0] != "cpu":
            raise ValueError(
                "device: this build computes on the CPU. Expected 'cpu' or 'cpu:0'. "
                f"Received: device_name='{device_name}'"
            )

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


def num_threads() -> int:
    """Threads that a large operation uses.

    Example:
        >>> keras.num_threads() >= 1
        True
    """
    return B.core.num_threads()


def set_num_threads(n: int) -> None:
    """Sets the number of threads (results do not depend on it).

    Args:
        n: threads of the pool, the caller included.

    Example:
        >>> keras.set_num_threads(keras.num_threads())
    """
    B.core.set_num_threads(int(n))
