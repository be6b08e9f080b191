import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { asStored } from '../shared/asstored.js';
import { readHeader } from '../shared/imageheader.js';

const folder = new URL('../../preprocess/imagefile/testdata/', import.meta.url);
const open = async (/** @type {string} */ name) => new Blob([await readFile(new URL(name, folder))], { type: 'image/x-test' });
const bytesOf = async (/** @type {Blob} */ file) => Buffer.from(await file.arrayBuffer());

describe('a picture as it is stored', () => {
  for (const [name, format, mark] of /** @type {[string, string, string][]} */ ([
    ...[2, 3, 4, 5, 6, 7, 8].map((i) => [`rotated-${i}.jpg`, 'JPEG', 'Exif\0\0']),
    ['rotated.webp', 'WebP', 'EXIF'],
  ])) {
    test(`${name} keeps every byte but the name of its EXIF block`, async () => {
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
      for (let length = 0; length < Math.min(whole.size, 400); length++) await asStored(whole.slice(0, length), format);
    });
  }
});
