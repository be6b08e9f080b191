import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { inspectImage, readHeader, undecodable } from '../shared/imageheader.js';

const folder = new URL('../../preprocess/imagefile/testdata/', import.meta.url);
/**
 * Written by Pillow; sizes are as stored, before any rotation.
 *
 * @type {Record<string, { size: [number, number] }>}
 */
const expected = JSON.parse(await readFile(new URL('expected.json', folder), 'utf8'));

/** @param {...(string | number[])} parts */
const blob = (...parts) => new Blob(parts.map((part) => (typeof part === 'string' ? part : new Uint8Array(part))));

/** A box of ISO/IEC 14496-12. @param {string} type @param {...Blob} parts */
function box(type, ...parts) {
  const content = new Blob(parts);
  const size = new DataView(new ArrayBuffer(4));
  size.setUint32(0, 8 + content.size);
  return new Blob([size, type, content]);
}

/** @param {string} brand */
const ftyp = (brand) => box('ftyp', blob(brand, [0, 0, 0, 0]));

/** @param {...[number, number]} sizes */
const sized = (...sizes) => box('meta', blob([0, 0, 0, 0]), box('hdlr'), box('iprp', box('ipco', ...sizes.map(
  ([width, height]) => box('ispe', blob([0, 0, 0, 0], ...[width, height].map((side) => [side >> 24, side >> 16, side >> 8, side]))),
))));

/**
 * The size header of ISO/IEC 18181-1, from its fields as their standard writes
 * them, the highest bit first: small, selector, height, ratio, selector, width.
 *
 * @param {string} small @param {string} select @param {number} height @param {number} bits
 * @param {string} ratio @param {string} selectWidth @param {number} width @param {number} widthBits
 */
function jxl(small, select, height, bits, ratio, selectWidth, width, widthBits) {
  const number = (/** @type {number} */ value, /** @type {number} */ count) => (count ? value.toString(2).padStart(count, '0') : '');
  const stream = [small, select, number(height, bits), ratio, selectWidth, number(width, widthBits)].map((field) => [...field].reverse().join('')).join('').padEnd(112, '0');
  return [0xff, 0x0a, ...(stream.match(/.{8}/g) ?? []).map((byte) => Number.parseInt([...byte].reverse().join(''), 2))];
}

describe('the header of a picture', () => {
  for (const [name, { size }] of Object.entries(expected)) {
    test(`${name} has the size that Pillow sees`, async () => {
      const header = await readHeader(new Blob([await readFile(new URL(name, folder))]));
      assert.deepEqual([header?.width, header?.height], size);
    });
  }

  /** @type {{ name: string, file: Blob, header: import('../shared/imageheader.js').ImageHeader | null }[]} */
  const cases = [
    { name: 'a text', file: blob('Dear Hamster'), header: null },
    { name: 'one byte', file: blob([0xff]), header: null },
    { name: 'HTML', file: blob('<!doctype html>'), header: null },
    { name: 'SVG', file: blob('<svg xmlns="http://www.w3.org/2000/svg"/>'), header: null },
    { name: 'PDF', file: blob('%PDF-1.7'), header: null },
    { name: 'MP4', file: blob([0, 0, 0, 32], 'ftypisom', [0, 0, 2, 0]), header: null },
    { name: 'RIFF that is no WebP', file: blob('RIFF', [0, 0, 0, 0], 'WAVEfmt '), header: null },
    { name: 'TIFF', file: blob('II', [42, 0]), header: { format: 'TIFF', width: 0, height: 0 } },
    { name: 'ICO', file: blob([0, 0, 1, 0]), header: { format: 'ICO', width: 0, height: 0 } },
    {
      name: 'AVIF of several tiles',
      file: new Blob([ftyp('avif'), sized([256, 256], [1024, 512])]),
      header: { format: 'AVIF', width: 1024, height: 512 },
    },
    {
      name: 'AVIF with its size after its pixels',
      file: new Blob([ftyp('avif'), box('mdat', blob(Array(200_000).fill(0x69))), box('free'), sized([20_000, 20_000])]),
      header: { format: 'AVIF', width: 20_000, height: 20_000 },
    },
    {
      name: 'AVIF that moves',
      file: new Blob([ftyp('avis'), ['moov', 'trak', 'mdia', 'minf', 'stbl'].reduceRight(
        (inner, name) => box(name, inner),
        box('stsd', blob(Array(8).fill(0)), box('av01', blob(Array(24).fill(0), [0x4e, 0x20, 0x4e, 0x20], Array(50).fill(0)))),
      )]),
      header: { format: 'AVIF', width: 20_000, height: 20_000 },
    },
    { name: 'AVIF whose boxes end before they are over', file: new Blob([ftyp('avif'), sized([1, 1]).slice(0, 40)]), header: { format: 'AVIF', width: 0, height: 0 } },
    { name: 'AVIF of boxes without end', file: new Blob([ftyp('avif'), blob(Array(5000).fill([0, 0, 0, 0, 0x6d, 0x65, 0x74, 0x61, 0, 0, 0, 0]).flat())]), header: { format: 'AVIF', width: 0, height: 0 } },
    {
      name: 'ICO, by the pictures in it',
      file: blob([0, 0, 1, 0, 2, 0], [16, 16, ...Array(10).fill(0), 38, 0, 0, 0], [0, 0, ...Array(10).fill(0), 78, 0, 0, 0],
        [40, 0, 0, 0, 0x2c, 1, 0, 0, 0x90, 1, 0, 0, ...Array(28).fill(0)], [0x89], 'PNG\r\n\x1a\n', [0, 0, 0, 13], 'IHDR', [0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]),
      header: { format: 'ICO', width: 20_000, height: 20_000 },
    },
    { name: 'ICO, as its directory says', file: blob([0, 0, 1, 0, 1, 0], [48, 0, ...Array(14).fill(0xff)]), header: { format: 'ICO', width: 48, height: 256 } },
    // As libjxl begins files: two bytes, then fields of bits.
    { name: 'JPEG XL', file: blob(jxl('0', '10', (20_000 - 1), 18, '000', '10', (20_000 - 1), 18)), header: { format: 'JPEG XL', width: 20_000, height: 20_000 } },
    { name: 'JPEG XL of eighths', file: blob(jxl('1', '', 31, 5, '010', '', 0, 0)), header: { format: 'JPEG XL', width: 307, height: 256 } },
    {
      name: 'JPEG XL in boxes',
      file: new Blob([blob([0, 0, 0, 12], 'JXL ', [0x0d, 0x0a, 0x87, 0x0a]), ftyp('jxl '), box('jxlp', blob([0, 0, 0, 0], jxl('0', '01', 5000 - 1, 13, '111', '', 0, 0)))]),
      header: { format: 'JPEG XL', width: 10_000, height: 5000 },
    },
    { name: 'JPEG XL that ends before its size', file: blob([0xff, 0x0a, 0]), header: { format: 'JPEG XL', width: 0, height: 0 } },
    { name: 'HEIC', file: blob([0, 0, 0, 24], 'ftypheic'), header: { format: 'HEIC', width: 0, height: 0 } },
    {
      name: 'BMP with rows from the top',
      file: blob('BM', Array(12).fill(0), [40, 0, 0, 0, 3, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
      header: { format: 'BMP', width: 3, height: 2 },
    },
    {
      name: 'BMP of OS/2',
      file: blob('BM', Array(12).fill(0), [12, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0]),
      header: { format: 'BMP', width: 3, height: 2 },
    },
    {
      name: 'JPEG with long metadata first',
      file: blob([0xff, 0xd8], ...Array(4).fill([[0xff, 0xe1, 0xff, 0xff], Array(0xfffd).fill(0)]).flat(), [0xff, 0xff, 0xc2, 0, 11, 8, 0, 5, 0, 7]),
      header: { format: 'JPEG', width: 7, height: 5 },
    },
    { name: 'JPEG that ends before its size', file: blob([0xff, 0xd8, 0xff, 0xe0, 0, 4]), header: { format: 'JPEG', width: 0, height: 0 } },
    {
      name: 'JPEG whose segments lead nowhere',
      file: blob([0xff, 0xd8], Array(20_000).fill([0xff, 0xe0, 0, 0]).flat()),
      header: { format: 'JPEG', width: 0, height: 0 },
    },
    { name: 'PNG that ends before its size', file: blob([0x89], 'PNG\r\n\x1a\n'), header: { format: 'PNG', width: 0, height: 0 } },
    { name: 'GIF that ends before its size', file: blob('GIF89a'), header: { format: 'GIF', width: 0, height: 0 } },
    { name: 'WebP that ends before its size', file: blob('RIFF', [0, 0, 0, 0], 'WEBP'), header: { format: 'WebP', width: 0, height: 0 } },
  ];
  for (const { name, file, header } of cases) {
    test(name, async () => assert.deepEqual(await readHeader(file), header));
  }
});

describe('inspecting a picture', () => {
  /** @param {number} width @param {number} height */
  const gif = (width, height) => blob('GIF89a', [width & 255, width >> 8, height & 255, height >> 8]);

  for (const [width, height, code] of /** @type {[number, number, string?][]} */ ([
    [10_000, 10_000], [10_000, 10_001, 'image-too-large'], [32_767, 1], [32_768, 1, 'image-too-large'], [1, 32_768, 'image-too-large'],
  ])) {
    test(`${width}×${height} pixels are ${code ? 'refused' : 'taken'}`, async () => {
      if (code) await assert.rejects(inspectImage(gif(width, height)), { code, details: { width, height } });
      else assert.equal((await inspectImage(gif(width, height))).format, 'GIF');
    });
  }

  test('an empty file is called empty, not no image', () => assert.rejects(inspectImage(blob()), { code: 'image-empty' }));
  test('a text is called no image', () => assert.rejects(inspectImage(blob('text')), { code: 'image-not' }));

  test('a file that is gone since it was picked is called unreadable, and not a fault of Hamster', async () => {
    const gone = Object.assign(blob('GIF89a'), { slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotFoundError')) }) });
    await assert.rejects(inspectImage(gone), { name: 'HamsterError', code: 'image-unreadable' });
  });

  test('failing to decode means damage in a common format and a lack in a rare one', () => {
    assert.equal(undecodable({ format: 'JPEG', width: 1, height: 1 }, new Error('no')).code, 'image-damaged');
    assert.equal(undecodable({ format: 'HEIC', width: 0, height: 0 }, new Error('no')).code, 'image-unsupported');
  });
});
