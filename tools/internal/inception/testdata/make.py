#!/usr/bin/python3
"""Makes an InceptionV3 weight file like those of Keras, and what it answers.

h5py writes the file and numpy runs the network, both from keras_layers.tsv,
which is Keras's own list of the layers; nothing here knows Hamster's code.
Weights are random, of few distinct values so that the file packs well.

Usage: make.py FILTERS CLASSES OUT.h5 OUT.json
FILTERS is that of the first convolution: 32 in the real network. The committed
pair: make.py 1 1000 tiny.h5 tiny.json && gzip -9n tiny.h5
The answer is to x[i] = sin(0.001 i) 0.9 over the flat array [1, 3, 299, 299].
Needs Debian's python3-h5py.
"""

import json
import os
import sys

import h5py
import numpy as np

STANDARD_FILTERS = 32


def read_layers():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras_layers.tsv")
    with open(path) as f:
        for line in f:
            name, kind, inputs, filters, window, strides, padding = line.rstrip("\n").split("\t")
            yield {
                "name": name,
                "kind": kind,
                "inputs": inputs.split(",") if inputs else [],
                "filters": int(filters or 0),
                "window": tuple(int(n) for n in window.split("x")) if window else None,
                "strides": tuple(int(n) for n in strides.split("x")) if strides else None,
                "padding": padding,
            }


def windows(x, layer, fill):
    """Pads x [H, W, C] and returns its windows [H', W', C, h, w]."""
    if layer["padding"] == "same":
        pads = []
        for size, k, s in zip(x.shape, layer["window"], layer["strides"]):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, pads + [(0, 0)], constant_values=fill)
    w = np.lib.stride_tricks.sliding_window_view(x, layer["window"], axis=(0, 1))
    return w[:: layer["strides"][0], :: layer["strides"][1]]


def main():
    first, classes, weights_path, answer_path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rng = np.random.default_rng(3)

    def draw(shape, low, high, steps=16):
        """Multiples of (high - low) / steps between low and high."""
        return (low + rng.integers(0, steps + 1, shape) * ((high - low) / steps)).astype(np.float32)

    flat = np.sin(0.001 * np.arange(3 * 299 * 299)) * 0.9
    values = {"input_1": flat.astype(np.float32).reshape(3, 299, 299).transpose(1, 2, 0).astype(np.float64)}
    weights = {}  # of each layer, in Keras's order: [(name, array)]

    for layer in read_layers():
        name, kind = layer["name"], layer["kind"]
        args = [values[i] for i in layer["inputs"]]
        weights[name] = []
        if kind == "InputLayer":
            continue
        x = args[0]
        if kind == "Conv2D":
            filters = max(1, layer["filters"] * first // STANDARD_FILTERS)
            h, w = layer["window"]
            bound = (6 / (h * w * x.shape[2])) ** 0.5
            kernel = draw((h, w, x.shape[2], filters), -bound, bound)
            weights[name] = [("kernel", kernel)]
            y = np.einsum("yxchw,hwco->yxo", windows(x, layer, 0), kernel.astype(np.float64), optimize=True)
        elif kind == "BatchNormalization":
            beta, mean = draw(x.shape[2], -0.5, 0.5), draw(x.shape[2], -0.5, 0.5)
            variance = draw(x.shape[2], 0.5, 1.5)
            weights[name] = [("beta", beta), ("moving_mean", mean), ("moving_variance", variance)]
            y = (x - mean) / np.sqrt(variance.astype(np.float64) + 1e-3) + beta
        elif kind == "Activation":
            y = np.maximum(x, 0)
        elif kind == "MaxPooling2D":
            y = windows(x, layer, -np.inf).max(axis=(3, 4))
        elif kind == "AveragePooling2D":
            y = np.nanmean(windows(x, layer, np.nan), axis=(3, 4))
        elif kind == "Concatenate":
            y = np.concatenate(args, axis=2)
        else:
            sys.exit(f"layer {name}: unknown class {kind}")
        values[name] = y

    x = values["mixed10"].mean(axis=(0, 1))
    bound = 27**0.5 / np.linalg.norm(x)  # for logits of standard deviation 3
    kernel, bias = draw((x.shape[0], classes), -bound, bound), draw(classes, -0.5, 0.5)
    weights["avg_pool"] = []
    weights["predictions"] = [("kernel", kernel), ("bias", bias)]
    logits = x @ kernel + bias
    p = np.exp(logits - logits.max())
    p /= p.sum()

    # As keras.engine.topology.save_weights_to_hdf5_group does. numpy makes
    # strings of fixed length of the lists, as h5py 2 had it do, and of an empty
    # list a float64 array.
    with h5py.File(weights_path, "w", libver="earliest") as f:
        f.attrs["layer_names"] = np.array([name.encode() for name in weights])
        f.attrs["backend"] = b"tensorflow"
        f.attrs["keras_version"] = b"2.0.5"
        for name, arrays in weights.items():
            g = f.create_group(name)
            full = [f"{name}/{kind}:0".encode() for kind, _ in arrays]
            g.attrs["weight_names"] = np.array(full)
            for path, (_, array) in zip(full, arrays):
                g.create_dataset(path.decode(), array.shape, dtype=array.dtype)[:] = array
    with open(answer_path, "w") as f:
        json.dump([float(v) for v in p], f)
        f.write("\n")


if __name__ == "__main__":
    main()
