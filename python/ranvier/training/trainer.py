"""`compile`, `fit`, `evaluate` and `predict`: Keras' training surface over compiled steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from ranvier import _backend as B
from ranvier import config, ops, tree
from ranvier import variable as _variable
from ranvier.autodiff import GradientTape
from ranvier.training import data_adapters, eager_steps
from ranvier.training.compile_utils import CompileLoss, CompileMetrics
from ranvier.training.epochs import ArrayBatches, ArrayEpochs, BatchEpochs, Pass
from ranvier.training.logits import warn_where_logits_disagree
from ranvier.training.on_batch import BatchMethods
from ranvier.training.step_function import StepFunction, takes_state

unpack = data_adapters.unpack_x_y_sample_weight


class Trainer(BatchMethods):
    """What a `Model` inherits to be trained."""

    # Of the layer beside it among the bases of `Model`.
    name: str
    _metrics: list
    _flatten_layers: Callable

    def __init__(self):
        self._lock = False
        self._run_eagerly = False
        self.compiled = False
        self.loss = None
        self.steps_per_execution = 1
        self.optimizer = None
        self.stop_training = False
        self._initial_epoch = None
        self._compile_loss = None
        self._compile_metrics = None
        self._loss_tracker = None
        self._compile_config = None
        self._functions: dict[str, StepFunction] = {}
        self._predict_fast: dict = {}
        self._predict_fast_version = -1

    # -- compile

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Configures the model for training.

        Args:
            optimizer: name or `Optimizer`.
            loss: name, function, `Loss`, or a list or dict of them per output.
            loss_weights: factors of the outputs' losses.
            metrics: list of names or `Metric`s; per output in a list of lists or a dict.
            weighted_metrics: the same, computed with sample weights.
            run_eagerly: whether steps run op by op, for debugging.
            steps_per_execution: batches between two calls of batch hooks.
            jit_compile: accepted for Keras' sake; steps are always compiled unless `run_eagerly`.
            auto_scale_loss: whether `mixed_float16` wraps the optimizer in a `LossScaleOptimizer`.

        Raises:
            ValueError: an unknown name, or structures that do not fit the outputs.
        """
        from ranvier import metrics as metrics_module
        from ranvier import optimizers

        self._clear_previous_trainer_metrics()
        self._optimizer_initialized = False
        self.optimizer = optimizers.get(optimizer)
        if (
            auto_scale_loss
            and self.dtype_policy.name == "mixed_float16"
            and self.optimizer
            and hasattr(optimizers, "LossScaleOptimizer")
            and not isinstance(self.optimizer, optimizers.LossScaleOptimizer)
        ):
            self.optimizer = optimizers.LossScaleOptimizer(
                self.optimizer, name="loss_scale_optimizer"
            )
        output_names = getattr(self, "output_names", None)
        if loss is not None:
            self._compile_loss = CompileLoss(loss, loss_weights, output_names=output_names)
            self.loss = loss
        else:
            self._compile_loss = None
        self._compile_metrics = None
        if metrics is not None or weighted_metrics is not None:
            self._compile_metrics = CompileMetrics(
                metrics, weighted_metrics, output_names=output_names
            )
        self._loss_tracker = metrics_module.Mean(name="loss")
        self._run_eagerly = bool(run_eagerly)
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(
                "compile: `steps_per_execution` must be a positive integer. "
                f"Received: {steps_per_execution!r}."
            )
        self.steps_per_execution = steps_per_execution
        self.jit_compile = jit_compile
        self.stop_training = False
        self.compiled = True
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._functions = {}
        _variable.bump_structure()

    def _clear_previous_trainer_metrics(self):
        self._loss_tracker = None
        self._compile_metrics = None
        self._compile_loss = None

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value):
        self._run_eagerly = bool(value)
        self._functions = {}

    @property
    def metrics(self) -> list:
        """The loss tracker, the layers' metrics and the compiled ones."""
        found = [self._loss_tracker] if self.compiled and self._loss_tracker is not None else []
        found.extend(self._metrics[:])
        for layer in self._flatten_layers(include_self=False):
            found.extend(m for m in layer._metrics if m not in found)
        if self.compiled and self._compile_metrics is not None:
            found.append(self._compile_metrics)
        if self.compiled and self._compile_loss is not None:
            found.extend(self._compile_loss.metrics)
        return found

    @property
    def metrics_names(self) -> list[str]:
        """Names of `metrics`."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list:
        """Variables of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        """Starts all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict:
        """Current results by name; results that are dicts are merged."""
        results: dict = {}
        for metric in self.metrics:
            result = metric.result()
            if isinstance(result, dict):
                results.update(result)
            else:
                results[metric.name] = result
        return results

    # -- what a step computes; users override these

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The compiled loss plus the losses that layers added."""
        losses = []
        if self._compile_loss is not None:
            judged = self._compile_loss.built
            loss = self._compile_loss(y, y_pred, sample_weight)
            if not judged:
                warn_where_logits_disagree(self, self._compile_loss)
            if loss is not None:
                losses.append(loss)
        losses.extend(ops.sum(ops.cast(v, dtype=config.floatx())) for v in self.losses)
        if not losses and not self.metrics[1:]:
            raise ValueError(
                "No loss to compute. Provide a `loss` argument in `compile()`, or add losses with "
                "`layer.add_loss()`."
            )
        if not losses:
            return ops.zeros(())
        total = losses[0]
        for loss in losses[1:]:
            total = ops.add(total, loss)
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        """Updates the compiled metrics and returns all results."""
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _track_loss(self, loss, x):
        if self._loss_tracker is not None:
            rows = next(t for t in tree.flatten(x) if t is not None).shape[0]
            self._loss_tracker.update_state(loss, sample_weight=rows)

    def train_step(self, data):
        """One optimization step on a batch; returns the logs."""
        x, y, sample_weight = unpack(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True) if self._call_has_training_arg else self(x)
            loss = self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            scaled = self.optimizer.scale_loss(loss) if self.optimizer is not None else loss
        self._track_loss(loss, x)
        weights = self.trainable_weights
        if weights:
            gradients = tape.gradient(scaled, weights)
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data):
        """Loss and metrics of a batch, without an update."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False) if self._call_has_training_arg else self(x)
        loss = self.compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False
        )
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data):
        """Outputs for a batch."""
        x, _, _ = unpack(data)
        return self(x, training=False) if self._call_has_training_arg else self(x)

    # -- fit, evaluate, predict

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains for a number of epochs.

        Args:
            x: array, tensor, list or dict of them, or something that yields batches (generator,
                `PyDataset`, iterable, torch `DataLoader`).
            y: targets, when `x` is arrays.
            batch_size: rows of a batch, 32 by default; not with iterables.
            epochs: index of the last epoch.
            verbose: 0 silent, 1 progress bar, 2 one line per epoch, "auto" 1.
            callbacks: list of `Callback`s.
            validation_split: share of the rows, taken from the end, to validate on.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or an iterable of batches.
            shuffle: whether rows are drawn in a new order every epoch.
            class_weight: weight per class index.
            sample_weight: weight per row.
            initial_epoch: epoch to begin with.
            steps_per_epoch: batches of one epoch.
            validation_steps, validation_batch_size, validation_freq: the same for validation; the
            last
                one is every how many epochs, or the list of epochs after which, to validate.

        Returns:
            A `History`: its `history` holds the logs of each epoch.

        Raises:
            ValueError: arguments, shapes or lengths do not fit.
            RangeError: a label is out of range; no variable of the failed step was changed.
        """
        self._assert_compiled("fit")
        epochs = _least(epochs, config.max_epochs())
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = data_adapters.train_validation_split(
                (x, y, sample_weight), validation_split=validation_split
            )
        adapter = data_adapters.get_adapter(
            x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight,
            steps=steps_per_epoch,
        )  # fmt: skip
        adapter.continues = True
        callbacks = self._callback_list(
            callbacks, add_history=True, verbose=self._verbosity(verbose), epochs=epochs,
            steps=steps_per_epoch or adapter.num_batches,
        )  # fmt: skip
        validate = None
        if validation_data is not None:
            validate = self._validation(
                validation_data, validation_batch_size or batch_size, validation_steps, callbacks
            )
        self.stop_training = False
        self._initial_epoch = None
        with self._using_programs():
            epoch_runner = self._epochs("train", adapter, steps_per_epoch)
            boundary = Pass(
                "train", callbacks, callbacks.needs_train_batches, self.steps_per_execution,
                stop=lambda: self.stop_training,
            )  # fmt: skip
            callbacks.on_train_begin()
            initial_epoch = self._initial_epoch or initial_epoch  # BackupAndRestore sets it
            logs: dict = {}
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                epoch_runner.run(boundary)
                results = dict(self._plain_logs(epoch_runner.logs()))
                if not results:  # the data have run out: no batch in this epoch
                    break
                logs = results
                if validate is not None and _due(epoch + 1, validation_freq):
                    logs.update({f"val_{name}": value for name, value in validate().items()})
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            if self.optimizer is not None and epochs > initial_epoch:
                self.optimizer.finalize_variable_values(self.trainable_weights)
            callbacks.on_train_end(logs)
        return callbacks.history

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
        runner = runner or self._epochs("test", adapter, steps)
        boundary = Pass("test", callbacks, callbacks.needs_test_batches, self.steps_per_execution)
        callbacks.on_test_begin()
        self.reset_metrics()
        runner.run(boundary)
        logs = self._plain_logs(runner.logs())
        callbacks.on_test_end(logs)
        return logs

    def _validation(self, validation_data, batch_size, steps, callbacks):
        if isinstance(validation_data, (tuple, list)) and len(validation_data) > 1:
            x, y, weight = unpack(tuple(validation_data))
            adapter = data_adapters.get_adapter(
                x, y, weight, batch_size=batch_size, shuffle=False, steps=steps
            )
        else:
            adapter = data_adapters.get_adapter(validation_data, shuffle=False, steps=steps)
        runner = None

        def validate():
            nonlocal runner
            runner = runner or self._epochs("test", adapter, steps)
            return self._run_test(adapter, steps, callbacks, runner)

        return validate

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Outputs for all rows of `x`.

        Args:
            x: arrays or an iterable of batches, as in `fit`.
            batch_size: rows of a batch, 32 by default.
            verbose, steps, callbacks: as in `evaluate`.

        Returns:
            NumPy arrays in the structure of the model's output.
        """
        if type(x) is np.ndarray and verbose == 0 and callbacks is None and steps is None:
            fast = self._fast_predict(x, batch_size)
            if fast is not None:
                return fast
        adapter = data_adapters.get_adapter(x, batch_size=batch_size, shuffle=False, steps=steps)
        callbacks = self._callback_list(
            callbacks,
            verbose=self._verbosity(verbose),
            epochs=1,
            steps=steps or adapter.num_batches,
        )
        with self._using_programs():
            runner = self._epochs("predict", adapter, steps)
            collector = eager_steps.collector(runner, adapter, steps)
            boundary = Pass(
                "predict", callbacks, callbacks.needs_predict_batches, self.steps_per_execution
            )
            callbacks.on_predict_begin()
            runner.run(boundary)
            callbacks.on_predict_end()
            return collector()

    def _fast_predict(self, x, batch_size):
        """One small array, one program call. `None` where the general way is needed."""
        if not 0 < len(x) <= (batch_size or 32) or self.run_eagerly:
            return None
        if self._predict_fast_version != _variable.structure_version():
            self._predict_fast.clear()
            self._predict_fast_version = _variable.structure_version()
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
            if not isinstance(step.result(step.program.run([x])), B.Tensor):
                return None
            self._predict_fast[key] = step
        return step.program.run((x,))[0].numpy()

    # -- machinery

    def _step(self, mode):
        """The step of a mode as a function of the data alone."""
        method = getattr(self, f"{mode}_step")
        if mode != "predict" and takes_state(method):
            return eager_steps.stateful(self, method, mode)
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

    def _graph_state(self):
        """What a compiled step depends on beside its inputs."""
        variables = [
            *self.variables,
            *(self.optimizer.variables if self.optimizer is not None else ()),
        ]
        flags = tuple((id(v), v.trainable) for v in variables)
        layers = tuple((id(x), x.trainable, x.constants_version) for x in self._flatten_layers())
        schedule = getattr(self.optimizer, "_learning_rate", None)
        return flags, layers, id(self._compile_config), id(schedule), str(self.dtype_policy)

    def _epochs(self, mode, adapter, max_steps):
        max_steps = _least(max_steps, config.max_steps_per_epoch())
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

    def _plain_logs(self, logs) -> dict:
        """Logs as Python floats, by name as Keras sorts them."""
        if not isinstance(logs, dict):
            raise ValueError(
                "A step must return a dict of logs by name. "
                f"Received: {type(logs).__name__}. "
                "Hint: return {m.name: m.result() for m in self.metrics}."
            )
        plain = {}
        for name, value in sorted(logs.items()):
            if isinstance(value, dict):  # What a metric with several results, or all of them, gave.
                plain.update(self._plain_logs(value))
                continue
            array = np.asarray(value)
            plain[name] = float(array) if array.ndim == 0 else array
        return plain

    def _in_order(self, logs):
        """The values of logs as `evaluate` returns them: a list, or the only one."""
        names = self.metrics_names
        results = [logs[name] for name in names if name in logs]
        results.extend(value for name, value in sorted(logs.items()) if name not in names)
        return results[0] if len(results) == 1 else results

    def _assert_compiled(self, method):
        if self.compiled:
            return
        if method == "fit" and type(self).train_step is not Trainer.train_step:
            raise ValueError(
                "You must call `compile()` before calling `fit()`, also with an own `train_step`."
            )
        raise ValueError(
            f"You must call `compile()` before calling `{method}()` of model '{self.name}'. "
            "Hint: model.compile(optimizer, loss, metrics=[...])."
        )

    def get_compile_config(self):
        """The arguments of `compile`, serialized."""
        from ranvier.serialization import serialize_keras_object

        if not self.compiled:
            return None
        return {name: serialize_keras_object(value) for name, value in self._compile_config.items()}

    def compile_from_config(self, config_):
        """Compiles with serialized arguments; what is not understood is a warning."""
        from ranvier.serialization import deserialize_keras_object

        try:
            arguments = deserialize_keras_object(config_)
            self.compile(**arguments)
        except (TypeError, ValueError, KeyError) as error:
            warnings.warn(
                f"The compile information of the model could not be read: {error}. "
                "The model is not compiled.",
                stacklevel=2,
            )
            return
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)


def _least(value, limit):
    return value if limit is None else limit if value is None else min(value, limit)


def _due(epoch, validation_freq):
    if isinstance(validation_freq, int):
        return epoch % validation_freq == 0
    return epoch in validation_freq
