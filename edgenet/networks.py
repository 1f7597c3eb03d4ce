"""Networks: functions that return an untrained keras.Model. Only Keras, so that any Keras backend can train them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgenet.errors import RecipeError


def small_cnn(input_shape: Sequence[int], classes: int) -> Any:
    """Five 3x3 convolutions, strides instead of pools, global average, one dense layer: the default for 28x28 digits.

    Input float32 (N, H, W, C) in 0..1, output float32 (N, classes), probabilities. The first layer is the widest in
    bytes (H * W * 8) and decides the arena; strides keep the layer after it a quarter of that.
    """
    import keras

    x = inputs = keras.Input(tuple(input_shape), name="image")
    for index, (filters, strides) in enumerate([(8, 1), (16, 2), (24, 1), (32, 2), (40, 1)], 1):
        x = keras.layers.Conv2D(filters, 3, strides, "same", use_bias=False, name=f"conv{index}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    x = keras.layers.Dropout(0.1, name="dropout")(x)
    x = keras.layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(x), name="small_cnn")


def lenet5(input_shape: Sequence[int], classes: int) -> Any:
    """LeNet-5 with ReLU and max pools: conv 6, pool, conv 16, pool, dense 120, 84, classes.

    Input float32 (N, H, W, C) in 0..1, output float32 (N, classes), probabilities.
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998, section II.
    Its tanh, trainable pools and radial output became ReLU, max pool and softmax, as is usual today.
    """
    import keras

    x = inputs = keras.Input(tuple(input_shape), name="image")
    x = keras.layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = keras.layers.Conv2D(16, 5, activation="relu", name="conv2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(120, activation="relu", name="dense1")(x)
    x = keras.layers.Dense(84, activation="relu", name="dense2")(x)
    x = keras.layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(x), name="lenet5")


NETWORKS: dict[str, Callable[[Sequence[int], int], Any]] = {"small_cnn": small_cnn, "lenet5": lenet5}


def build_network(name: str, input_shape: Sequence[int], classes: int) -> Any:
    """The untrained keras.Model of that name.

    Raises:
        RecipeError: there is no such network.
    """
    if name not in NETWORKS:
        raise RecipeError(f"network {name!r} is unknown. Choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name](input_shape, classes)
