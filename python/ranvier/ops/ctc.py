"""Connectionist temporal classification (Graves et al., 2006): the loss, and decoding."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.ops import creation, joins, numeric
from ranvier.ops import elementwise as ew
from ranvier.ops import products as pr
from ranvier.ops import reductions as red
from ranvier.ops import shapes as sh
from ranvier.ops._define import NN, apply, cast, expand, op, to_float, to_tensor
from ranvier.ops._host import host_call, no_gradient
from ranvier.ops.control import scan
from ranvier.ops.indexing import one_hot
from ranvier.ops.neural import log_softmax

# Stands for log(0): small enough to vanish, large enough for gradients without NaN.
_LOG_ZERO = -1e5


def _scores(x):
    x = to_float(x)
    return cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x


def _beyond(lengths, size):
    """Whether each of `size` positions lies behind its row's length: (batch, size)."""
    return ew.greater_equal(expand(creation.arange(size), 0), expand(lengths, 1))


def _check(target, output, target_length, output_length):
    shapes = [tuple(x.shape) for x in (target, output, target_length, output_length)]
    fits = len(shapes[0]) == 2 and len(shapes[1]) == 3 and len({s[:1] for s in shapes}) == 1
    if not fits or len(shapes[2]) != 1 or len(shapes[3]) != 1:
        raise B.ShapeError(
            "ctc_loss: expected target (batch, labels), output (batch, time, classes) and two "
            f"lengths (batch,). Received: target.shape={shapes[0]}, output.shape={shapes[1]}, "
            f"target_length.shape={shapes[2]}, output_length.shape={shapes[3]}"
        )


@op(NN, static=("mask_index",), name="CTCLoss")
def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """Negative log probability of the labels, over all alignments.

    Args:
        target: int (batch, labels).
        output: logits (batch, time, classes).
        target_length: int (batch,), labels that count.
        output_length: int (batch,), time steps that count.
        mask_index: the class that stands for blank.

    Returns:
        (batch,), float32 or float64.

    Example:
        >>> ops.ctc_loss([[1, 2]], ops.zeros((1, 4, 3)), [2], [4]).shape
        (1,)
    """
    target = cast(to_tensor(target), "int32")
    target_length, output_length = (
        cast(to_tensor(x), "int32") for x in (target_length, output_length)
    )
    output = _scores(output)
    _check(target, output, target_length, output_length)
    dtype = output.dtype
    batch, labels = target.shape
    time, classes = output.shape[1:]
    log_p = sh.transpose(log_softmax(output), (1, 0, 2))
    chosen = one_hot(target, classes, dtype=dtype)
    emit_p = pr.einsum("tbk,bnk->tbn", log_p, chosen)
    blank_p = log_p[:, :, mask_index : mask_index + 1]
    frozen = sh.transpose(cast(_beyond(output_length, time), dtype))
    repeated = sh.pad(cast(ew.equal(target[:, :-1], target[:, 1:]), dtype), ((0, 0), (0, 1)))
    at_repeat = ew.multiply(repeated, _LOG_ZERO)
    off_repeat = ew.multiply(ew.subtract(1.0, repeated), _LOG_ZERO)

    # blank[n]: n labels are out and the last step was blank; emit[n]: it was label n.
    blank = joins.concatenate(
        [creation.zeros((batch, 1), dtype), creation.full((batch, labels), _LOG_ZERO, dtype)], 1
    )
    emit = creation.full((batch, labels), _LOG_ZERO, dtype)

    def raised(blank, score):
        return joins.concatenate([blank[:, :1], numeric.logaddexp(blank[:, 1:], score)], 1)

    def step(state, inputs):
        blank, emit = state
        emit_p, blank_p, frozen = inputs
        # A label may follow another one without a blank, unless it is the same.
        reached = raised(blank, ew.add(emit, at_repeat))
        next_emit = numeric.logaddexp(ew.add(reached[:, :-1], emit_p), ew.add(emit, emit_p))
        next_blank = raised(ew.add(reached, blank_p), ew.add(ew.add(emit, blank_p), off_repeat))
        kept = ew.greater(expand(frozen, 1), 0.0)
        return (ew.where(kept, blank, next_blank), ew.where(kept, emit, next_emit)), None

    (blank, emit), _ = scan(step, (blank, emit), (emit_p, blank_p, frozen))
    last = one_hot(target_length, labels + 1, dtype=dtype)
    return ew.negative(red.sum(ew.multiply(raised(blank, emit), last), 1))


def _greedy(inputs, lengths, merge_repeated, mask_index):
    time = inputs.shape[1]
    beyond = _beyond(lengths, time)
    best = ew.where(beyond, mask_index, red.argmax(inputs, -1))
    score = ew.where(beyond, 0.0, red.max(inputs, -1))
    if merge_repeated:
        again = sh.pad(ew.equal(best[:, 1:], best[:, :-1]), ((0, 0), (1, 0)))
        best = ew.where(again, mask_index, best)
    blank = ew.equal(best, mask_index)
    # A stable sort moves the blanks behind the labels.
    order = red.argsort(cast(blank, "int32"), -1)
    labels = apply("take_along_axis", [ew.where(blank, -1, best), order], {"axis": -1})
    return expand(labels, 0), ew.negative(red.sum(score, 1, True))


def _beam_step(beam, log_p, width, mask_index):
    """One time step of {labels: (log p ending in a label, log p ending in blank)}."""
    found: dict[tuple, list[float]] = {}
    for labels, (emit, blank) in beam.items():
        total = np.logaddexp(emit, blank)
        for c, p in enumerate(log_p):
            if c == mask_index:
                _raise(found, labels, 1, total + p)
            elif labels and labels[-1] == c:
                _raise(found, labels, 0, emit + p)
                _raise(found, (*labels, c), 0, blank + p)
            else:
                _raise(found, (*labels, c), 0, total + p)
    return dict(_best(found, width))


def _raise(found, labels, place, score):
    entry = found.setdefault(labels, [-np.inf, -np.inf])
    entry[place] = np.logaddexp(entry[place], score)


def _best(beam, count):
    """The `count` most probable entries, best first; of equal ones the lower classes."""

    def rank(item):
        labels, (emit, blank) = item
        return np.logaddexp(emit, blank), tuple(-c for c in labels)

    return sorted(beam.items(), key=rank, reverse=True)[:count]


def _beam_search(inputs, lengths, beam_width, top_paths, mask_index):
    batch, time, _ = inputs.shape
    paths = np.full((top_paths, batch, time), -1, "int32")
    scores = np.full((batch, top_paths), -np.inf, inputs.dtype)
    for row in range(batch):
        beam = {(): (-np.inf, 0.0)}
        with np.errstate(all="ignore"):
            for t in range(max(1, min(int(lengths[row]), time))):
                beam = _beam_step(beam, inputs[row, t].astype("float64"), beam_width, mask_index)
            for k, (labels, (emit, blank)) in enumerate(_best(beam, top_paths)):
                paths[k, row, : len(labels)] = labels
                scores[row, k] = np.logaddexp(emit, blank)
    return paths, scores


@op(NN, static=("strategy", "beam_width", "top_paths", "merge_repeated", "mask_index"),
    name="CTCDecode")  # fmt: skip
def ctc_decode(
    inputs,
    sequence_lengths,
    strategy="greedy",
    beam_width=100,
    top_paths=1,
    merge_repeated=True,
    mask_index=0,
):
    """The most probable labels of a sequence of class scores.

    Args:
        inputs: logits (batch, time, classes); the greedy strategy adds them up as they are.
        sequence_lengths: int (batch,), time steps that count.
        strategy: "greedy" (the best class of each step) or "beam_search" (prefixes, over all
            alignments).
        beam_width: prefixes kept by the beam search.
        top_paths: results of the beam search.
        merge_repeated: whether the greedy strategy joins equal neighbours.
        mask_index: the class that stands for blank; the last one when `None`.

    Returns:
        int32 labels (top_paths, batch, time), -1 behind the last; and scores (batch, top_paths):
        log probabilities, or for "greedy" the negative sum of the scores.

    Example:
        >>> ops.ctc_decode(ops.zeros((1, 4, 3)), [4])[0].shape
        (1, 1, 4)
    """
    inputs = _scores(inputs)
    lengths = cast(to_tensor(sequence_lengths), "int32")
    if len(inputs.shape) != 3 or len(lengths.shape) != 1:
        raise B.ShapeError(
            "ctc_decode: expected inputs (batch, time, classes) and sequence_lengths (batch,). "
            f"Received: {tuple(inputs.shape)} and {tuple(lengths.shape)}"
        )
    batch, time, classes = inputs.shape
    mask_index = classes - 1 if mask_index is None else int(mask_index)
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and "
                         "'beam_search'.")  # fmt: skip
    options = (("beam_width", int(beam_width)), ("top_paths", int(top_paths)),
               ("mask_index", mask_index))  # fmt: skip
    specs = [((top_paths, batch, time), "int32"), ((batch, top_paths), inputs.dtype)]
    return host_call(_beam_search, [log_softmax(inputs), lengths], specs, gradient=no_gradient,
                     options=options, name="ctc_decode")  # fmt: skip
