"""Networks of many styles as Keras models: each function is one; `zoo.py` makes int8 files of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def plain_cnn() -> Any:
    """Convolutions, ReLU, max pools, dense layers, softmax."""
    from keras import Input, Sequential
    from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

    return Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(6, 5, padding="same", activation="relu"),
            MaxPooling2D(),
            Conv2D(16, 5, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(40, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )


def tanh_lenet() -> Any:
    """The networks of 1989 and 1998: tanh, average pools, a sigmoid at the end."""
    from keras import Input, Sequential
    from keras.layers import AveragePooling2D, Conv2D, Dense, Flatten

    return Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(4, 5, activation="tanh"),
            AveragePooling2D(2),
            Conv2D(12, 5, activation="tanh"),
            AveragePooling2D(2),
            Flatten(),
            Dense(10, activation="sigmoid"),
        ]
    )


def mlp() -> Any:
    """Dense layers alone, with batch normalization at the front, where there is nothing to fold it into."""
    from keras import Input, Sequential
    from keras.layers import BatchNormalization, Dense

    return Sequential(
        [Input((40,)), BatchNormalization(), Dense(32, activation="relu"), Dense(16, activation="tanh"), Dense(3)]
    )


def residual() -> Any:
    """ResNet's blocks: additions, strided shortcuts, global average pool."""
    from keras import Input, Model
    from keras.layers import Add, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, ReLU

    x = entry = Input((24, 24, 3))
    x = ReLU()(BatchNormalization()(Conv2D(8, 3, padding="same")(x)))
    for filters, stride in ((8, 1), (16, 2), (24, 2)):
        y = ReLU()(BatchNormalization()(Conv2D(filters, 3, stride, padding="same")(x)))
        y = BatchNormalization()(Conv2D(filters, 3, padding="same")(y))
        short = x if stride == 1 else Conv2D(filters, 1, stride)(x)
        x = ReLU()(Add()([y, short]))
    return Model(entry, Dense(10, activation="softmax")(GlobalAveragePooling2D()(x)))


def mobilenet_v1() -> Any:
    """Depthwise and pointwise convolutions with ReLU6 and explicit zero padding before the strided ones."""
    import keras

    return keras.applications.MobileNet((64, 64, 3), alpha=0.25, weights=None, classes=7)


def mobilenet_v2() -> Any:
    """Inverted residuals with linear bottlenecks."""
    import keras

    return keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, weights=None, classes=5)


def mobilenet_v3() -> Any:
    """Hard-swish, hard-sigmoid, squeeze and excitation."""
    import keras

    return keras.applications.MobileNetV3Small(
        (64, 64, 3), alpha=0.75, minimalistic=False, weights=None, classes=5, include_preprocessing=False
    )


def efficient() -> Any:
    """Swish and squeeze and excitation: LOGISTIC, MUL over channels."""
    from keras import Input, Model
    from keras.layers import (
        Activation,
        BatchNormalization,
        Conv2D,
        Dense,
        DepthwiseConv2D,
        GlobalAveragePooling2D,
        Multiply,
        Reshape,
    )

    x = entry = Input((32, 32, 3))
    x = Activation("swish")(BatchNormalization()(Conv2D(12, 3, 2, padding="same")(x)))
    for filters in (16, 24):
        x = Activation("swish")(BatchNormalization()(DepthwiseConv2D(5, 2, padding="same")(x)))
        gate = Reshape((1, 1, -1))(GlobalAveragePooling2D()(x))
        gate = Conv2D(x.shape[-1], 1, activation="sigmoid")(Conv2D(4, 1, activation="swish")(gate))
        x = BatchNormalization()(Conv2D(filters, 1)(Multiply()([x, gate])))
    return Model(entry, Dense(4, activation="softmax")(GlobalAveragePooling2D()(x)))


def shuffle() -> Any:
    """Channel split and shuffle: SPLIT, CONCATENATION, RESHAPE, TRANSPOSE, grouped convolution."""
    from keras import Input, Model, ops
    from keras.layers import Concatenate, Conv2D, Dense, DepthwiseConv2D, GlobalAveragePooling2D, Permute, Reshape

    x = entry = Input((24, 24, 3))
    x = Conv2D(16, 3, 2, padding="same", activation="relu")(x)
    for _ in range(2):
        left, right = ops.split(x, 2, axis=-1)
        right = Conv2D(8, 1, activation="relu")(DepthwiseConv2D(3, padding="same")(Conv2D(8, 1)(right)))
        x = Concatenate()([left, right])
        x = Reshape((12, 12, 16))(Permute((1, 2, 4, 3))(Reshape((12, 12, 2, 8))(x)))
    x = Conv2D(16, 3, groups=4, activation="relu")(x)
    return Model(entry, Dense(6)(GlobalAveragePooling2D()(x)))


def inception() -> Any:
    """Branches that are joined, average pool inside."""
    from keras import Input, Model
    from keras.layers import AveragePooling2D, Concatenate, Conv2D, Dense, Flatten, MaxPooling2D

    x = entry = Input((20, 20, 2))
    for _ in range(2):
        branches = [
            Conv2D(4, 1, activation="relu")(x),
            Conv2D(6, 3, padding="same", activation="relu")(Conv2D(4, 1, activation="relu")(x)),
            Conv2D(3, 5, padding="same", activation="relu")(x),
            Conv2D(3, 1, activation="relu")(AveragePooling2D(3, 1, "same")(x)),
        ]
        x = MaxPooling2D(2)(Concatenate()(branches))
    return Model(entry, Dense(5, activation="softmax")(Flatten()(x)))


def dense_net() -> Any:
    """Every layer sees all before it."""
    from keras import Input, Model
    from keras.layers import BatchNormalization, Concatenate, Conv2D, Dense, GlobalMaxPooling2D, ReLU

    x = entry = Input((16, 16, 3))
    for _ in range(4):
        y = Conv2D(6, 3, padding="same")(ReLU()(BatchNormalization()(x)))
        x = Concatenate()([x, y])
    return Model(entry, Dense(4)(GlobalMaxPooling2D()(x)))


def u_net() -> Any:
    """Segmentation: transposed convolution up, nearest and bilinear resizing, skips."""
    from keras import Input, Model
    from keras.layers import Concatenate, Conv2D, Conv2DTranspose, MaxPooling2D, UpSampling2D

    entry = Input((32, 32, 1))
    one = Conv2D(8, 3, padding="same", activation="relu")(entry)
    two = Conv2D(12, 3, padding="same", activation="relu")(MaxPooling2D(2)(one))
    three = Conv2D(16, 3, padding="same", activation="relu")(MaxPooling2D(2)(two))
    up = Conv2DTranspose(12, 2, 2, padding="same", activation="relu")(three)
    up = Conv2D(12, 3, padding="same", activation="relu")(Concatenate()([up, two]))
    up = UpSampling2D(interpolation="bilinear")(up)
    up = Conv2D(8, 3, padding="same", activation="relu")(Concatenate()([up, one]))
    fine = UpSampling2D(interpolation="nearest")(up)
    return Model(entry, Conv2D(1, 3, activation="sigmoid")(fine))


def autoencoder() -> Any:
    """Down by strides, up by transposed convolutions of odd sizes."""
    from keras import Input, Sequential
    from keras.layers import Conv2D, Conv2DTranspose

    return Sequential(
        [
            Input((20, 20, 1)),
            Conv2D(6, 3, 2, padding="same", activation="relu"),
            Conv2D(10, 3, 2, padding="valid", activation="relu"),
            Conv2DTranspose(6, 3, 2, padding="valid", activation="relu"),
            Conv2DTranspose(1, 4, 2, padding="same"),
        ]
    )


def yolo() -> Any:
    """A detector: leaky ReLU, space to depth by slices, several outputs."""
    from keras import Input, Model
    from keras.layers import Concatenate, Conv2D, LeakyReLU, MaxPooling2D, Reshape, UpSampling2D

    entry = Input((32, 32, 3))
    x = Concatenate()([entry[:, ::2, ::2], entry[:, 1::2, ::2], entry[:, ::2, 1::2], entry[:, 1::2, 1::2]])
    x = skip = LeakyReLU(0.1)(Conv2D(8, 3, padding="same")(x))
    x = LeakyReLU(0.1)(Conv2D(12, 3, padding="same")(MaxPooling2D(2)(x)))
    coarse = Conv2D(9, 1)(x)
    fine = Conv2D(9, 1)(Concatenate()([UpSampling2D()(x), skip]))
    return Model(entry, [Reshape((-1, 3))(coarse), Reshape((-1, 3))(fine)])


def ssd() -> Any:
    """Heads on several maps, joined over boxes; sigmoid scores."""
    from keras import Input, Model
    from keras.layers import Activation, Concatenate, Conv2D, Reshape, SeparableConv2D

    x = entry = Input((32, 32, 3))
    boxes, scores = [], []
    for filters in (8, 12, 16):
        x = SeparableConv2D(filters, 3, 2, padding="same", activation="relu")(x)
        boxes.append(Reshape((-1, 4))(Conv2D(8, 3, padding="same")(x)))
        scores.append(Reshape((-1, 3))(Conv2D(6, 3, padding="same")(x)))
    return Model(entry, [Concatenate(axis=1)(boxes), Activation("sigmoid")(Concatenate(axis=1)(scores))])


def keyword() -> Any:
    """Speech: a tall filter on a spectrogram, dilated 1-D convolutions."""
    from keras import Input, Sequential
    from keras.layers import BatchNormalization, Conv1D, Conv2D, Dense, Dropout, GlobalAveragePooling1D, ReLU, Reshape

    return Sequential(
        [
            Input((49, 10, 1)),
            Conv2D(8, (10, 4), (2, 2), padding="same"),
            BatchNormalization(),
            ReLU(),
            Reshape((25, 40)),
            Conv1D(12, 3, dilation_rate=2, activation="relu"),
            Conv1D(12, 3, dilation_rate=4, padding="same", activation="relu"),
            Dropout(0.2),
            GlobalAveragePooling1D(),
            Dense(12, activation="softmax"),
        ]
    )


def time_series() -> Any:
    """A sensor's window: 1-D convolutions and pools, two inputs."""
    from keras import Input, Model
    from keras.layers import Concatenate, Conv1D, Dense, Flatten, MaxPooling1D

    signal, facts = Input((64, 3), name="a"), Input((5,), name="b")
    x = MaxPooling1D(2)(Conv1D(8, 5, activation="relu")(signal))
    x = MaxPooling1D(3)(Conv1D(8, 3, padding="causal", activation="relu")(x))
    x = Concatenate()([Flatten()(x), Dense(6, activation="relu")(facts)])
    return Model([signal, facts], Dense(4, activation="softmax")(Dense(12, activation="relu")(x)))


def siamese() -> Any:
    """Two pictures through one network, and what tells them apart."""
    from keras import Input, Model, Sequential
    from keras.layers import Conv2D, Dense, GlobalAveragePooling2D, Maximum, Minimum, Subtract

    tower = Sequential([Input((12, 12, 1)), Conv2D(6, 3, activation="relu"), GlobalAveragePooling2D(), Dense(8)])
    one, other = Input((12, 12, 1), name="a"), Input((12, 12, 1), name="b")
    a, b = tower(one), tower(other)
    apart = Subtract()([Maximum()([a, b]), Minimum()([a, b])])
    return Model([one, other], [Dense(1, activation="sigmoid")(apart), a])


def attention() -> Any:
    """Spatial and channel attention by pooling over channels: MEAN, REDUCE_MAX, SUM."""
    from keras import Input, Model, ops
    from keras.layers import Concatenate, Conv2D, Dense, Flatten, MaxPooling2D

    x = entry = Input((16, 16, 3))
    x = Conv2D(8, 3, padding="same", activation="relu")(x)
    pooled = Concatenate()([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)])
    x = x * Conv2D(1, 5, padding="same", activation="sigmoid")(pooled)
    x = Conv2D(4, 3, activation="relu")(MaxPooling2D()(x))
    total = ops.sum(x, axis=(1, 2))
    return Model(entry, Dense(5)(Concatenate()([Flatten()(x), total])))


def activations() -> Any:
    """One of each that int8 has."""
    from keras import Input, Model, ops
    from keras.layers import Conv2D, Dense, Flatten, PReLU

    x = entry = Input((10, 10, 2))
    x = PReLU(shared_axes=(1, 2), alpha_initializer="uniform")(Conv2D(4, 3)(x))
    x = ops.hard_swish(Conv2D(4, 3)(x))
    x = ops.tanh(Conv2D(4, 3)(x))
    x = ops.clip(x, -1.0, 1.0)
    x = ops.relu6(Conv2D(4, 1)(x))
    return Model(entry, Dense(3, activation="softmax")(Flatten()(x)))


def padded() -> Any:
    """Padding of every kind."""
    from keras import Input, Model, ops
    from keras.layers import Conv2D, Cropping2D, DepthwiseConv2D, Flatten, ZeroPadding2D

    x = entry = Input((11, 13, 2))
    x = Conv2D(4, 3, 2)(ZeroPadding2D(((0, 1), (2, 0)))(x))
    x = DepthwiseConv2D(3, depth_multiplier=2)(ZeroPadding2D(1)(x))
    x = ops.pad(x, ((0, 0), (1, 1), (2, 2), (0, 0)), mode="reflect")
    x = Conv2D(3, 2)(ops.pad(x, ((0, 0), (1, 0), (0, 0), (0, 1)), mode="symmetric"))
    x = ops.pad(Cropping2D(1)(x), ((0, 0), (0, 1), (1, 0), (0, 0)), constant_values=1.0)
    return Model(entry, Flatten()(x))


def shapes() -> Any:
    """Movement of values: stack, unstack, take, tile, transpose, roll by slices."""
    from keras import Input, Model, ops
    from keras.layers import Dense, Flatten

    x = entry = Input((6, 4, 3))
    rows = ops.unstack(x, axis=1)
    x = ops.stack([rows[i] for i in (5, 0, 3)], axis=2)
    x = ops.tile(ops.transpose(x, (0, 3, 1, 2)), (1, 1, 2, 1))
    x = ops.take(x, np.array([2, 0]), axis=1)
    x = ops.concatenate([x[:, :, 1:], x[:, :, :1]], axis=2)
    x = ops.squeeze(ops.expand_dims(x, 1), 1)
    return Model(entry, Dense(4)(Flatten()(x)))


def token_mixer() -> Any:
    """An MLP-mixer's block: transposes around dense layers over another axis."""
    from keras import Input, Model
    from keras.layers import Add, Dense, GlobalAveragePooling1D, Permute, Reshape

    entry = Input((16, 12))
    x = Dense(12, activation="relu")(entry)
    y = Permute((2, 1))(Dense(16, activation="relu")(Permute((2, 1))(x)))
    x = Add()([x, y])
    return Model(entry, Dense(3)(GlobalAveragePooling1D()(Reshape((8, 24))(x))))


def classes() -> Any:
    """The class's number as an output: ARG_MAX."""
    import tensorflow as tf
    from keras import Input, Model
    from keras.layers import Conv2D, Dense, Flatten, Lambda

    entry = Input((9, 9, 1))
    scores = Dense(6)(Flatten()(Conv2D(3, 3, activation="relu")(entry)))
    best = Lambda(lambda x: tf.argmax(x, axis=-1, output_type=tf.int32))(scores)
    return Model(entry, [scores, best])


NETWORKS: tuple[Callable[[], Any], ...] = (
    plain_cnn, tanh_lenet, mlp, residual, mobilenet_v1, mobilenet_v2, mobilenet_v3, efficient, shuffle, inception,
    dense_net, u_net, autoencoder, yolo, ssd, keyword, time_series, siamese, attention, activations, padded, shapes,
    token_mixer, classes,
)  # fmt: skip
