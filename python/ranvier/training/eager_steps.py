"""Pieces of the trainer: steps op by op, and collecting predictions."""

from __future__ import annotations

import contextlib

import numpy as np

from ranvier import _backend as B
from ranvier import config, tree
from ranvier.symbolic.host import is_string_array
from ranvier.training.epochs import ArrayBatches, ArrayEpochs, BatchEpochs, joined_rows


def runs_whole(model, adapter) -> bool:
    """Whether epochs run in C++: arrays of numbers, and no layer that works in Python."""
    if adapter.kind != "arrays" or adapter.in_python:
        return False
    return not any(layer.runs_on_host for layer in model._flatten_layers())


def op_by_op(step):
    """The step on values, every op at once and nothing compiled."""

    def run(data):
        state = config.thread_state()
        outer = getattr(state, "run_eagerly", False)
        state.run_eagerly = True
        try:
            return step(tree.map_structure(_to_tensor, data))
        finally:
            state.run_eagerly = outer

    return run


def _to_tensor(x):
    return x if x is None or isinstance(x, B.Tensor) or is_string_array(x) else B.tensor(x)


@contextlib.contextmanager
def training_scope(model):
    """Adds the model's name to errors that come out of a step."""
    try:
        yield
    except B.Error as error:
        note = f"While running model '{model.name}'."
        if note not in getattr(error, "__notes__", ()) and hasattr(error, "add_note"):
            error.add_note(note)
        raise


def collector(runner, adapter, hooks=False):
    """Prepares `runner` to keep predictions; the returned function gives them once it has run.

    Args:
        runner: what will run the batches.
        adapter: the data; its `steps` are the batches at most, or `None`.
        hooks: whether a hook may end the run early.
    """
    whole = isinstance(runner, ArrayEpochs) and adapter.steps is None and not hooks
    if whole and _rows_map_to_rows(runner, adapter):
        return _whole_arrays(runner, adapter)
    if isinstance(runner, ArrayEpochs):
        batches = BatchEpochs(ArrayBatches(adapter), runner._function, max_steps=adapter.steps)
        batches.collect()
        runner.run = batches.run
        return lambda: joined_rows(batches.collected)
    runner.collect()
    return lambda: joined_rows(runner.collected)


def _rows_map_to_rows(runner, adapter):
    batch = min(adapter.batch_size, adapter.rows)
    specs = runner.step_for(batch).output_specs
    return all(shape and shape[0] == batch and dtype != "bfloat16" for shape, dtype in specs)


def _whole_arrays(runner, adapter):
    def allocate(step):
        return [np.empty((adapter.rows, *shape[1:]), dtype) for shape, dtype in step.output_specs]

    runner.collect(allocate)

    def arrays():
        step = runner.step_for(min(adapter.batch_size, adapter.rows))
        return step.arrange(runner.results)

    return arrays
