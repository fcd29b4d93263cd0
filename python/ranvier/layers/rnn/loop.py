"""A step function applied along time: the loop behind `RNN` for any cell."""

from __future__ import annotations

from ranvier import ops, tree


def swap_batch_and_time(x):
    """The first two axes exchanged."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def rnn(
    step_function,
    inputs,
    initial_states,
    go_backwards=False,
    mask=None,
    constants=None,
    unroll=False,
    input_length=None,
    time_major=False,
    zero_output_for_mask=False,
    return_all_outputs=True,
):
    """Applies `step_function(input, states) -> (output, states)` to each time step.

    Args:
        step_function: the function of one step; states are a list (possibly nested).
        inputs: tensor or structure of tensors (batch, time, ...).
        initial_states: list of tensors (batch, ...), possibly nested.
        go_backwards: whether time runs from the last step to the first; outputs come in the
            order in which they are made.
        mask: booleans (batch, time) or (batch, time, 1); a step that is `False` keeps the states.
        constants: tensors appended to the states of each step.
        unroll: whether every step becomes a part of the graph of its own.
        input_length: not needed; the length is that of the inputs.
        time_major: whether inputs, mask and outputs are (time, batch, ...).
        zero_output_for_mask: whether the output of a masked step is zero; else it is the one of
            the step before.
        return_all_outputs: whether the outputs of all steps are wanted.

    Returns:
        The last output, all outputs (batch, time, ...), and the last states.
    """
    if not time_major:
        inputs = tree.map_structure(swap_batch_and_time, inputs)
    if mask is not None:
        mask = ops.cast(mask, "bool")
        if len(mask.shape) > 2:
            mask = ops.any(mask, axis=tuple(range(2, len(mask.shape))))
        mask = mask if time_major else swap_batch_and_time(mask)
    constants = list(constants or ())

    def step(x, states):
        return step_function(x, [*states, *constants])

    if unroll:
        last, outputs, states = _unrolled(
            step, inputs, initial_states, mask, go_backwards, return_all_outputs
        )
    else:
        last, outputs, states = _scanned(
            step, inputs, initial_states, mask, go_backwards, zero_output_for_mask
        )
    if not time_major:
        outputs = tree.map_structure(swap_batch_and_time, outputs)
    return last, outputs, states


def _choose(keep, new, old):
    """`new` in the rows of the batch where `keep` holds, else `old`."""
    keep = ops.reshape(keep, (-1,) + (1,) * (len(new.shape) - 1))
    return ops.where(keep, new, old)


def _choose_states(keep, new, old):
    pairs = zip(tree.flatten(new), tree.flatten(old))
    return tree.pack_sequence_as(old, [_choose(keep, n, o) for n, o in pairs])


def _previous_output(states):
    """The output of the step before: the first state, or that of the last cell of a stack."""
    first = states[0]
    return states[-1][0] if tree.is_nested(first) else first


def _scanned(step, inputs, states, mask, go_backwards, zero_output_for_mask):
    def body(states, x):
        if mask is None:
            output, new = step(x, states)
            return tree.pack_sequence_as(states, tree.flatten(new)), output
        x, keep = x
        output, new = step(x, states)
        other = ops.zeros_like(output) if zero_output_for_mask else _previous_output(states)
        return _choose_states(keep, new, states), _choose(keep, output, other)

    xs = inputs if mask is None else (inputs, mask)
    states, outputs = ops.scan(body, states, xs, reverse=go_backwards)
    if go_backwards:
        outputs = tree.map_structure(lambda y: ops.flip(y, axis=0), outputs)
    return tree.map_structure(lambda y: y[-1], outputs), outputs, states


def _unrolled(step, inputs, states, mask, go_backwards, return_all_outputs):
    steps = tree.flatten(inputs)[0].shape[0]
    if not steps:
        raise ValueError("Unrolling requires a fixed number of timesteps.")
    outputs: list = []
    for t in reversed(range(steps)) if go_backwards else range(steps):
        output, new = step(tree.map_structure(lambda x, t=t: x[t], inputs), states)
        if mask is not None:
            output = _choose(mask[t], output, outputs[-1] if outputs else ops.zeros_like(output))
            new = _choose_states(mask[t], new, states)
        states = new
        outputs = [*outputs, output] if return_all_outputs else [output]
    return outputs[-1], ops.stack(outputs), states
