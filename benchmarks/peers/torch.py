"""PyTorch's rows: plain loops over tensors that lie in memory, gathered per batch."""

from __future__ import annotations

import functools

import torch
from torch import nn

from benchmarks import models
from benchmarks.networks import NETWORKS
from benchmarks.peers import fastest, torch_layers, torch_ops

VERSION = torch.__version__


def mlp():
    return nn.Sequential(nn.Linear(784, 200), nn.Sigmoid(), nn.Linear(200, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip


class Recurrent(nn.Module):
    """One recurrent layer and a classifier of its last output."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.classify = layer(32, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.classify(self.layer(x)[0][:, -1])


class SkipGram(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.table = nn.Embedding(models.WORDS, models.WIDTH, sparse=sparse)

    def forward(self, ids):
        vectors = self.table(ids)
        return (vectors[:, :1] * vectors[:, 1:]).sum(-1)


def transformer():
    """One encoder block, normalized after each sum."""
    _, _, width, heads, inner = models.BLOCK
    return nn.TransformerEncoderLayer(
        width, heads, inner, dropout=0.0, activation="gelu", batch_first=True
    )


def _sgd(rate, **options):
    return lambda parameters: torch.optim.SGD(parameters, rate, **options)


def _adam(parameters):
    return torch.optim.Adam(parameters, foreach=True)


# Name -> module, optimizer, loss.
MODELS = {
    "dense": (lambda: nn.Linear(8, 1), _sgd(0.01), nn.MSELoss()),
    "mlp": (mlp, _sgd(0.1), nn.CrossEntropyLoss()),
    "cnn": (cnn, _adam, nn.CrossEntropyLoss()),
    "lstm": (lambda: Recurrent(nn.LSTM), _sgd(0.1), nn.CrossEntropyLoss()),
    "gru": (lambda: Recurrent(nn.GRU), _sgd(0.1), nn.CrossEntropyLoss()),
    # The faster of its two ways: SparseAdam leaves out the decay of untouched rows.
    "skip_gram_sgd": (lambda: SkipGram(sparse=True), _sgd(0.1), nn.BCEWithLogitsLoss()),
    "skip_gram_adam": (lambda: SkipGram(sparse=False), _adam, nn.BCEWithLogitsLoss()),
    "transformer": (transformer, _sgd(0.01), nn.MSELoss()),
    **{
        name: (
            functools.partial(torch_layers.network, name),
            _sgd(0.01, momentum=0.9),
            nn.CrossEntropyLoss(),
        )
        for name in NETWORKS
    },
}


def fit(name, batch, ways=(False, True)):
    if name not in MODELS:
        return None
    x, y = (torch_ops.tensor(a) for a in models.data(name, batch))
    total = torch.zeros(())

    def prepare(compiled):
        model, make_optimizer, loss_fn = MODELS[name]
        model = model()
        optimizer = make_optimizer(model.parameters())
        run = torch.compile(model) if compiled else model

        def block(n):
            order = torch.randperm(len(x))
            for i in range(n):
                first = (i * batch) % len(x)
                at = order[first : first + batch]
                out, target = run(x[at]), y[at]
                loss = loss_fn(out, target)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                if name == "dense":  # its metric
                    total.add_((out.detach() - target).abs().mean())

        return block

    if name not in NETWORKS:
        return prepare(False)
    return fastest(*(functools.partial(prepare, way) for way in ways))


def _scripted(module, x):
    with torch.inference_mode():
        frozen = torch.jit.freeze(torch.jit.trace(module, x))
        return torch.jit.optimize_for_inference(frozen)


def infer(name, batch):
    x = models.sample(name, batch)

    def prepare(convert):
        module = MODELS[name][0]().eval()
        if name == "mlp":
            module.append(nn.Softmax(-1))
        run = convert(module)

        def block(n):
            with torch.inference_mode():
                for _ in range(n):
                    run(torch_ops.tensor(x)).numpy()

        return block

    ways = [lambda module: module]
    if name in NETWORKS:
        ways += [lambda module: _scripted(module, torch_ops.tensor(x)), torch.compile]
    return fastest(*(functools.partial(prepare, way) for way in ways))


def set_threads(count: int) -> None:
    torch.set_num_threads(count)


KINDS = {
    "fit": fit,
    # The compiler would need memory of its own in this process.
    "memory_fit": functools.partial(fit, ways=(False,)),
    "infer": infer,
    "predict": infer,
    "call": infer,
    **torch_ops.KINDS,
}
