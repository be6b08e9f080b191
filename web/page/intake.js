/**
 * The ways in which a photo reaches the page.
 */

import { HamsterError } from '../shared/errors.js';
import { texts } from '../shared/texts.js';

/**
 * A photo as it comes in. It may still have to be fetched.
 *
 * `isFirst`: of several that came at once, for Hamster looks at one at a time.
 *
 * @typedef {{ name: string, isFirst?: boolean, open: (signal: AbortSignal) => Promise<Blob> }} Photo
 *
 * @typedef {{
 *   onphoto: (photo: Photo) => void,
 *   ontarget: (over: boolean) => void }} Handlers
 */

/** @type {{ file: string, name: string }[]} */
const samples = [
  { file: 'chelsea.jpg', name: texts.sampleNames.chelsea },
  { file: 'coffee.jpg', name: texts.sampleNames.coffee },
  { file: 'rocket.jpg', name: texts.sampleNames.rocket },
  { file: 'astronaut.jpg', name: texts.sampleNames.astronaut },
];

/** @param {Handlers} handlers */
export function takePhotos(handlers) {
  takePicked(handlers);
  takeDropped(handlers);
  offerSamples(handlers);
}

/**
 * @param {File} file
 * @returns {Photo}
 */
const ofFile = (file) => ({ name: file.name, open: async () => file });

/** @param {Handlers} handlers */
function takePicked({ onphoto }) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById('file'));
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file) onphoto(ofFile(file));
    input.value = ''; // picking the same file again counts as well
  });
}

/**
 * The whole page takes a drop, so that a near miss does not leave the page
 * for the photo.
 *
 * @param {Handlers} handlers
 */
function takeDropped({ onphoto, ontarget }) {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const holdsFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragenter', (event) => {
    if (holdsFiles(event) && ++depth === 1) ontarget(true);
  });
  addEventListener('dragleave', (event) => {
    if (holdsFiles(event) && depth > 0 && --depth === 0) ontarget(false);
  });
  addEventListener('dragover', (event) => {
    if (!event.dataTransfer || !holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', (event) => {
    depth = 0;
    ontarget(false);
    if (!event.dataTransfer || !holdsFiles(event)) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files[0]) onphoto({ ...ofFile(files[0]), isFirst: files.length > 1 });
  });
}

/** @param {Handlers} handlers */
function offerSamples({ onphoto }) {
  document.getElementById('samples')?.replaceChildren(...samples.map(({ file, name }) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'thumbnail';
    button.title = name;
    button.setAttribute('aria-label', texts.sample(name));
    const image = new Image(52, 52);
    image.src = `samples/small/${file}`;
    image.alt = '';
    button.append(image);
    button.addEventListener('click', () => onphoto({ name, open: (signal) => fetchPhoto(`samples/${file}`, signal) }));
    return button;
  }));
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
async function fetchPhoto(url, signal) {
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new HamsterError('image-unreachable', `${url}: ${cause}`, { url: new URL(url, document.baseURI).href });
  }
}
