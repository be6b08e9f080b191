/**
 * What can be classified, and how it is brought to where the worker takes it: a
 * file as it is, what is decoded already as a bitmap, a frame or pixels.
 */

import { arePixels, checkPixels, until } from '../shared/calls.js';
import { HamsterError } from '../shared/errors.js';
import { checkPictureSize } from '../shared/limits.js';

/**
 * @import { PixelSource } from '../shared/calls.js'
 * @import { Pixels } from '../shared/protocol.js'
 *
 * @typedef {Blob | string | URL | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | HTMLVideoElement
 *   | ImageBitmap | VideoFrame | ImageData | PixelSource | ArrayBuffer | Uint8Array} ImageSource
 */

/** Bytes and colours as they are, as in web/shared/bitmap.js. */
const exact = /** @type {const} */ ({ colorSpaceConversion: 'none', premultiplyAlpha: 'none' });

/**
 * A source as the worker takes it. What is returned is the caller's alone; the
 * source itself is left as it is. A video gives the frame that it shows now.
 *
 * @param {ImageSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob | ImageBitmap | VideoFrame | Pixels>}
 */
export async function open(source, signal) {
  if (typeof source === 'string' || isA('URL', source)) return fetchImage(String(source), signal);
  if (isA('Blob', source)) return source;
  if (source instanceof ArrayBuffer || source instanceof Uint8Array) return new Blob([/** @type {BlobPart} */ (source)]);
  if (isA('HTMLImageElement', source)) {
    await loaded(source, signal);
    return bitmapOf(source);
  }
  if (isA('HTMLVideoElement', source)) {
    await showing(source, signal);
    return bitmapOf(source);
  }
  if (isA('VideoFrame', source)) {
    if (source.format === null && source.codedWidth === 0) throw invalid('the frame is closed');
    checkPictureSize(source.displayWidth, source.displayHeight);
    return source.clone();
  }
  if (isA('HTMLCanvasElement', source) || isA('OffscreenCanvas', source) || isA('ImageBitmap', source)) {
    if (source.width === 0 || source.height === 0) throw invalid('it has no pixels');
    checkPictureSize(source.width, source.height);
    return bitmapOf(source);
  }
  if (arePixels(source)) return pixelsOf(source);
  throw invalid('an image is a File, Blob, URL, the bytes of a file, an img, canvas, video, ImageBitmap, VideoFrame or ImageData');
}

/** Gives a source back that is not needed after all. @param {Blob | ImageBitmap | VideoFrame | Pixels} image */
export function discard(image) {
  if ('close' in image) image.close();
}

/** What of it is moved to the worker and not copied. @param {Blob | ImageBitmap | VideoFrame | Pixels} image */
export function transferred(image) {
  if (image instanceof Blob) return [];
  return 'data' in image ? [image.data] : [image];
}

/** @param {string} message */
const invalid = (message) => new HamsterError('source-invalid', message);

/**
 * Whether a value is of a class of this browser, or of one of a frame's: then
 * instanceof says no.
 *
 * @template {'Blob' | 'URL' | 'HTMLImageElement' | 'HTMLCanvasElement' | 'OffscreenCanvas' | 'HTMLVideoElement' | 'ImageBitmap' | 'VideoFrame'} Name
 * @param {Name} name
 * @param {any} value
 * @returns {value is InstanceType<typeof globalThis[Name]>}
 */
function isA(name, value) {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === name || (name === 'Blob' && tag === 'File');
}

/**
 * @param {PixelSource} source
 * @returns {Pixels}
 */
function pixelsOf(source) {
  checkPixels(source);
  const { width, height, data } = source;
  return { width, height, data: /** @type {ArrayBuffer} */ (data.slice().buffer), decode: 0 };
}

/** @param {ImageBitmapSource} source */
async function bitmapOf(source) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(source, exact);
  } catch (cause) {
    throw tainted(cause) ?? invalid(`it gives no pixels: ${said(cause)}`);
  }
  try {
    checkPictureSize(bitmap.width, bitmap.height);
    return bitmap;
  } catch (error) {
    bitmap.close();
    throw error;
  }
}

/**
 * The error for pixels that another origin keeps from this page, if that is the
 * cause: a browser says so late, and differently for each kind of source.
 *
 * @param {unknown} cause
 */
export function tainted(cause) {
  return cause instanceof DOMException && (cause.name === 'SecurityError' || cause.name === 'DataCloneError')
    ? new HamsterError('image-tainted', `the picture comes from another origin without its leave (CORS): ${cause.message}`)
    : null;
}

/**
 * @param {HTMLImageElement} image
 * @param {AbortSignal} [signal]
 */
async function loaded(image, signal) {
  if (!image.currentSrc && !image.src) throw invalid('the img has no src');
  try {
    await until(image.decode(), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new HamsterError('image-unreachable', `the img shows no picture: ${said(cause)}`, { url: image.currentSrc || image.src });
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} [signal]
 */
async function showing(video, signal) {
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return;
  const failure = () => video.error
    && new HamsterError('image-unreachable', `the video does not play: ${video.error.message || `error ${video.error.code}`}`, { url: video.currentSrc });
  if (failure()) throw failure();
  if (!video.srcObject && !video.src && !video.querySelector('source')) throw invalid('the video has nothing to show');
  let stop = () => {};
  try {
    await until(new Promise((resolve, reject) => {
      const fail = () => reject(failure());
      stop = () => {
        video.removeEventListener('loadeddata', resolve);
        video.removeEventListener('error', fail);
      };
      video.addEventListener('loadeddata', resolve);
      video.addEventListener('error', fail);
    }), signal);
  } finally {
    stop();
  }
}

/**
 * @param {string} address relative to the document
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 */
async function fetchImage(address, signal) {
  let url;
  try {
    url = new URL(address, document.baseURI);
  } catch {
    throw invalid(`“${short(address)}” is no address`);
  }
  switch (url.protocol) {
    case 'data:':
      return dataOf(url.href);
    case 'http:':
    case 'https:':
    case 'blob:':
      break;
    default:
      throw invalid(`an address of an image begins with https:, http:, blob: or data:image/, and not with ${short(url.protocol)}`);
  }
  let response;
  try {
    response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new HamsterError('image-unreachable', `${short(url.href)} cannot be fetched: ${said(cause)}. Where it is another origin, that must allow it (CORS)`, { url: url.href });
  }
  throw new HamsterError('image-unreachable', `${url.href} answers with status ${response.status}`, { url: url.href, status: response.status });
}

/**
 * The file in a data: address. Fetching it would take `connect-src data:`.
 *
 * @param {string} href
 */
function dataOf(href) {
  const [, type, base64, content] = /^data:([^,;]*)(?:;(?!base64,)[^,;]*)*(;base64)?,([^#]*)/i.exec(href) ?? [];
  if (!/^image\//i.test(type ?? '')) throw invalid(`a data: address of ${short(type || 'text')} is no image`);
  try {
    const text = unescape(content);
    const bytes = base64 ? atob(text.replace(/\s/g, '')) : text;
    return new Blob([Uint8Array.from(bytes, (character) => character.charCodeAt(0))], { type });
  } catch {
    throw invalid('the data: address holds no base64');
  }
}

/**
 * Percent-escapes as bytes, each a character; decodeURIComponent would read them
 * as UTF-8.
 *
 * @param {string} text
 */
function unescape(text) {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
}

/** @param {string} text */
const short = (text) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** @param {unknown} cause */
const said = (cause) => (cause instanceof Error ? cause.message : String(cause));
