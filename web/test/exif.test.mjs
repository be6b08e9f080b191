import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { asStored, orientationOf } from '../shared/exif.js';
import { readHeader } from '../shared/imageheader.js';

const folder = new URL('../../preprocess/imagefile/testdata/', import.meta.url);
const open = async (/** @type {string} */ name) => new Blob([await readFile(new URL(name, folder))], { type: 'image/x-test' });
const bytesOf = async (/** @type {Blob} */ file) => Buffer.from(await file.arrayBuffer());

describe('the EXIF block of a picture', () => {
  for (const [name, format, mark] of /** @type {[string, string, string][]} */ ([
    ...[2, 3, 4, 5, 6, 7, 8].map((i) => [`rotated-${i}.jpg`, 'JPEG', 'Exif\0\0']),
    ['rotated.webp', 'WebP', 'EXIF'],
  ])) {
    test(`${name} as it is stored keeps every byte but the name of its EXIF block`, async () => {
      const before = await open(name);
      const after = await asStored(before, format);
      const [a, b] = [await bytesOf(before), await bytesOf(after)];
      const at = a.indexOf(mark, 0, 'latin1');
      assert.ok(at > 0);
      assert.equal(b.indexOf(mark, 0, 'latin1'), -1);
      assert.equal(b.length, a.length);
      assert.deepEqual([b.subarray(0, at), b.subarray(at + 4)], [a.subarray(0, at), a.subarray(at + 4)]);
      assert.equal(after.type, before.type);
      assert.deepEqual(await readHeader(after), await readHeader(before));
    });
  }

  test('rotated.png loses its eXIf chunk and nothing else', async () => {
    const before = await open('rotated.png');
    const [a, b] = [await bytesOf(before), await bytesOf(await asStored(before, 'PNG'))];
    const at = a.indexOf('eXIf') - 4;
    assert.deepEqual(b, Buffer.concat([a.subarray(0, at), a.subarray(at + 12 + a.readUInt32BE(at))]));
  });

  for (const [name, format] of [['plain.jpg', 'JPEG'], ['rgb.png', 'PNG'], ['lossless.webp', 'WebP'], ['still.gif', 'GIF'], ['rgb.bmp', 'BMP']]) {
    test(`${name} has no EXIF and stays the same file`, async () => {
      const file = await open(name);
      assert.equal(await asStored(file, format), file);
    });
  }

  for (const [name, format] of [['rotated-6.jpg', 'JPEG'], ['rotated.png', 'PNG'], ['rotated.webp', 'WebP']]) {
    test(`${name}, cut off anywhere, comes to an end`, async () => {
      const whole = await open(name);
      for (let length = 0; length < Math.min(whole.size, 400); length++) {
        await asStored(whole.slice(0, length), format);
        assert.ok([1, await orientationOf(whole, format)].includes(await orientationOf(whole.slice(0, length), format)), `at ${length}`);
      }
    });
  }

  test('tells how a browser turns it', async () => {
    for (const orientation of [2, 3, 4, 5, 6, 7, 8]) assert.equal(await orientationOf(await open(`rotated-${orientation}.jpg`), 'JPEG'), orientation);
    assert.equal(await orientationOf(await open('rotated.webp'), 'WebP'), 1, 'browsers turn none');
    for (const [name, format] of [['plain.jpg', 'JPEG'], ['rgb.png', 'PNG'], ['still.gif', 'GIF']]) assert.equal(await orientationOf(await open(name), format), 1, name);
  });

  for (const [what, bytes, orientation] of /** @type {[string, number[], number][]} */ ([
    ['big-endian', [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0], 8],
    ['out of range', [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 18, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0], 1],
    ['with its directory far beyond the end', [0x49, 0x49, 42, 0, 255, 255, 255, 255, 1, 0], 1],
    ['in no byte order', [0x4a, 0x4a, 42, 0, 8, 0, 0, 0, 1, 0], 1],
  ])) {
    test(`an orientation ${what} is ${orientation}`, async () => {
      const jpeg = [0xff, 0xd8, 0xff, 0xe1, 0, bytes.length + 8, ...Buffer.from('Exif\0\0'), ...bytes, 0xff, 0xd9];
      assert.equal(await orientationOf(new Blob([Uint8Array.from(jpeg)]), 'JPEG'), orientation);
    });
  }
});
