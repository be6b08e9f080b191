#!/usr/bin/python3
"""Writes goldens.json: what Pillow and NumPy make of known pixels.

The tests of the Go package preprocess rebuild the same inputs and must arrive
at the same bytes. Run it from anywhere, with Debian's python3-pil and
python3-numpy:

    /usr/bin/python3 testdata/preprocess/golden.py

The result depends on nothing but the photos in ../photos. goldens.json was
made with the versions it names; newer ones are expected to agree.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
PHOTOS = HERE.parent / "photos"

# Result pictures up to this many pixels are written out whole.
WHOLE = 64

SPECS = {
    "nsfw": dict(layout="NCHW", channels="RGB", scale=[255] * 3, offset=[0] * 3),
    "keras": dict(layout="NHWC", channels="RGB", scale=[127.5] * 3, offset=[-1] * 3),
    "caffe": dict(layout="NCHW", channels="BGR", scale=[1] * 3,
                  offset=[-123.68, -116.779, -103.939]),
    "torch": dict(layout="NHWC", channels="BGR", scale=[58.395, 57.12, 57.375],
                  offset=[-2.1179039, -2.0357141, -1.8044444]),
}


def synthetic(width, height):
    """RGBA pixels with smooth and rough parts, by integers only."""
    y, x, c = np.mgrid[0:height, 0:width, 0:4].astype(np.uint64)
    noise = ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791)) >> np.uint64(5)
    slope = (x * 3 + y * 5 + c * 160) >> np.uint64(2)
    return ((slope + (noise & 63)) & 255).astype(np.uint8)


def source(case):
    """The case's picture, alpha dropped, with its EXIF orientation set."""
    if "photo" in case:
        image = Image.open(PHOTOS / case["photo"])
    else:
        image = Image.fromarray(synthetic(*case["size"]), "RGBA")
    image = image.convert("RGB")
    if case.get("orientation"):
        image.getexif()[0x0112] = case["orientation"]
    return image


def centre(image, fraction):
    """Cuts the same number of pixels off opposite sides."""
    fraction = float(np.float32(fraction))
    left, top = (min(int(n * (1 - fraction) / 2), (n - 1) // 2) for n in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def resized(case):
    image = source(case)
    if case["mode"] == "keras":
        return image.resize(tuple(case["to"]), Image.Resampling.NEAREST)
    image = ImageOps.exif_transpose(image)
    if case.get("crop"):
        image = centre(image, case["crop"])
    return image.resize(tuple(case["to"]), Image.Resampling.BILINEAR)


def tensor(pixels, spec):
    values = pixels.astype(np.float32) / np.array(spec["scale"], np.float32)
    values = values + np.array(spec["offset"], np.float32)
    assert values.dtype == np.float32
    if spec["channels"] == "BGR":
        values = values[:, :, ::-1]
    if spec["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values).astype("<f4")


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def answer(case):
    pixels = np.asarray(resized(case))
    case["rgb_sha256"] = sha256(pixels)
    height, width = pixels.shape[:2]
    if width * height <= WHOLE:
        case["rgb"] = pixels.tobytes().hex()
    else:
        spots = [(0, 0), (width - 1, 0), (width // 3, height // 2), (width - 1, height - 1)]
        case["samples"] = [[x, y, *map(int, pixels[y, x])] for x, y in spots]
    case["tensor_sha256"] = sha256(tensor(pixels, SPECS[case["spec"]]))
    return case


def cases():
    names = list(SPECS)
    count = 0

    def case(mode, **rest):
        nonlocal count
        count += 1
        return answer({"mode": mode, "spec": names[count % len(names)], **rest})

    for mode in ("keras", "quality"):
        for photo in ("chelsea.png", "coffee.png", "astronaut.png"):
            yield case(mode, photo=photo, to=[299, 299])
            yield case(mode, photo=photo, to=[224, 160])
        for size in ((1, 1), (1, 5000), (5000, 1), (299, 299), (298, 300), (300, 298),
                     (299, 17), (17, 299), (4000, 3000), (7, 3), (640, 427), (2, 2)):
            yield case(mode, size=size, to=[299, 299])
            yield case(mode, size=size, to=[5, 4])
            yield case(mode, size=size, to=[1, 1])
        for orientation in range(1, 9):
            yield case(mode, size=(37, 23), orientation=orientation, to=[13, 29])
            yield case(mode, size=(3, 5), orientation=orientation, to=[8, 7])
            yield case(mode, photo="chelsea.png", orientation=orientation, to=[299, 299])
        yield case(mode, size=(4000, 3000), orientation=6, to=[299, 299])
        yield case(mode, size=(1200, 700), orientation=7, to=[299, 299])

    for crop in (0.875, 0.9, 0.5, 0.01):
        yield case("quality", size=(101, 64), crop=crop, to=[24, 24])
        yield case("quality", size=(101, 64), orientation=8, crop=crop, to=[24, 24])
        yield case("quality", photo="coffee.png", crop=crop, to=[299, 299])
    yield case("quality", size=(1, 2), crop=0.001, to=[3, 3])


def nearest_sweep(to, last):
    """Which column NEAREST takes, for every width from 1 to last."""
    digest = hashlib.sha256()
    for n in range(1, last + 1):
        row = Image.fromarray(np.arange(n, dtype=np.int32)[None, :], "I")
        digest.update(np.asarray(row.resize((to, 1), Image.Resampling.NEAREST)).astype("<i4").tobytes())
    return {"to": to, "last": last, "sha256": digest.hexdigest()}


def bilinear_sweep(to, last):
    """One row of every width from 1 to last, resized along and across."""
    digest = hashlib.sha256()
    for n in range(1, last + 1):
        row = Image.fromarray(synthetic(n, 1), "RGBA").convert("RGB")
        digest.update(row.resize((to, 1), Image.Resampling.BILINEAR).tobytes())
        column = row.transpose(Image.Transpose.TRANSPOSE)
        digest.update(column.resize((1, to), Image.Resampling.BILINEAR).tobytes())
    return {"to": to, "last": last, "sha256": digest.hexdigest()}


def main():
    golden = {
        "made_by": f"golden.py with Pillow {PIL.__version__} and NumPy {np.__version__}",
        "synthetic_sha256": sha256(synthetic(37, 23)),
        "photos": {
            name: {"size": Image.open(PHOTOS / name).size,
                   "rgb_sha256": sha256(np.asarray(Image.open(PHOTOS / name).convert("RGB")))}
            for name in ("chelsea.png", "coffee.png", "astronaut.png")
        },
        "specs": SPECS,
        "nearest_sweeps": [nearest_sweep(299, 5000), nearest_sweep(224, 3000), nearest_sweep(7, 300)],
        "bilinear_sweeps": [bilinear_sweep(299, 1500), bilinear_sweep(224, 700), bilinear_sweep(7, 300)],
        "cases": list(cases()),
    }
    # One case a line keeps both the file small and its diffs readable.
    lines = ",\n    ".join(json.dumps(case) for case in golden.pop("cases"))
    head = json.dumps(golden, indent=2)[:-2]
    (HERE / "goldens.json").write_text(f'{head},\n  "cases": [\n    {lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
