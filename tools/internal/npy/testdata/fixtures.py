#!/usr/bin/python3
"""Writes the .npy files of this folder with Debian's python3-numpy 1.24.2.

    /usr/bin/python3 tools/internal/npy/testdata/fixtures.py
"""

import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def save(name, array, version=(1, 0)):
    with open(HERE / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)


# The values that the tests expect: i/4 − 2.
matrix = (np.arange(24, dtype="<f4") / 4 - 2).reshape(2, 3, 4)
save("v1", matrix)
save("v2", matrix, (2, 0))
save("v3", matrix, (3, 0))
save("vector", matrix[0, 0])
save("scalar", np.array(-2, "<f4"))
save("empty", np.zeros((0, 7), "<f4"))
save("fortran", np.asfortranarray(matrix))
save("double", matrix.astype("<f8"))
save("big-endian", matrix.astype(">f4"))
save("structured", np.zeros(2, [("a", "<f4"), ("b", "<i2")]))
