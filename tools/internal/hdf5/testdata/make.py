#!/usr/bin/python3
"""Writes the HDF5 files of the tests with h5py (Debian's python3-h5py).

Usage: make.py [FOLDER]
"""

import gzip
import os
import sys
import tempfile

import h5py
import numpy as np

FOLDER = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(__file__))


def write(name, fill, libver="earliest"):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # where external data go
        path = os.path.join(folder, name)
        with h5py.File(path, "w", libver=libver) as f:
            fill(f)
        with open(path, "rb") as f:
            data = f.read()
    with open(os.path.join(FOLDER, name + ".gz"), "wb") as out:
        with gzip.GzipFile("", "wb", 9, out, mtime=0) as z:
            z.write(data)


def supported(f):
    f.attrs["fixed"] = np.array([b"alpha", b"be", b"gamma"])
    f.attrs["variable"] = [b"alpha", b"", "\u03b2\u03b3".encode()]
    f.attrs["empty"] = np.array([])
    f.attrs["number"] = 7
    f.attrs["numbers"] = [1, 2]
    f.attrs["scalar"] = b"one"
    # More messages than the first block of an object header has room for.
    for i in range(40):
        f.attrs[f"more{i}"] = np.array([b"x" * 50])
    f.attrs["last"] = np.array([b"end"])
    cube = np.arange(24, dtype="<f4").reshape(2, 3, 4) / 8 - 1
    f.create_dataset("a/b/cube", data=cube)
    f["a/scalar"] = np.float32(2.5)
    f.create_dataset("a/none", (0, 3), dtype="<f4")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, -2, 0.5], dtype="<f4"))


def many(f):
    """Names enough for a B-tree of two levels with several nodes."""
    for i in range(700):
        f.create_group(f"group_{i}")


def unsupported(f):
    f.create_dataset("chunked", data=np.zeros((4, 4), "<f4"), chunks=(2, 2))
    f.create_dataset("compressed", data=np.zeros((4, 4), "<f4"), compression="gzip")
    f.create_dataset("double", data=np.zeros(3, "<f8"))
    f.create_dataset("big_endian", data=np.zeros(3, ">f4"))
    f.create_dataset("integers", data=np.zeros(3, "<i4"))
    f.create_dataset("unwritten", (3,), dtype="<f4")
    f.create_dataset("null", data=h5py.Empty("<f4"))
    f.create_dataset("outside", data=np.zeros(3, "<f4"), external=[("other.bin", 0, 12)])
    f["soft"] = h5py.SoftLink("/double")
    f.create_group("group")


write("supported.h5", supported)
write("many.h5", many)
write("unsupported.h5", unsupported)
write("latest.h5", supported, libver="latest")
