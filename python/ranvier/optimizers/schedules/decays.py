"""The schedules. Each is a few scalar operations, so it may run inside a compiled step."""

from __future__ import annotations

import math

from ranvier import ops


class LearningRateSchedule:
    """Base of schedules: `schedule(step)` gives the learning rate.

    Example:
        >>> class Halving(keras.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5 ** ops.cast(step, "float32")
        >>> float(Halving()(3))
        0.125
    """

    def __call__(self, step):
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict:
        """Constructor arguments; to be written by subclasses."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in "
            "order to be serializable."
        )

    @classmethod
    def from_config(cls, config):
        """A schedule from its config."""
        return cls(**config)


def _positive(value, name):
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")


def _start(value, step):
    """The initial rate as a tensor, and the step in its dtype."""
    rate = ops.convert_to_tensor(value)
    return rate, ops.cast(step, rate.dtype)


class _Decay(LearningRateSchedule):
    """A rate that falls with p = step / decay_steps, in whole numbers with `staircase`."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase, name):
        _positive(decay_steps, "decay_steps")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _progress(self, step):
        p = ops.divide(step, float(self.decay_steps))
        return ops.floor(p) if self.staircase else p

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class ExponentialDecay(_Decay):
    """initial decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps in which the rate falls by `decay_rate`.
        decay_rate: the factor.
        staircase: whether the exponent is rounded down.
        name: for configs.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
        >>> round(float(schedule(100)), 4)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        decay_rate,
        staircase=False,
        name="ExponentialDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step):
        rate, step = _start(self.initial_learning_rate, step)
        base = ops.cast(self.decay_rate, rate.dtype)
        return ops.multiply(rate, ops.power(base, self._progress(step)))


class InverseTimeDecay(_Decay):
    """initial / (1 + decay_rate step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps in which the divisor grows by `decay_rate`.
        decay_rate: see above.
        staircase: whether the quotient is rounded down.
        name: for configs.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)
        >>> round(float(schedule(100)), 4)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        decay_rate,
        staircase=False,
        name="InverseTimeDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step):
        rate, step = _start(self.initial_learning_rate, step)
        growth = ops.multiply(self._progress(step), self.decay_rate)
        return ops.divide(rate, ops.add(growth, 1.0))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], the last value after all boundaries.

    Args:
        boundaries: increasing steps.
        values: rates, one more than boundaries.
        name: for configs.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.PiecewiseConstantDecay([50], [0.1, 0.01])
        >>> round(float(schedule(100)), 4)
        0.01
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of "
                f"length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step):
        step = ops.convert_to_tensor(step)
        rate = ops.convert_to_tensor(self.values[-1])
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1])):
            before = ops.less_equal(step, ops.cast(boundary, step.dtype))
            rate = ops.where(before, value, rate)
        return rate

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) (1 - step / decay_steps)^power + end.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps until the end rate.
        end_learning_rate: the rate from then on.
        power: of the polynomial.
        cycle: whether `decay_steps` grows to its next multiple instead of ending there.
        name: for configs.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
        >>> round(float(schedule(100)), 4)
        0.0
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name="PolynomialDecay",
    ):
        _positive(decay_steps, "decay_steps")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step):
        rate, step = _start(self.initial_learning_rate, step)
        total = float(self.decay_steps)
        if self.cycle:
            cycles = ops.maximum(ops.ceil(ops.divide(step, total)), 1.0)
            p = ops.divide(step, ops.multiply(cycles, total))
        else:
            p = ops.divide(ops.minimum(step, total), total)
        left = ops.power(ops.subtract(1.0, p), self.power)
        span = ops.subtract(rate, self.end_learning_rate)
        return ops.add(ops.multiply(span, left), self.end_learning_rate)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to alpha times it, after an optional linear warm-up.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps of the cosine.
        alpha: share of the rate that is left at its end.
        name: for configs.
        warmup_target: rate at the end of the warm-up, where the cosine starts; `None` for none.
        warmup_steps: steps of the warm-up.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.CosineDecay(0.1, decay_steps=200)
        >>> round(float(schedule(100)), 4)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        alpha=0.0,
        name="CosineDecay",
        warmup_target=None,
        warmup_steps=0,
    ):
        _positive(decay_steps, "decay_steps")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _cosine(self, step, rate):
        angle = ops.multiply(ops.divide(step, float(self.decay_steps)), math.pi)
        share = ops.multiply(ops.add(ops.cos(angle), 1.0), 0.5)
        return ops.multiply(rate, ops.add(ops.multiply(share, 1 - self.alpha), self.alpha))

    def __call__(self, step):
        rate, step = _start(self.initial_learning_rate, step)
        if self.warmup_target is None:
            return self._cosine(ops.minimum(step, float(self.decay_steps)), rate)
        warmup = float(self.warmup_steps)
        step = ops.minimum(step, self.decay_steps + warmup)
        decayed = self._cosine(ops.subtract(step, warmup), ops.cast(self.warmup_target, rate.dtype))
        if not self.warmup_steps:
            return decayed
        slope = ops.subtract(self.warmup_target, rate)
        rising = ops.add(ops.multiply(ops.divide(step, warmup), slope), rate)
        return ops.where(ops.less(step, warmup), rising, decayed)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Cosines one after the other, each `t_mul` times as long and `m_mul` times as high.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: steps of the first cosine.
        t_mul, m_mul: see above.
        alpha: share of the rate that is always left.
        name: for configs.

    Example:
        >>> from ranvier.optimizers import schedules
        >>> schedule = schedules.CosineDecayRestarts(0.1, first_decay_steps=200)
        >>> round(float(schedule(100)), 4)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate,
        first_decay_steps,
        t_mul=2.0,
        m_mul=1.0,
        alpha=0.0,
        name="SGDRDecay",
    ):
        _positive(first_decay_steps, "first_decay_steps")
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def _place(self, p):
        """Number of the cosine that holds p = step / first_decay_steps, and how far into it."""
        if self._t_mul == 1.0:
            number = ops.floor(p)
            return number, ops.subtract(p, number)
        # Cosine i starts at the geometric sum (1 - t^i) / (1 - t).
        t = ops.cast(self._t_mul, p.dtype)
        inside = ops.subtract(1.0, ops.multiply(p, ops.subtract(1.0, t)))
        number = ops.floor(ops.divide(ops.log(inside), ops.log(t)))
        length = ops.power(t, number)
        begun = ops.divide(ops.subtract(1.0, length), ops.subtract(1.0, t))
        return number, ops.divide(ops.subtract(p, begun), length)

    def __call__(self, step):
        rate, step = _start(self.initial_learning_rate, step)
        number, p = self._place(ops.divide(step, float(self.first_decay_steps)))
        height = ops.multiply(ops.power(ops.cast(self._m_mul, rate.dtype), number), 0.5)
        share = ops.multiply(height, ops.add(ops.cos(ops.multiply(p, math.pi)), 1.0))
        return ops.multiply(rate, ops.add(ops.multiply(share, 1 - self.alpha), self.alpha))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
