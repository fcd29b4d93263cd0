"""The losses and metrics of `compile`, resolved against the outputs of a model."""

from __future__ import annotations

import collections
import dataclasses

from ranvier import losses as losses_module
from ranvier import metrics as metrics_module
from ranvier import ops, tree
from ranvier.symbolic import KerasTensor, compute_output_spec
from ranvier.training.resolve import loss_for, metric_for
from ranvier.variable import bump_structure


@dataclasses.dataclass
class _OutputMetrics:
    """The metrics of one output; `prefix` is the output's name where there are several."""

    metrics: list
    prefix: str | None

    def update(self, y_true, y_pred, sample_weight=None):
        for metric in self.metrics:
            metric.update_state(y_true, y_pred, sample_weight=sample_weight)


def _metrics_of(entry, y_true, y_pred, prefix):
    if entry is None:
        return None
    entries = entry if isinstance(entry, (list, tuple)) else [entry]
    return _OutputMetrics([metric_for(m, y_true, y_pred) for m in entries], prefix)


def _shape_of(structure):
    return tree.map_structure(lambda _: "X", structure)


class CompileMetrics(metrics_module.Metric):
    """All metrics of `compile`. What they are is settled by the first batch.

    Args:
        metrics: list of metrics; for several outputs a list or dict per output.
        weighted_metrics: the same, for metrics that take sample weights.
        name: kept for Keras' sake.
        output_names: names of the model's outputs.
    """

    _given: dict
    _outputs: dict[str, list]

    def __init__(self, metrics, weighted_metrics, name="compile_metrics", output_names=None):
        super().__init__(name="compile_metrics")
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. Received "
                    f"instead: {argument}={value} of type {type(value)}"
                )
        state = self.__dict__
        # Not attributes in the sense of `Metric`: user metrics become state when they are resolved.
        state["_given"] = {"metrics": metrics, "weighted_metrics": weighted_metrics}
        state["_outputs"] = {"metrics": [], "weighted_metrics": []}
        self.built = False
        self.output_names = output_names
        self._resolved_names = None

    @property
    def metrics(self) -> list:
        """The metrics in the order of the outputs, unweighted ones first."""
        groups = [*self._outputs["metrics"], *self._outputs["weighted_metrics"]]
        return [m for group in groups if group is not None for m in group.metrics]

    @property
    def variables(self) -> list:
        """State of all metrics."""
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true, y_pred) -> None:
        """Resolves names by the shapes of labels and predictions."""
        count = len(tree.flatten(y_pred))
        flat = tree.is_nested(y_pred) and len(y_pred) == count
        names = self.output_names
        if flat and isinstance(y_pred, dict):
            if not (names and set(y_pred) == set(names)):
                ordered = isinstance(y_pred, collections.OrderedDict)
                names = list(y_pred) if ordered else sorted(y_pred)
        self._resolved_names = names if count > 1 and flat else None
        for argument, given in self._given.items():
            self._outputs[argument] = self._build_group(
                argument, given, count, names, y_true, y_pred, flat
            )
        self.built = True
        bump_structure()

    def settle(self, y_true, y_pred) -> None:
        """`build` for the shapes of a batch, ahead of the first update.

        Metrics that make their state at the first update are updated for the shapes alone.
        """
        self.build(y_true, y_pred)
        specs = tree.map_structure(
            lambda t: None if t is None else KerasTensor(t.shape, dtype=t.dtype), (y_true, y_pred)
        )
        compute_output_spec(lambda t, p: self.update_state(t, p) or ops.zeros(()), *specs)

    def _build_group(self, argument, given, count, names, y_true, y_pred, flat):
        if not given:
            return [None] * count
        if count == 1:
            first = tree.flatten(y_true)[0], tree.flatten(y_pred)[0]
            return [_metrics_of(tree.flatten(given), *first, None)]
        per_output = None
        if flat:
            if isinstance(given, (list, tuple)) and len(given) == count:
                per_output = given
            elif names and isinstance(given, dict) and set(given) <= set(names):
                per_output = [given.get(name) for name in names]
        try:
            if per_output is not None:
                prefixes = names or [None] * count
                columns = per_output, self._flat(y_true), self._flat(y_pred), prefixes
                return [_metrics_of(*row) for row in zip(*columns)]
            return self._build_nested(given, count, names, y_true, y_pred)
        except (ValueError, TypeError) as error:
            where = f"the output names {names}" if names else "the outputs"
            raise ValueError(
                f"Invalid `{argument}` for a model with {count} outputs. `{argument}` should "
                f"contain metrics objects and match {where} or the output structure of the "
                f"model: {_shape_of(y_pred)}.\n"
                f"Received: {argument}={given}. Hint: give one list of metrics per output."
            ) from error

    def _build_nested(self, given, count, names, y_true, y_pred):
        shallow = tree.lists_to_tuples(y_pred)
        prefixes = tree.pack_sequence_as(shallow, names or [None] * count)
        return tree.flatten(
            tree.map_structure_up_to(
                shallow, _metrics_of, tree.lists_to_tuples(given), tree.lists_to_tuples(y_true),
                shallow, prefixes,
            )
        )  # fmt: skip

    def _flat(self, y):
        if isinstance(y, dict) and self._resolved_names is not None:
            return [y.get(name) for name in self._resolved_names]
        return tree.flatten(y)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        y_true, y_pred = self._flat(y_true), self._flat(y_pred)
        for group, t, p in zip(self._outputs["metrics"], y_true, y_pred):
            if group is not None:
                group.update(t, p)
        weights = [None] * len(y_true)
        if sample_weight is not None:
            weights = self._flat(sample_weight)
            if len(weights) < len(y_true):
                weights = [weights[0]] * len(y_true)
        for group, t, p, w in zip(self._outputs["weighted_metrics"], y_true, y_pred, weights):
            if group is not None:
                group.update(t, p, w)

    def reset_state(self):
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict:
        """Results by name; several outputs prefix theirs, repeated names are numbered."""
        if not self.built:
            raise ValueError("Cannot get result() since the metric has not yet been built.")
        results: dict = {}
        uses: dict = collections.defaultdict(int)

        def put(name, metric):
            uses[name] += 1
            results[name if uses[name] == 1 else f"{name}_{uses[name] - 1}"] = metric.result()

        for argument, groups in self._outputs.items():
            for group in groups:
                for metric in group.metrics if group is not None else ():
                    prefix = f"{group.prefix}_" if group.prefix else ""
                    name = prefix + metric.name
                    if argument == "weighted_metrics" and name in uses:
                        name = f"{prefix}weighted_{metric.name}"
                    put(name, metric)
        return results


@dataclasses.dataclass
class _Weighted:
    """A loss as the user named it, and its factor."""

    loss: object
    weight: float | None


@dataclasses.dataclass
class _OutputLoss:
    """The loss of one output: where it is in the structure of outputs, its factor and its name."""

    path: tuple
    loss: losses_module.Loss
    weight: float | None
    name: str


def _at(path, structure):
    for key in path:
        structure = structure[key]
    return structure


class CompileLoss(losses_module.Loss):
    """The loss of `compile`: one loss, or a structure of them per output, summed with factors.

    Args:
        loss: name, function, `Loss`, or list or dict of them; `None` leaves an output out.
        loss_weights: factors, built like `loss`.
        reduction: kept for Keras' sake; each loss has its own.
        output_names: names of the model's outputs.
    """

    def __init__(self, loss, loss_weights=None, reduction="sum_over_batch_size", output_names=None):
        if loss_weights and not isinstance(loss_weights, (list, tuple, dict, float)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, "
                "tuple, or dict (multiple output case). Received instead: "
                f"loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        super().__init__(name="compile_loss", reduction=reduction)
        self._user_loss = loss
        self._user_loss_weights = loss_weights
        self.output_names = output_names
        self.built = False
        self._metrics: list = []
        self._parts: list[_OutputLoss] = []

    @property
    def parts(self) -> list:
        """The losses of the outputs, in the order of the outputs; empty until built."""
        return self._parts

    @property
    def metrics(self) -> list:
        """With several outputs a mean of each output's loss, unweighted."""
        return self._metrics

    @property
    def variables(self) -> list:
        """State of `metrics`."""
        return [v for m in self._metrics for v in m.variables]

    # -- which loss belongs to which output

    def build(self, y_true, y_pred) -> None:
        """Resolves names by the shapes of labels and predictions."""
        loss, weights = self._by_output(y_pred)
        loss = self._with_weights(loss, weights)
        y_pred = _in_key_order(y_pred)
        names = self.output_names
        if isinstance(loss, dict) and names and set(loss) == set(names):
            if isinstance(y_pred, (list, tuple)) and len(y_pred) == len(names):
                y_pred, y_true = dict(zip(names, y_pred)), dict(zip(names, y_true))
            elif not tree.is_nested(y_pred) and len(names) == 1:
                y_pred, y_true = {names[0]: y_pred}, {names[0]: y_true}
        leaves = len(tree.flatten(y_pred))
        flat_names = names if names and len(names) == leaves else [None] * leaves
        names = tree.pack_sequence_as(y_pred, flat_names)
        if not tree.is_nested(loss):
            loss = tree.map_structure(lambda _: loss, y_pred)
        self._parts = []
        self._collect(y_true, y_pred, loss, names, ())
        if len(self._parts) > 1:
            self._metrics = [metrics_module.Mean(name=f"{part.name}_loss") for part in self._parts]
        self._pred_structure = tree.map_structure(lambda _: None, y_pred)
        self._true_structure = tree.map_structure(lambda _: None, y_true)
        self.built = True
        bump_structure()

    def _by_output(self, y_pred):
        loss, weights = self._user_loss, self._user_loss_weights
        names = self.output_names
        if names and isinstance(loss, dict) and not isinstance(y_pred, dict):
            if set(names) != set(loss):
                raise ValueError(
                    f"Expected keys {names} in loss dict, but found loss.keys()={list(loss)}"
                )
            loss = [loss[name] for name in names]
            if isinstance(weights, dict):
                weights = [weights[name] for name in names]
        return loss, weights

    @staticmethod
    def _with_weights(loss, weights):
        flat = tree.flatten(loss)
        factors = [None] * len(flat) if weights is None else tree.flatten(weights)
        if len(factors) != len(flat):
            raise ValueError(
                f"`loss_weights` must match the number of losses, got {len(flat)} losses and "
                f"{len(factors)} weights."
            )
        if isinstance(loss, dict) and isinstance(weights, dict) and set(loss) != set(weights):
            raise ValueError(
                f"`loss_weights` must have the keys of `loss`: {list(loss)}. "
                f"Received: loss_weights={weights}"
            )
        pairs = [None if f is None else _Weighted(f, w) for f, w in zip(flat, factors)]
        return tree.pack_sequence_as(loss, pairs)

    def _collect(self, y_true, y_pred, loss, names, path):
        if loss is None:
            return
        if not tree.is_nested(loss):
            self._add_part(y_true, y_pred, loss, names, path)
            return
        is_list = isinstance(loss, (list, tuple))
        plain = is_list and not any(tree.is_nested(entry) for entry in loss)
        if plain and len(loss) == len(tree.flatten(y_pred)):
            loss = tree.pack_sequence_as(y_pred, list(loss))
            if not tree.is_nested(loss):
                self._collect(y_true, y_pred, loss, names, path)
                return
        elif is_list and not isinstance(y_pred, type(loss)):
            for entry in loss:
                self._collect(y_true, y_pred, entry, names, path)
            return
        if not isinstance(loss, type(y_pred)):
            raise KeyError(
                f"The path: {path} in the `loss` argument, can't be found in the model's output "
                "(`y_pred`)."
            )
        for key in loss if isinstance(loss, dict) else range(len(loss)):
            if loss[key] is None:
                continue
            for structure in (y_true, y_pred):
                if not _has(structure, key):
                    raise KeyError(
                        f"The path: {(*path, key)} in the `loss` argument, can't be found in "
                        "either the model's output (`y_pred`) or in the labels (`y_true`)."
                    )
            self._collect(y_true[key], y_pred[key], loss[key], names[key], (*path, key))

    def _add_part(self, y_true, y_pred, weighted, name, path):
        loss = loss_for(weighted.loss, y_true, y_pred)
        parts = list(path)
        if not tree.is_nested(name):
            own = loss.name if name is None else name
            if not parts:
                parts = [own]
            elif isinstance(parts[-1], int):
                parts[-1] = own
        names = list(name) if isinstance(name, dict) else tree.flatten(name)
        full = "/".join(map(str, parts)) or "_".join(map(str, names))
        self._parts.append(_OutputLoss(path, loss, weighted.weight, full))

    # -- values

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.call(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred, sample_weight=None):
        """The total loss; `None` when no output has one."""
        if not any(x is not None for x in tree.flatten(y_true)):
            raise ValueError(
                "The compiled loss needs targets. Expected the data to be (x, y) or "
                "(x, y, sample_weight). Received: y=None."
            )
        y_true = self.settle(y_true, y_pred)
        y_pred = _like(self._pred_structure, y_pred)
        y_true = _like(self._true_structure, y_true)
        total = None
        for i, part in enumerate(self._parts):
            predictions = _at(part.path, y_pred)
            weight = sample_weight
            if sample_weight is not None and tree.is_nested(sample_weight):
                weight = _at(part.path, _like(self._pred_structure, sample_weight))
            value = _evaluate(part, _at(part.path, y_true), predictions, weight)
            value = ops.cast(value, self.dtype)
            if self._metrics:
                rows = tree.flatten(predictions)[0].shape[0]
                self._metrics[i].update_state(value, sample_weight=rows)
            if part.weight is not None:
                value = ops.multiply(value, part.weight)
            total = value if total is None else ops.add(total, value)
        return total

    def settle(self, y_true, y_pred):
        """Builds itself at the first batch; the labels in the structure of the predictions."""
        if tree.is_nested(y_true) or tree.is_nested(y_pred):
            y_true = self._align(y_true, y_pred)
        if not self.built:
            self.build(y_true, y_pred)
        return y_true

    def _align(self, y_true, y_pred):
        """The labels in the structure of the predictions."""
        if _same(y_pred, y_true):
            return y_true
        if not tree.is_nested(y_true) and len(y_pred) == 1:
            y_true = [y_true]
        elif isinstance(y_pred, dict) and isinstance(y_true, dict) and self._covers(y_true, y_pred):
            return {name: y_true.get(name) for name in y_pred}
        elif isinstance(y_pred, (list, tuple)) and isinstance(y_true, dict):
            names = self.output_names
            if names and set(names) == set(y_true):
                y_true = [y_true[name] for name in names]
        flat = tree.flatten(y_true)
        if len(flat) == len(tree.flatten(y_pred)):
            return tree.pack_sequence_as(y_pred, flat)
        given = tree.flatten(self._user_loss)
        used = [i for i, loss in enumerate(given) if loss is not None]
        if len(flat) == len(used) and len(given) == len(tree.flatten(y_pred)):
            filled = [None] * len(given)
            for i, value in zip(used, flat):
                filled[i] = value
            return tree.pack_sequence_as(y_pred, filled)
        if len(flat) == len(used):
            raise KeyError(
                f"The labels and the loss have {len(flat)} parts each, the model has "
                f"{len(tree.flatten(y_pred))} outputs: not every output can be found in the labels "
                "(`y_true`). Hint: give labels, or the loss None, for each output."
            )
        raise ValueError(
            "y_true and y_pred have different structures.\n"
            f"y_true: {tree.map_structure(lambda _: '*', y_true)}\n"
            f"y_pred: {tree.map_structure(lambda _: '*', y_pred)}\n"
        )

    def _covers(self, y_true, y_pred):
        """Whether the labels are those of some outputs, among them all with losses by name."""
        loss = self._user_loss
        used = {key for key in loss if loss[key] is not None} if isinstance(loss, dict) else set()
        return used <= set(y_true) < set(y_pred)

    def get_config(self):
        raise NotImplementedError("`CompileLoss` is made by `compile` and has no config.")


def _evaluate(part, y_true, y_pred, sample_weight):
    """The loss of one output; an error tells which, and the shapes it was given."""
    try:
        return part.loss(y_true, y_pred, sample_weight)
    except (ValueError, TypeError) as error:
        if isinstance(error, TypeError) and tree.is_nested(y_pred):
            raise ValueError(
                f"The loss '{part.name}' was given a structure of outputs: "
                f"{_shape_of(y_pred)}. Expected one loss per output, in the same structure."
            ) from error
        if hasattr(error, "add_note"):
            leaves = (*tree.flatten(y_true), *tree.flatten(y_pred))
            shapes = [tuple(x.shape) for x in leaves if x is not None]
            error.add_note(
                f"While computing the loss '{part.name}' of targets and outputs with shapes "
                f"{shapes}."
            )
        raise


def _has(structure, key):
    if isinstance(structure, dict):
        return structure.get(key) is not None
    return isinstance(structure, (list, tuple)) and isinstance(key, int) and key < len(structure)


def _in_key_order(structure):
    """The structure with the keys of its dicts sorted, as `tree.flatten` takes them."""
    if type(structure) is dict:
        return {key: _in_key_order(structure[key]) for key in sorted(structure)}
    if type(structure) in (list, tuple):
        return type(structure)(_in_key_order(entry) for entry in structure)
    return structure


def _same(a, b):
    try:
        tree.assert_same_structure(a, b)
    except ValueError:
        return False
    return True


def _like(template, structure):
    """The leaves of `structure`, built like `template`."""
    if not tree.is_nested(template) and not tree.is_nested(structure):
        return structure
    if _same(template, structure):
        return structure
    return tree.pack_sequence_as(template, tree.flatten(structure))
