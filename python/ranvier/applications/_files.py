"""Where a network's weights lie: in local folders, in Keras' cache, or downloaded once."""

from __future__ import annotations

import os
import pathlib

from ranvier.datasets._files import RemoteFile, download, find
from ranvier.errors import DataNotFoundError

HOST = "https://storage.googleapis.com/"
KERAS_APPLICATIONS = HOST + "tensorflow/keras-applications/"

CLASS_INDEX = RemoteFile(
    "imagenet_class_index.json",
    HOST + "download.tensorflow.org/data/imagenet_class_index.json",
    "md5:c2c37ea517e94d9795004a39431a14cb",
)


def remote(name, folder, digest=None, base=KERAS_APPLICATIONS) -> RemoteFile:
    """A file of weights; the digest is MD5 or SHA-256 by its length."""
    kind = {None: "", 32: "md5:", 64: "sha256:"}[digest and len(digest)]
    return RemoteFile(name, base + folder + name, kind + digest if digest else "")


def with_or_without_top(request, stem, folder, digests, suffixes=(".h5", "_notop.h5"), **kwargs):
    """The file of a model that comes in two forms.

    Args:
        request: its `include_top` chooses.
        stem: begin of the file's name.
        folder: below the host's base.
        digests: of the file with the classifier, and of the one without.
    """
    which = 0 if request.include_top else 1
    return remote(stem + suffixes[which], folder, digests[which], **kwargs)


# Endings of the first generation of files.
TF_KERNELS = (
    "_weights_tf_dim_ordering_tf_kernels.h5",
    "_weights_tf_dim_ordering_tf_kernels_notop.h5",
)


def locate(file: RemoteFile) -> pathlib.Path:
    """A file's place on this machine; fetched when it is not there.

    Raises:
        DataNotFoundError: it is nowhere and cannot be downloaded; names the ways out.
    """
    local = find(None, "models", [file.name])
    if local is not None:
        return local[0]
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    cached = pathlib.Path(home).expanduser() / "models" / file.name
    if cached.is_file():
        return cached
    try:
        return download([file], "models")[0]
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"{file.name} is not on this machine and could not be downloaded ({error}) Put the "
            f"file into the folder `models` below RANVIER_DATA or {cached.parent}; or build the "
            "model with `weights=None`, or with `weights=` the path of a file you have."
        ) from error
