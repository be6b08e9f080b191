#!/usr/bin/python3
"""Writes small image files of every kind that imagefile reads, and what
Pillow sees in them.

    /usr/bin/python3 preprocess/imagefile/testdata/fixtures.py

Made with Debian's python3-pil 9.4.0. Go has no encoder for WebP or CMYK JPEG,
and files written by the library under test would prove little.
"""

import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
expected = {}


def pixels(width, height, rough=True):
    y, x, c = np.mgrid[0:height, 0:width, 0:4]
    if rough:
        return ((x * 37 + y * 59 + c * 83 + x * y * 7) % 256).astype(np.uint8)
    return (40 + x * 5 + y * 3 + c * 30).clip(0, 255).astype(np.uint8)


def expect(name, image, orientation=1, tolerance=0):
    rgba = np.asarray(image.convert("RGBA"))
    expected[name] = {
        "format": {"jpg": "jpeg"}.get(name.rsplit(".")[-1], name.rsplit(".")[-1]),
        "size": [rgba.shape[1], rgba.shape[0]],
        "orientation": orientation,
        "tolerance": tolerance,
        "rgba": rgba.tobytes().hex(),
    }


def save(name, image, orientation=1, tolerance=0, **options):
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    image.save(HERE / name, **options)
    expect(name, Image.open(HERE / name), orientation, tolerance)


def png(name, width, height, depth, colour, rows, extra=()):
    """A PNG that Pillow does not write, by hand."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    body = b"".join(b"\0" + row for row in rows)
    (HERE / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
        + b"".join(chunk(*e) for e in extra) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


def main():
    rough = Image.fromarray(pixels(7, 5), "RGBA")
    rgb = rough.convert("RGB")
    smooth = Image.fromarray(pixels(24, 18, rough=False), "RGBA").convert("RGB")

    save("rgb.png", rgb)
    save("rgba.png", rough)
    save("grey.png", rgb.convert("L"))
    save("grey-alpha.png", rough.convert("LA"))
    save("palette.png", rgb.quantize(9))
    save("palette-transparent.png", rgb.quantize(9), transparency=3)
    save("bilevel.png", rgb.convert("1"))
    save("rotated.png", rgb, orientation=6)
    deep = np.asarray(rough).astype(np.uint16) * 256 + 99
    png("deep.png", 7, 5, 16, 6, [row.astype(">u2").tobytes() for row in deep])
    expect("deep.png", rough)
    png("deep-opaque.png", 7, 5, 16, 2, [row[:, :3].astype(">u2").tobytes() for row in deep])
    expect("deep-opaque.png", rgb)
    png("deep-grey.png", 7, 5, 16, 0, [row[:, 0].astype(">u2").tobytes() for row in deep])
    expect("deep-grey.png", rough.getchannel("R"))

    save("rgb.bmp", rgb)
    save("palette.bmp", rgb.quantize(9))
    save("grey.bmp", rgb.convert("L"))

    save("still.gif", rgb.quantize(9))
    frames = [rgb.quantize(9), Image.new("RGB", (7, 5), "red").quantize(2)]
    save("animated.gif", frames[0], save_all=True, append_images=frames[1:])
    # A frame at (2, 1) that covers a part of the 7×5 canvas.
    patch = Image.new("P", (3, 2))
    patch.putpalette([9, 99, 199] + [0] * 9)
    patch.save(HERE / "offset.gif")
    small = bytearray((HERE / "offset.gif").read_bytes())
    small[6:10] = struct.pack("<HH", 7, 5)
    at = small.index(b",\0\0\0\0\x03\0\x02\0")
    small[at + 1:at + 5] = struct.pack("<HH", 2, 1)
    (HERE / "offset.gif").write_bytes(small)
    canvas = Image.new("RGBA", (7, 5), (0, 0, 0, 0))
    canvas.paste((9, 99, 199, 255), (2, 1, 5, 3))
    expect("offset.gif", canvas)

    save("lossless.webp", rgb, lossless=True)
    save("lossless-alpha.webp", rough, lossless=True, exact=True)
    save("lossy.webp", smooth, quality=95)
    with_alpha = smooth.copy()
    with_alpha.putalpha(Image.fromarray(pixels(24, 18)[:, :, 0] | 1))
    save("lossy-alpha.webp", with_alpha, quality=95, exact=True)
    save("rotated.webp", rgb, orientation=8, lossless=True)
    save("animated.webp", rgb, save_all=True, append_images=[Image.new("RGB", (7, 5), "red")], lossless=True)
    expect("animated.webp", rgb)
    save("animated-alpha.webp", with_alpha, save_all=True,
         append_images=[Image.new("RGBA", (24, 18), "red")], quality=95, exact=True)

    save("plain.jpg", smooth, tolerance=3, quality=95, subsampling=0)
    save("subsampled.jpg", smooth, tolerance=8, quality=95, subsampling=2)
    save("progressive.jpg", smooth, tolerance=8, quality=95, progressive=True)
    save("grey.jpg", smooth.convert("L"), tolerance=2, quality=95)
    save("cmyk.jpg", smooth.convert("CMYK"), tolerance=4, quality=98)
    for orientation in range(2, 9):
        save(f"rotated-{orientation}.jpg", smooth, orientation, tolerance=8, quality=80)

    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in expected.items())
    (HERE / "expected.json").write_text(f"{{\n  {lines}\n}}\n")


if __name__ == "__main__":
    main()
