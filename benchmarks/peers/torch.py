"""PyTorch's rows: plain loops over tensors that lie in memory, gathered per batch."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks import rows

VERSION = torch.__version__


def _fit_row(model, optimizer, loss_fn, x, y, batch, metric=None):
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def block(n):
        order = torch.randperm(len(x))
        for i in range(n):
            first = (i * batch) % len(x)
            at = order[first : first + batch]
            out = model(x[at])
            loss = loss_fn(out, y[at])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if metric is not None:
                metric(out.detach(), y[at])

    return block


def dense_fit():
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    total = torch.zeros(())
    x, y = rows.random(32 * 200, 8), rows.random(32 * 200, 1)
    return _fit_row(
        model, optimizer, nn.MSELoss(), x, y, 32, lambda p, t: total.add_((p - t).abs().mean())
    )


def mlp_fit(batch):
    model = nn.Sequential(nn.Linear(784, 200), nn.Sigmoid(), nn.Linear(200, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = rows.random(batch * 64, 784), rows.one_hot(10, rows.labels(batch * 64))
    return _fit_row(model, optimizer, nn.CrossEntropyLoss(), x, y, batch)


def cnn_fit():
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), foreach=True)
    x = rows.random(512, 1, 28, 28)
    return _fit_row(
        model, optimizer, nn.CrossEntropyLoss(), x, rows.labels(512).astype("int64"), 128
    )


class Recurrent(nn.Module):
    """One recurrent layer and a classifier of its last output."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.classify = layer(32, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.classify(self.layer(x)[0][:, -1])


def recurrent_fit(layer):
    model = Recurrent(layer)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    y = rows.labels(512).astype("int64")
    return _fit_row(model, optimizer, nn.CrossEntropyLoss(), rows.random(512, 100, 32), y, 64)


class SkipGram(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.table = nn.Embedding(rows.WORDS, rows.WIDTH, sparse=sparse)

    def forward(self, ids):
        vectors = self.table(ids)
        return (vectors[:, :1] * vectors[:, 1:]).sum(-1)


def skip_gram_fit(optimizer, sparse):
    model = SkipGram(sparse)
    x, y = rows.skip_grams(64 * 1024)
    return _fit_row(model, optimizer(model.parameters()), nn.BCEWithLogitsLoss(), x, y, 1024)


def transformer():
    """One encoder block, normalized after each sum."""
    _, _, width, heads, inner = rows.BLOCK
    return nn.TransformerEncoderLayer(
        width, heads, inner, dropout=0.0, activation="gelu", batch_first=True
    )


def transformer_fit():
    batch, time, width, *_ = rows.BLOCK
    model = transformer()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x, y = rows.random(batch * 4, time, width), rows.random(batch * 4, time, width, seed=1)
    return _fit_row(model, optimizer, nn.MSELoss(), x, y, batch)


def transformer_predict():
    model, x = transformer().eval(), rows.random(*rows.BLOCK[:3])

    def block(n):
        with torch.inference_mode():
            for _ in range(n):
                model(torch.from_numpy(x)).numpy()

    return block


def gemm(size):
    a, b = torch.from_numpy(rows.random(size, size)), torch.from_numpy(rows.random(size, size))
    out = torch.empty(size, size)

    def block(n):
        for _ in range(n):
            torch.matmul(a, b, out=out)

    return block


def predict_one():
    model = nn.Sequential(
        nn.Linear(784, 200), nn.Sigmoid(), nn.Linear(200, 10), nn.Softmax(-1)
    ).eval()
    x = rows.random(1, 784)

    def block(n):
        with torch.inference_mode():
            for _ in range(n):
                model(torch.from_numpy(x)).numpy()

    return block


def eager_add():
    a = torch.from_numpy(rows.random(32, 8))

    def block(n):
        for _ in range(n):
            torch.add(a, a)

    return block


def set_threads(count: int) -> None:
    torch.set_num_threads(count)


ROWS = {
    "dense_fit": dense_fit,
    "mlp_fit_32": lambda: mlp_fit(32),
    "mlp_fit_128": lambda: mlp_fit(128),
    "cnn_fit_128": cnn_fit,
    "lstm_fit_64": lambda: recurrent_fit(nn.LSTM),
    "gru_fit_64": lambda: recurrent_fit(nn.GRU),
    # The faster of its two ways: SparseAdam leaves out the decay of untouched rows.
    "skip_gram_sgd": lambda: skip_gram_fit(lambda p: torch.optim.SGD(p, 0.1), sparse=True),
    "skip_gram_adam": lambda: skip_gram_fit(lambda p: torch.optim.Adam(p, foreach=True), False),
    "transformer_fit_16": transformer_fit,
    "transformer_predict_16": transformer_predict,
    "predict_one": predict_one,
    "eager_add": eager_add,
    **{f"gemm_{size}": lambda size=size: gemm(size) for size in (256, 512, 1024, 2048)},
}
