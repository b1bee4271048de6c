"""VGG for small grey faces, as a list of blocks of 3x3 convolutions."""

from collections.abc import Sequence
from typing import Any

from trainer.backend import batch_norm, data_format

NETWORKS: dict[str, tuple[tuple[int, ...], ...]] = {
    # The original notebook's stack, with global pooling in place of its dense layers.
    "notebook": ((64, 64), (128, 128), (256, 256), (512, 512)),
    # The original notebook's stack as it was, with three dense layers (their widths are not known, only their number).
    "notebook_dense": ((64, 64), (128, 128), (256, 256), (512, 512)),
    # Configuration A of Simonyan and Zisserman 2014. Its fifth pooling would leave 1x1 of 48x48, and
    # global pooling follows anyway, so the last block is not pooled.
    "vgg11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
}
POOLS = 4

# Hidden dense layers before the last one, in place of global pooling. Such a network has one size of faces.
DENSE: dict[str, tuple[int, ...]] = {"notebook_dense": (512, 256)}

# Mean and spread of the training faces' grey values: inputs stay 0..255, the graph normalises them.
GREY_MEAN, GREY_SPREAD = 129.0, 65.0


def build_network(name: str, classes: int, dropout: float = 0.0, side: int | None = None, seed: int = 0) -> Any:
    """Build a network for training, with batch norm and logits at its end.

    Takes grey faces (N, side, side, 1), values 0..255; gives logits (N, classes), float32. A side of
    None takes any multiple of 16, which a network with hidden dense layers cannot. Raises KeyError for
    a name that is not in NETWORKS.
    """
    import keras

    keras.utils.set_random_seed(seed)
    faces = keras.Input((side, side, 1), dtype="float32", name="faces")
    x = rescaling()(faces)
    order = data_format()
    if order == "channels_first":
        x = keras.layers.Permute((3, 1, 2), name=order)(x)
    for number, filters in enumerate(NETWORKS[name], start=1):
        x = _block(x, number, filters, order, pool=number <= POOLS)
    ending = keras.layers.Flatten if name in DENSE else keras.layers.GlobalAveragePooling2D
    x = ending(data_format=order, name="flat" if name in DENSE else "pool")(x)
    for number, width in enumerate(DENSE.get(name, ()), start=1):
        x = keras.layers.Dense(width, use_bias=False, kernel_initializer="he_normal", name=f"dense{number}")(x)
        x = batch_norm(f"dense{number}_norm")(x)
        x = keras.layers.Activation("relu", name=f"dense{number}_relu")(x)
        x = keras.layers.Dropout(dropout, seed=seed + number, name=f"dense{number}_dropout")(x)
    x = keras.layers.Dropout(dropout if name not in DENSE else 0.0, seed=seed, name="dropout")(x)
    logits = keras.layers.Dense(classes, dtype="float32", kernel_initializer="zeros", name="logits")(x)
    return keras.Model(faces, logits, name=f"{name}")


def rescaling() -> Any:
    """The layer that turns grey values 0..255 into numbers around 0; always float32, bf16 is too coarse."""
    import keras

    return keras.layers.Rescaling(1 / GREY_SPREAD, offset=-GREY_MEAN / GREY_SPREAD, dtype="float32", name="rescaling")


def _block(x: Any, number: int, filters: Sequence[int], order: str, pool: bool) -> Any:
    import keras

    for index, width in enumerate(filters, start=1):
        # No bias: batch norm has its own.
        convolution = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=False,
            data_format=order,
            kernel_initializer="he_normal",
            name=f"block{number}_conv{index}",
        )
        x = convolution(x)
        x = batch_norm(f"block{number}_norm{index}")(x)
        x = keras.layers.Activation("relu", name=f"block{number}_relu{index}")(x)
    if pool:
        x = keras.layers.MaxPooling2D(2, data_format=order, name=f"block{number}_pool")(x)
    return x


def flops_per_face(name: str, side: int, classes: int) -> int:
    """Floating point operations for one face (two for each multiply and add of the layers with weights)."""
    total, channels, side_now = 0, 1, side
    for number, filters in enumerate(NETWORKS[name], start=1):
        for width in filters:
            total += 2 * side_now * side_now * 9 * channels * width
            channels = width
        side_now = side_now // 2 if number <= POOLS else side_now
    before = channels * side_now * side_now if name in DENSE else channels
    for width in (*DENSE.get(name, ()), classes):
        total += 2 * before * width
        before = width
    return total
