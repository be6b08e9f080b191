/**
 * The ways in which photos reach the page: the pickers, a drop, the clipboard,
 * an address, and the samples. (The camera has a file of its own.)
 */

import { HamsterError } from '../shared/errors.js';
import { texts } from '../shared/texts.js';
import { fetchAddress } from './address.js';
import { find, make, makeButton, say } from './dom.js';
import { droppedFiles } from './folder.js';

/**
 * @import { Failure } from '../shared/texts/en.js'
 *
 * A photo as it comes in. It may still have to be fetched.
 *
 * @typedef {{ name: () => string, open: (signal?: AbortSignal) => Promise<Blob> }} Photo
 *
 * `leftOut` counts the files beside the photos that are none.
 *
 * @typedef {{
 *   onphotos: (photos: Photo[], leftOut?: number) => void,
 *   onmodel: (file: File) => void,
 *   ontrouble: (words: () => Failure, retry: (() => void) | null) => void,
 *   ontarget: (over: boolean) => void }} Handlers
 */

/** Names that photos have, for folders, which hold other things too. */
const photoName = /\.(jpe?g|jfif|png|gif|webp|bmp|avif|hei[cf]|tiff?|jxl)$/i;

const samples = /** @type {const} */ (['chelsea', 'coffee', 'rocket', 'astronaut']);

/** @param {Handlers} handlers */
export function takePhotos(handlers) {
  for (const id of ['file', 'snapshot', 'add-files']) {
    takePicked(id, (files) => handlers.onphotos(files.map(ofFile)));
  }
  takePicked('folder', (files) => takeFolder(files, handlers));
  find('folder-way').hidden = !('webkitdirectory' in HTMLInputElement.prototype);
  takeDropped(handlers);
  takePasted(handlers);
  takeAddress(handlers);
  offerSamples(handlers);
  closeByItself(find('more', HTMLDetailsElement));
}

/** @param {File} file @returns {Photo} */
const ofFile = (file) => ({ name: () => file.webkitRelativePath || file.name, open: async () => file });

/** What is there and cannot be had stands among the others, and says so. @param {string} path @returns {Photo} */
const ofUnreadable = (path) => ({
  name: () => path,
  open: async () => { throw new HamsterError('image-unreadable', `${path} cannot be read`); },
});

/**
 * @param {string} id
 * @param {(files: File[]) => void} onfiles
 */
function takePicked(id, onfiles) {
  const input = find(id, HTMLInputElement);
  input.addEventListener('change', () => {
    const files = [...input.files ?? []];
    input.value = ''; // picking the same file again counts as well
    if (files.length > 0) onfiles(files);
  });
}

/**
 * @param {File[]} files
 * @param {Handlers} handlers
 * @param {string[]} [unreadable] paths of what could not be read; a folder's ends with “/”
 */
function takeFolder(files, { onphotos, ontrouble }, unreadable = []) {
  const photos = [
    ...files.filter(({ name, type }) => type.startsWith('image/') || photoName.test(name)).map(ofFile),
    ...unreadable.filter((path) => path.endsWith('/') || photoName.test(path)).map(ofUnreadable),
  ];
  if (photos.length > 0) onphotos(photos, files.length + unreadable.length - photos.length);
  else ontrouble(() => texts.noPhotosThere, null);
}

/**
 * The whole page takes a drop, so that a near miss does not leave the page
 * for the photo.
 *
 * @param {Handlers} handlers
 */
function takeDropped(handlers) {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const isWelcome = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.some((type) => type === 'Files' || type === 'text/uri-list') ?? false;
  addEventListener('dragenter', (event) => {
    if (isWelcome(event) && ++depth === 1) handlers.ontarget(true);
  });
  addEventListener('dragleave', (event) => {
    if (isWelcome(event) && depth > 0 && --depth === 0) handlers.ontarget(false);
  });
  addEventListener('dragover', (event) => {
    if (!event.dataTransfer || !isWelcome(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', async (event) => {
    depth = 0;
    handlers.ontarget(false);
    if (!event.dataTransfer || !isWelcome(event)) return;
    event.preventDefault();
    const address = event.dataTransfer.getData('text/uri-list').split('\n').find((line) => line && !line.startsWith('#'));
    const { files, unreadable, fromFolder } = await droppedFiles(event.dataTransfer);
    const [first] = files;
    if (files.length === 1 && /\.onnx$/i.test(first.name)) handlers.onmodel(first);
    else if (fromFolder) takeFolder(files, handlers, unreadable);
    else if (first) handlers.onphotos(files.map(ofFile));
    else if (address) takeFrom(address.trim(), handlers);
  });
}

/** @param {Handlers} handlers */
function takePasted(handlers) {
  addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []];
    const text = event.clipboardData?.getData('text/plain').trim() ?? '';
    const isTyping = event.target instanceof HTMLInputElement && ['url', 'search'].includes(event.target.type);
    if (files.length > 0) handlers.onphotos(files.map(ofFile));
    else if (isTyping) return;
    else if (/^https?:\/\/\S+$/.test(text)) takeFrom(text, handlers);
    else handlers.ontrouble(() => texts.nothingToPaste, null);
    event.preventDefault();
  });
  find('paste').addEventListener('click', async () => {
    find('more', HTMLDetailsElement).open = false;
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((type) => type.startsWith('image/'));
        if (!type) continue;
        const blob = await item.getType(type);
        handlers.onphotos([{ name: () => '', open: async () => blob }]);
        return;
      }
      handlers.ontrouble(() => texts.nothingToPaste, null);
    } catch {
      handlers.ontrouble(() => texts.pasteRefused, null);
    }
  });
}

/** @param {Handlers} handlers */
function takeAddress(handlers) {
  find('address-form').addEventListener('submit', (event) => {
    event.preventDefault();
    find('more', HTMLDetailsElement).open = false;
    takeFrom(find('address', HTMLInputElement).value.trim(), handlers);
  });
}

/**
 * @param {string} address
 * @param {Handlers} handlers
 */
function takeFrom(address, { onphotos }) {
  const name = address.split(/[?#]/)[0].split('/').pop() ?? '';
  onphotos([{ name: () => name, open: (signal) => fetchAddress(address, signal) }]);
}

/** @param {Handlers} handlers */
function offerSamples({ onphotos }) {
  find('samples').replaceChildren(...samples.map((sample) => {
    const name = () => texts.sampleNames[sample];
    const button = makeButton('thumbnail', () =>
      onphotos([{ name, open: (signal) => fetchAddress(new URL(`samples/${sample}.jpg`, document.baseURI).href, signal) }]));
    say(button, name, 'title');
    say(button, () => texts.sample(name()), 'aria-label');
    const image = make('img');
    Object.assign(image, { width: 52, height: 52, alt: '', src: `samples/small/${sample}.jpg` });
    button.append(image);
    return button;
  }));
}

/** A panel that goes when the reader is done with it. @param {HTMLDetailsElement} panel */
function closeByItself(panel) {
  addEventListener('click', ({ target }) => {
    if (target instanceof Node && !panel.contains(target)) panel.open = false;
  });
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !panel.open) return;
    event.stopPropagation();
    panel.open = false;
    panel.querySelector('summary')?.focus();
  });
  // An address that is typed changes too, and its button is yet to be pressed.
  panel.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement && target.type === 'file') panel.open = false;
  });
}
