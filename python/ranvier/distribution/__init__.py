"""Several devices or processes: to come. There is one device now, and these names say so."""

from __future__ import annotations


def _to_come(name):
    return NotImplementedError(
        f"keras.distribution.{name}: training on several devices or processes is to come. "
        "Expected: one CPU, whose cores every program uses. Hint: leave the distribution out; "
        "`ranvier.set_num_threads` says how many cores are used."
    )


def list_devices(device_type=None) -> list[str]:
    """The devices as `"cpu:0"`; none of another type."""
    return ["cpu:0"] if device_type in (None, "cpu") else []


def get_device_count(device_type=None) -> int:
    """Number of devices, of one type if given."""
    return len(list_devices(device_type))


def distribution():
    """The global distribution: none."""
    return None


def set_distribution(value) -> None:
    """Sets the global distribution; `None` is the only one.

    Raises:
        NotImplementedError: any other.
    """
    if value is not None:
        raise _to_come("set_distribution")


def initialize(job_addresses=None, num_processes=None, process_id=None) -> None:
    """Prepares several processes; one needs nothing.

    Raises:
        NotImplementedError: there are more.
    """
    if job_addresses is not None or (num_processes or 1) > 1 or process_id:
        raise _to_come("initialize")


def distribute_tensor(tensor, layout):
    """The tensor laid out over devices; without a layout as it is.

    Raises:
        NotImplementedError: a layout is given.
    """
    if layout is not None:
        raise _to_come("distribute_tensor")
    return tensor


class DeviceMesh:
    """A grid of devices: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, shape, axis_names, devices=None):
        raise _to_come("DeviceMesh")


class TensorLayout:
    """Which axes of a tensor lie along which axes of a mesh: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, axes, device_mesh=None):
        raise _to_come("TensorLayout")


class LayoutMap:
    """Layouts by paths of variables: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, device_mesh):
        raise _to_come("LayoutMap")


class DataParallel:
    """The same weights on each device, a part of the batch on each: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, device_mesh=None, devices=None, auto_shard_dataset=True):
        raise _to_come("DataParallel")


class ModelParallel:
    """Weights cut over devices: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, *, layout_map=None, batch_dim_name=None, auto_shard_dataset=True, **kwargs):
        raise _to_come("ModelParallel")


__all__ = [
    "DataParallel", "DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout",
    "distribute_tensor", "distribution", "get_device_count", "initialize", "list_devices",
    "set_distribution",
]  # fmt: skip
