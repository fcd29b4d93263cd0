"""Runs one pass over the data: in C++ for arrays, batch by batch for everything else."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.training.data_adapters.structure import dense_rows
from ranvier.training.step_function import StepFunction

# How often the C++ loop returns for progress and Ctrl-C.
_TICK_SECONDS = 0.1


class Pass:
    """What happens at the batch boundaries of one pass.

    Args:
        mode: "train", "test" or "predict".
        callbacks: the CallbackList.
        hooks: whether batch hooks must be called.
        stride: batches between two returns when hooks are on (`steps_per_execution`).
        stop: function that says whether the pass must end early.
    """

    def __init__(self, mode, callbacks, hooks=False, stride=1, stop=lambda: False):
        self.mode = mode
        self.callbacks = callbacks
        self.hooks = hooks
        self.stride = stride
        self.stop = stop
        self._begin = getattr(callbacks, f"on_{mode}_batch_begin")
        self._end = getattr(callbacks, f"on_{mode}_batch_end")

    def begin(self, step):
        """Before the batches from `step` on."""
        if self.hooks:
            self._begin(step)

    def end(self, begun, logs):
        """After the batches from `begun` on; hooks are told the last one of a whole stride, as in
        Keras, though the data may have ended before."""
        if self.hooks:
            self._end(begun + self.stride - 1, logs())

    def progress(self, step, logs):
        self.callbacks.on_progress(self.mode, step, logs)


class ArrayEpochs:
    """Epochs over arrays that lie in memory, gathered and run by the C++ loop.

    Args:
        adapter: an ArrayAdapter.
        step_function: the compiled step.
        max_steps: batches per epoch at most; `None` for all.
    """

    def __init__(self, adapter, step_function: StepFunction, max_steps=None):
        self._adapter = adapter
        self._function = step_function
        self._max_steps = -1 if max_steps is None else int(max_steps)
        self._loop = B.core.EpochLoop(
            adapter.arrays, adapter.dtypes, adapter.rows, adapter.batch_size
        )
        self._steps: dict[int, object] = {}
        self._results: list | None = None
        self._rows = adapter.rows  # of the epoch

    def step_for(self, batch: int):
        """The compiled step for batches of `batch` rows."""
        specs = tuple(
            ((batch, *array.shape[1:]), dtype)
            for array, dtype in zip(self._adapter.arrays, self._adapter.dtypes, strict=True)
        )
        return self._function.get(self._adapter.pack, specs)

    def _provide(self, batch):
        step = self.step_for(batch)
        if self._steps.get(batch) is not step:
            self._steps[batch] = step
            self._loop.set_program(batch, step.program)
        return step

    def collect(self, allocate) -> None:
        """Writes all batches' outputs into arrays of all rows, which `allocate(step)` makes."""
        self._results = allocate(self._provide(min(self._adapter.batch_size, self._adapter.rows)))
        self._loop.set_results(self._results)

    @property
    def results(self):
        """The arrays that `collect` made."""
        return self._results

    def logs(self):
        """What the last finished step returned; nothing before the first one."""
        if not self._loop.step:
            return {}
        first = (self._loop.step - 1) * self._adapter.batch_size
        batch = min(self._adapter.batch_size, self._rows - first)
        step = self._steps[batch]
        if self._results is not None:
            return step.arrange([array[first : first + batch] for array in self._results])
        return step.result(self._loop.outputs())

    def _refresh(self):
        """Takes programs anew where the model changed between two returns."""
        for batch in list(self._steps):
            self._provide(batch)

    def run(self, boundary: Pass) -> None:
        """One epoch."""
        loop = self._loop
        order = self._adapter.order()
        self._rows = self._adapter.rows if order is None else len(order)
        loop.start_epoch(order, self._max_steps)
        self._refresh()
        while loop.step < loop.steps:
            begun = loop.step
            boundary.begin(begun)
            if boundary.stop():
                return
            self._refresh()
            event = self._run_until_boundary(boundary, begun)
            if loop.step > begun:
                boundary.end(begun, self.logs)
                boundary.progress(loop.step, self.logs)
            if event == "epoch_end" or boundary.stop():
                return

    def _run_until_boundary(self, boundary, begun):
        """Runs to the next batch hook, or for one tick when there are none."""
        loop = self._loop
        while True:
            left = boundary.stride - (loop.step - begun) if boundary.hooks else -1
            event = loop.run(_TICK_SECONDS, left)
            if event == "need_program":
                self._provide(loop.needed_batch)
            elif event in ("epoch_end", "step_limit") or (event == "timer" and not boundary.hooks):
                return event


class BatchEpochs:
    """Epochs over an iterable of batches.

    Args:
        adapter: an IterableAdapter.
        step_function: the compiled step, or `None` to call `eager` on each batch.
        eager: the step run op by op.
        max_steps: batches per epoch at most; `None` for all.
    """

    def __init__(self, adapter, step_function, eager=None, max_steps=None):
        self._adapter = adapter
        self._function = step_function
        self._eager = eager
        self._max_steps = max_steps
        self._last = None
        self.collected: list | None = None

    def collect(self) -> None:
        """Keeps what every step returned, in `collected`."""
        self.collected = []

    def logs(self):
        """What the last step returned; nothing before the first one."""
        return self._last() if self._last is not None else {}

    def _execution_logs(self, begun):
        """What the steps from `begun` on gave: all their rows if they are kept, else the last."""
        if self.collected is None or begun + 1 == len(self.collected):
            return self.logs
        return lambda: joined_rows(self.collected[begun:])

    def _run_batch(self, data):
        if self._function is None:
            result = self._eager(data)
            self._last = lambda: result
        else:
            step, flat = self._function.get_for(data)
            outputs = step.program.run(flat)
            self._last = lambda: step.result(outputs)
        if self.collected is not None:
            self.collected.append(self._last())

    def run(self, boundary: Pass) -> None:
        """One epoch."""
        self._adapter.on_epoch_begin()
        self._last = None
        step = begun = 0
        ended = False
        try:
            for data in self._adapter.batches():
                if step == begun:
                    boundary.begin(step)
                    if boundary.stop():
                        return
                self._run_batch(data)
                step += 1
                boundary.progress(step, self.logs)
                if step == begun + boundary.stride:
                    boundary.end(begun, self._execution_logs(begun))
                    begun = step
                if boundary.stop() or step == self._max_steps:
                    break
            else:
                ended = True
            if step > begun:
                boundary.end(begun, self._execution_logs(begun))
                begun += boundary.stride
            # Of data of unknown length Keras announces the batch that is then missing.
            due = self._max_steps is None or begun < self._max_steps
            if ended and due and self._adapter.num_batches is None:
                boundary.begin(begun)
        finally:
            self._adapter.on_epoch_end()


def joined_rows(batches):
    """Structures of arrays, one for each batch, as one structure of all rows."""
    flat = [tree.flatten(batch) for batch in batches]
    joined = [np.concatenate([np.asarray(x) for x in column]) for column in zip(*flat, strict=True)]
    return tree.pack_sequence_as(batches[0], joined)


class ArrayBatches:
    """An ArrayAdapter seen as batches, for steps that run op by op."""

    def __init__(self, adapter):
        self._adapter = adapter
        self.num_batches = adapter.num_batches
        self.batch_size = adapter.batch_size

    def on_epoch_begin(self):
        """Nothing to prepare."""

    def on_epoch_end(self):
        """Nothing to clean up."""

    def batches(self):
        """The epoch's batches in the order the C++ loop would take."""
        adapter = self._adapter
        order = adapter.order()
        if order is None:
            order = np.arange(adapter.rows)
        for first in range(0, len(order), adapter.batch_size):
            rows = order[first : first + adapter.batch_size]
            flat = [
                array[rows] if dtype == "string" else B.tensor(dense_rows(array, rows), dtype)
                for array, dtype in zip(adapter.arrays, adapter.dtypes, strict=True)
            ]
            yield adapter.pack(flat)
