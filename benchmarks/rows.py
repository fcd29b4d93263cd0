"""The rows: what is measured, in which unit, and the bars that the project promises."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.courses import COURSES
from benchmarks.everyday import OPERATIONS
from benchmarks.networks import resnet50_convolutions


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: key of the row, unique.
        title: what a reader sees.
        kind: function of the peers' modules that prepares it.
        args: what it is called with.
        bar: ratio to the fastest peer that is promised; `None` where the bar is absolute or there
        is none. limit: absolute bar in seconds, for the machine of the figures table.
        group: rows whose ratios are judged together as well.
    """

    name: str
    title: str
    kind: str
    args: tuple
    bar: float | None = None
    limit: float | None = None
    group: str | None = None

    @property
    def unit(self) -> str:
        """What the figures are: "s" or "B"."""
        return "B" if self.kind == "memory" else "s"


@dataclass(frozen=True)
class Group:
    """A bar for rows together: the geometric mean of their ratios, or the ratio of the sums."""

    title: str
    bar: float
    mean: str = "geometric"


GROUPS = {
    "gemm": Group("matrix products", 1.7),
    "conv": Group("the convolutions of ResNet-50, forward", 1.1, "sum"),
    "conv_grad": Group("the convolutions of ResNet-50, backward", 1.35, "sum"),
}

_FITS = [
    Row(name, title, "fit", (model, batch), bar, limit)
    for name, title, model, batch, bar, limit in (
        ("dense_fit", "Dense(1) on 8 features, batch 32: fit step", "dense", 32, 8.0, 1.5e-6),
        ("mlp_fit_32", "784-200-10, batch 32: fit step", "mlp", 32, 1.7, None),
        ("mlp_fit_128", "784-200-10, batch 128: fit step", "mlp", 128, 1.5, None),
        ("cnn_fit_128", "MNIST CNN, batch 128: fit step", "cnn", 128, 1.9, None),
        ("resnet20_fit_128", "ResNet-20, 32×32, batch 128: fit step", "resnet20", 128, 1.3, None),
        ("resnet50_fit_16", "ResNet-50, 224×224, batch 16: fit step", "resnet50", 16, 1.35, None),
        ("lstm_fit_64", "LSTM, 64×100×32→128: fit step", "lstm", 64, 1.9, None),
        ("gru_fit_64", "GRU, 64×100×32→128: fit step", "gru", 64, 2.7, None),
        ("skip_gram_sgd", "skip-gram, 20,000×128, batch 1,024: SGD step", "skip_gram_sgd", 1024,
         4.0, None),
        ("skip_gram_adam", "the same, Adam step", "skip_gram_adam", 1024, 1.9, None),
        ("transformer_fit_16", "transformer block 16×128×256: fit step", "transformer", 16, 1.7,
         None),
        # Two rows to read against each other: what half precision brings.
        ("wide_fit_256", "1024-4096-4096-10, batch 256: fit step", "wide", 256, None, None),
        ("wide_bf16_fit_256", "the same under mixed_bfloat16", "wide_bfloat16", 256, None, None),
    )
]  # fmt: skip

# Against whatever else runs the same Keras code.
_COURSES = [
    Row(name, f"{course.title}, batch {course.batch}: fit step", "fit", (name, course.batch), 1.0)
    for name, course in COURSES.items()
]

_INFERENCE = [
    Row(name, title, kind, (model, batch), bar)
    for name, title, kind, model, batch, bar in (
        ("transformer_infer_16", "transformer block 16×128×256: inference", "infer",
         "transformer", 16, 1.2),
        ("resnet50_infer_1", "ResNet-50 inference, batch 1", "infer", "resnet50", 1, 1.0),
        ("resnet50_infer_8", "ResNet-50 inference, batch 8", "infer", "resnet50", 8, 1.2),
        ("vgg16_infer_1", "VGG-16 inference, batch 1", "infer", "vgg16", 1, 1.5),
        ("vgg16_infer_8", "VGG-16 inference, batch 8", "infer", "vgg16", 8, 1.5),
        ("mobilenet_v2_infer_1", "MobileNetV2 inference, batch 1", "infer", "mobilenet_v2",
         1, 1.15),
        ("mobilenet_v2_infer_8", "MobileNetV2 inference, batch 8", "infer", "mobilenet_v2",
         8, 1.15),
        ("predict_one", "784-200-10: predict of one sample", "predict", "mlp", 1, 1.8),
        ("call_one", "784-200-10: np.asarray(model(x)), one sample", "call", "mlp", 1, 1.4),
    )
]  # fmt: skip

_LATENCY = [
    Row("eager_add", "eager add of two 32×8 tensors", "eager", ("add",), limit=0.8e-6),
    Row("fit_one_batch", "fit() of one batch, Dense(1), after the first", "fit_one_batch", (),
        limit=300e-6),
]  # fmt: skip

_GEMM = [
    Row(f"gemm_{n}", f"float32 matrix product, {n}³", "gemm", (n, n, n), 1.3, group="gemm")
    for n in (256, 512, 1024, 2048)
] + [
    Row(f"gemm_{m}x{k}x{n}_{form}", f"{m}×{k}×{n}, {form}", "gemm",
        (m, n, k, form[0] == "t", form[1] == "t"), 1.3, group="gemm")
    for m, k, n in ((32, 784, 200), (128, 784, 200), (512, 512, 512), (128, 1024, 4096))
    for form in ("nn", "nt", "tn", "tt")
    if (m, form) != (512, "nn")
]  # fmt: skip

_FEW_ROWS = [
    Row(f"gemm_{m}x{k}x{n}", f"{m} rows: {m}×{k}×{n}", "gemm", (m, n, k), 1.2)
    for k, n in ((784, 200), (1024, 1024), (4096, 1024))
    for m in (1, 4, 16)
]

_POINTWISE = [
    Row(f"{name}_{size:.0e}".replace("e+0", "e"), f"{name} of {size:,} values", "pointwise",
        (name, size), 1.0 if name == "relu" else 1.8)
    for size in (10**6, 10**7)
    for name in ("relu", "sigmoid", "tanh", "gelu", "softmax")
]  # fmt: skip

_LAYERS = [
    Row("layer_norm", "layer norm 4096×1024, forward and backward", "with_backward",
        ("layer_norm",), 1.1),
    Row("batch_norm", "batch norm 32×56×56×64, forward and backward", "with_backward",
        ("batch_norm",), 1.1),
    Row("max_pool", "max pool 3/2 of 32×112×112×64, forward and backward", "with_backward",
        ("max_pool",), 1.1),
    Row("adam", "Adam over 10,000,000 parameters", "adam", (10**7,), 1.0),
]  # fmt: skip

_OPERATIONS = [
    Row(f"op_{name}", title, "operation", (name,), 1.0)
    for name, title in (
        ("sort", "sort of 1,000,000 values"),
        ("argmax_1", "argmax of the rows of 1024×1024"),
        ("cumsum_1", "cumulative sum along the rows of 1024×1024"),
        ("greater", "comparison of 1024×1024 values"),
        ("fft", "1,024 Fourier transforms of 1,024 terms"),
        ("resize", "bilinear resize of 16×32×32×32 to twice the size"),
        ("to_float", "32 images of 224×224×3 from uint8 to float32"),
        ("take", "4,096 of 20,000 rows of 128"),
        ("channels_first", "16×56×56×64 to channels first"),
    )
]

# NumPy's slices are views that a C function makes in a tenth of a microsecond: no bar.
_EAGER = [
    Row(f"eager_{name}", f"eager {title}", "eager", (name,), bar)
    for name, title, bar in (
        ("index", "x[1:3] of 32×64", None),
        ("sum", "sum over an axis of 32×64", 1.0),
        ("matmul", "product of 32×64 and 64×8", 1.0),
        ("softmax", "softmax of 32×64", 1.0),
        ("split", "split of 32×64 in two", 1.0),
    )
]


def _convolutions(kind, title, floor) -> list[Row]:
    return [
        Row(f"{kind}_{c}x{size}_{filters}_{kernel}_{stride}",
            f"{title} {c}×{size}², {filters} of {kernel}×{kernel}/{stride}", kind,
            (c, size, filters, kernel, stride), floor, group=kind)
        for c, size, filters, kernel, stride in resnet50_convolutions()
    ]  # fmt: skip


_CONVOLUTIONS = [
    *_convolutions("conv", "conv2d", 0.95),
    *_convolutions("conv_grad", "conv2d backward", 1.0),
]

_MEMORY = [
    Row(f"memory_{model}", f"resident peak of fit, {title}", "memory", (model, batch), 1 / 0.8)
    for model, batch, title in (
        ("lstm", 64, "LSTM(128), batch 64"),
        ("gru", 64, "GRU(128), batch 64"),
        ("transformer", 16, "transformer block, batch 16"),
        ("skip_gram_sgd", 1024, "skip-gram SGD, batch 1,024"),
        ("skip_gram_adam", 1024, "skip-gram Adam, batch 1,024"),
        ("resnet50", 16, "ResNet-50, batch 16"),
    )
]

ROWS = [
    *_FITS,
    *_COURSES,
    *_INFERENCE,
    *_LATENCY,
    *_GEMM,
    *_FEW_ROWS,
    *_POINTWISE,
    *_LAYERS,
    *_OPERATIONS,
    *_EAGER,
    *_CONVOLUTIONS,
    *_MEMORY,
]
# Every other operation that people use: no bar of its own, measured where a pattern names it.
EVERYDAY = [
    Row(f"op_{name}", name.replace("_", " "), "operation", (name,))
    for name in OPERATIONS
    if f"op_{name}" not in {row.name for row in _OPERATIONS}
]
BY_NAME = {row.name: row for row in [*ROWS, *EVERYDAY]}
