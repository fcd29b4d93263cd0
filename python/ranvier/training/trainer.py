"""`compile`, `fit`, `evaluate` and `predict`: Keras' training surface over compiled steps."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier import variable as _variable
from ranvier.tracebacks import entry_point, filtered
from ranvier.training import data_adapters, eager_steps, stateless_steps
from ranvier.training.epochs import ArrayBatches, ArrayEpochs, BatchEpochs, Pass
from ranvier.training.fitting import Fitting, least
from ranvier.training.on_batch import BatchMethods
from ranvier.training.step_function import StepFunction, remember, takes_state
from ranvier.training.steps import Steps


class Trainer(Steps, Fitting, BatchMethods):
    """What a `Model` inherits to be trained: what is compiled, what a step computes, how data are
    run through it."""

    def __init__(self):
        self._lock = False
        self._run_eagerly = False
        self.jit_compile = True
        self.train_function = self.test_function = self.predict_function = None
        self.compiled = False
        self.loss = None
        self.steps_per_execution = 1
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self._initial_epoch = None
        self._compile_loss = None
        self._compile_metrics = None
        self._loss_tracker = None
        self._compile_config = None
        self._functions: dict[str, StepFunction] = {}
        self._predict_fast: dict = {}
        self._predict_fast_version = -1

    @entry_point
    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """Loss and metrics on data; see `fit` for the arguments.

        Returns:
            The loss, or a list of the loss and the metrics, or a dict of them with `return_dict`.
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._assert_compiled("evaluate")
        adapter = data_adapters.get_adapter(
            x, y, sample_weight, batch_size=batch_size, shuffle=False, steps=steps
        )
        callbacks = self._callback_list(
            callbacks,
            verbose=self._verbosity(verbose),
            epochs=1,
            steps=steps or adapter.num_batches,
        )
        with self._using_programs():
            logs = self._run_test(adapter, steps, callbacks)
        if return_dict:
            return logs
        return self._in_order(logs)

    def _run_test(self, adapter, steps, callbacks, runner=None):
        adapter.reset()
        runner = runner or self._epochs("test", adapter, steps)
        self.stop_evaluating = False
        boundary = Pass(
            "test", callbacks, callbacks.needs_test_batches, self.steps_per_execution,
            stop=lambda: self.stop_evaluating,
        )  # fmt: skip
        callbacks.on_test_begin()
        self.reset_metrics()
        runner.run(boundary)
        logs = self._logs_of_pass(runner, {})
        callbacks.on_test_end(logs)
        return logs

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Outputs for all rows of `x`.

        Args:
            x: arrays or an iterable of batches, as in `fit`.
            batch_size: rows of a batch, 32 by default.
            verbose, steps, callbacks: as in `evaluate`.

        Returns:
            NumPy arrays in the structure of the model's output.
        """
        # As an `entry_point`, without its call: a fifth of what a small program takes around it.
        try:
            if type(x) is np.ndarray and verbose == 0 and callbacks is None and steps is None:
                fast = self._fast_predict(x, batch_size)
                if fast is not None:
                    return fast
            return self._predict(x, batch_size, verbose, steps, callbacks)
        except Exception as error:
            raise filtered(error)  # noqa: B904 - it is the same error, with its own cause

    predict.__qualname__ = "Model.predict"

    def _predict(self, x, batch_size, verbose, steps, callbacks):
        adapter = data_adapters.get_adapter(x, batch_size=batch_size, shuffle=False, steps=steps)
        callbacks = self._callback_list(
            callbacks,
            verbose=self._verbosity(verbose),
            epochs=1,
            steps=steps or adapter.num_batches,
        )
        with self._using_programs():
            runner = self._epochs("predict", adapter, steps)
            hooks = callbacks.needs_predict_batches
            collector = eager_steps.collector(runner, adapter, hooks)
            self.stop_predicting = False
            boundary = Pass(
                "predict", callbacks, hooks, self.steps_per_execution,
                stop=lambda: self.stop_predicting,
            )  # fmt: skip
            callbacks.on_predict_begin()
            runner.run(boundary)
            callbacks.on_predict_end()
            return collector()

    def _fast_predict(self, x, batch_size):
        """One small array, one program call. `None` where the general way is needed."""
        if not 0 < len(x) <= (batch_size or 32) or self._run_eagerly:
            return None
        version = _variable.structure_version()
        if self._predict_fast_version != version:
            self._predict_fast.clear()
            self._predict_fast_version = version
        key = (x.shape, x.dtype)
        step = self._predict_fast.get(key)
        if step is None:
            if type(self).predict_step is not Trainer.predict_step or x.dtype.kind not in "fiub":
                return None
            adapter = data_adapters.get_adapter(x, batch_size=batch_size, shuffle=False)
            if adapter.num_batches != 1 or not eager_steps.runs_whole(self, adapter):
                return None
            step = ArrayEpochs(adapter, self._function("predict")).step_for(len(x))
            self._predict_fast_version = _variable.structure_version()
            if not step.gives_one_tensor:
                return None
            remember(self._predict_fast, key, step)
        return step.program.run_arrays((x,))[0]

    # -- machinery

    def _step(self, mode):
        """The step of a mode as a function of the data alone."""
        method = getattr(self, f"{mode}_step")
        if takes_state(method):
            return stateless_steps.stateful(self, method, mode)
        return method

    def _eager_step(self, mode):
        return eager_steps.op_by_op(self._step(mode))

    def _function(self, mode) -> StepFunction:
        function = self._functions.get(mode)
        if function is None:
            name = f"{self.name}.{mode}_step"
            step = self._step(mode)
            function = StepFunction(step, self._graph_state, name, pull_logs=mode != "predict")
            self._functions[mode] = function
        return function

    @property
    def _optimizer_variables(self) -> list:
        """The optimizer's state; none before `compile`, when there is no attribute `optimizer`."""
        optimizer = getattr(self, "optimizer", None)
        return optimizer.variables if optimizer is not None else []

    def _graph_state(self):
        """What a compiled step depends on beside its inputs."""
        variables = [*self.variables, *self._optimizer_variables]
        flags = tuple((id(v), v.trainable) for v in variables)
        layers = tuple((id(x), x.trainable, x.constants_version) for x in self._flatten_layers())
        metrics = tuple(map(id, (*self._metrics, *self._metrics_of_layers())))
        schedule = getattr(getattr(self, "optimizer", None), "_learning_rate", None)
        return (
            flags,
            layers,
            metrics,
            id(self._compile_config),
            id(schedule),
            str(self.dtype_policy),
        )

    def _epochs(self, mode, adapter, max_steps):
        max_steps = least(max_steps, config.max_steps_per_epoch())
        if max_steps is not None:  # Executions are whole, as in Keras.
            max_steps += -max_steps % self.steps_per_execution
        adapter.steps, adapter.stride = max_steps, self.steps_per_execution
        if self.run_eagerly:
            batches = ArrayBatches(adapter) if adapter.kind == "arrays" else adapter
            return BatchEpochs(batches, None, self._eager_step(mode), max_steps)
        if eager_steps.runs_whole(self, adapter):
            return ArrayEpochs(adapter, self._function(mode), max_steps)
        batches = ArrayBatches(adapter) if adapter.kind == "arrays" else adapter
        return BatchEpochs(batches, self._function(mode), max_steps=max_steps)

    def _using_programs(self):
        return eager_steps.training_scope(self)

    def _callback_list(self, callbacks, add_history=False, verbose=0, epochs=1, steps=None):
        from ranvier.callbacks import CallbackList

        if isinstance(callbacks, CallbackList):
            return callbacks
        return CallbackList(
            callbacks,
            add_history=add_history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    def _verbosity(self, verbose):
        return 1 if verbose == "auto" else verbose

    def _logs_of_pass(self, runner, before) -> dict:
        """What the last step returned; of a pass without a batch (the data have run out) what the
        metrics give, or the logs `before` where the steps return other names."""
        logs = self._plain_logs(runner.logs())
        if logs:
            return logs
        results = self._plain_logs(self.get_metrics_result())
        return results if not before or before.keys() == results.keys() else before

    def _plain_logs(self, logs) -> dict:
        """Logs as Python floats, by name as Keras sorts them."""
        if not isinstance(logs, dict):
            raise ValueError(
                "A step must return a dict of logs by name. "
                f"Received: {type(logs).__name__}. "
                "Hint: return {m.name: m.result() for m in self.metrics}."
            )
        plain: dict = {}
        for name in sorted(logs):
            value = logs[name]
            if type(value) is B.Tensor and not value.shape:
                plain[name] = float(value)
                continue
            if isinstance(value, dict):  # What a metric with several results, or all of them, gave.
                plain.update(self._plain_logs(value))
                continue
            array = np.asarray(value)
            plain[name] = float(array) if array.ndim == 0 else array
        return plain

    def _in_order(self, logs):
        """The values of logs as `evaluate` returns them: a list, or the only one."""
        names: list = []
        for metric in self.metrics:
            own = self._compile_metrics.metrics if metric is self._compile_metrics else [metric]
            names.extend(m.name for m in own)
        results = [logs[name] for name in names if name in logs]
        results.extend(logs[name] for name in sorted(logs.keys() - set(names)))
        return results[0] if len(results) == 1 else results

    def _assert_compiled(self, method):
        if self.compiled:
            return
        if method == "fit" and type(self).train_step is not Trainer.train_step:
            raise ValueError(
                "You must call `compile()` before using the model, also with an own `train_step`."
            )
        raise ValueError(
            f"You must call `compile()` before using the model. Received: `{method}()` of model "
            f"'{self.name}'. "
            "Hint: model.compile(optimizer, loss, metrics=[...])."
        )
