"""Steps on single batches: `train_on_batch`, `test_on_batch`, `predict_on_batch`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ranvier import tree
from ranvier.tracebacks import entry_point
from ranvier.training import data_adapters


class BatchMethods:
    """The part of `Trainer` that runs one step on one given batch."""

    # Of the other part.
    run_eagerly: bool
    reset_metrics: Callable
    _assert_compiled: Callable
    _eager_step: Callable
    _function: Callable
    _in_order: Callable
    _plain_logs: Callable

    @entry_point
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One update on one batch; returns the logs."""
        self._assert_compiled("train_on_batch")
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(
                    "Arguments `sample_weight` and `class_weight` cannot be specified at the same "
                    "time. "
                    f"Received: sample_weight={sample_weight}, class_weight={class_weight}"
                )
            sample_weight = data_adapters.class_weight_to_sample_weights(y, class_weight)
        return self._on_batch("train", x, y, sample_weight, return_dict)

    @entry_point
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Loss and metrics of one batch."""
        self._assert_compiled("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, return_dict)

    @entry_point
    def predict_on_batch(self, x):
        """Outputs for one batch, as NumPy arrays that may be written to."""
        result = self._run_batch("predict", (data_adapters.to_arrays(x, strings=True),))
        return tree.map_structure(np.array, result)

    def _on_batch(self, mode, x, y, sample_weight, return_dict):
        data = data_adapters.pack_x_y_sample_weight(
            data_adapters.to_arrays(x, strings=True),
            data_adapters.to_arrays(y),
            data_adapters.to_arrays(sample_weight),
        )
        self.reset_metrics()
        logs = self._plain_logs(self._run_batch(mode, data))
        return logs if return_dict else self._in_order(logs)

    def _run_batch(self, mode, data):
        if self.run_eagerly:
            return self._eager_step(mode)(data)
        step, flat = self._function(mode).get_for(data)
        return step.result(step.program.run(flat))
