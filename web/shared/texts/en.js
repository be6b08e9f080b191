/**
 * Every sentence of the page in English. What index.html shows before this file
 * arrives stands here too, under the same key as its data-text; a test compares
 * them.
 */

import { maxPixels } from '../limits.js';
import { examples, fewLabels, numbers, path, readable, sentenceCase } from './words.js';

/**
 * @import { HamsterError } from '../errors.js'
 * @import { Kept, KeptModel, Label, ModelInfo, Prediction, Progress } from '../protocol.js'
 *
 * A failure in words: what happened, and what the reader can do about it.
 * @typedef {{ title: string, hint: string }} Failure
 *
 * Why there is no picture from a camera.
 * @typedef {'refused' | 'missing' | 'busy' | 'lost' | 'insecure' | 'unknown'} CameraTrouble
 *
 * Why an address gave no photo: it is none; the page's own policy or the other
 * server's (CORS) forbids it; nothing answered, or with an error status.
 * @typedef {'invalid' | 'policy' | 'cors' | 'unreachable' | 'status'} AddressTrouble
 */

const { whole, one, megabytes, gigabytes, wholePercent, score, duration } = numbers('en');

const photos = (/** @type {number} */ n) => `${whole(n)} ${n === 1 ? 'photo' : 'photos'}`;

export const texts = {
  title: 'Hamster: what is in the photo?',
  name: 'Hamster',
  language: 'Language',
  heading: 'What is in the photo?',
  lead: 'Show Hamster a photo and it tells you what it sees.',
  noScript: 'Hamster runs in your browser and needs JavaScript for it. Please allow JavaScript for this page.',

  // Ways in.
  choose: 'Choose photos',
  drop: 'Drop photos here, or paste one',
  dropNow: 'Let go, and Hamster takes a look',
  place: 'Your photo goes here',
  takePhoto: 'Take a photo',
  live: 'Camera',
  more: 'More',
  folder: 'A folder of photos',
  paste: 'Paste from the clipboard',
  pasteHint: 'or press Ctrl+V anywhere',
  address: 'Address of a photo',
  fetch: 'Fetch',
  samples: 'Or try one',
  sampleNames: { chelsea: 'A cat', coffee: 'A cup of coffee', rocket: 'A rocket', astronaut: 'An astronaut' },
  /** @param {string} name */
  sample: (name) => `Try the sample photo: ${name}`,
  /** @param {string} name */
  photo: (name) => (name ? `Your photo, ${name}` : 'Your photo'),
  nothingToPaste: { title: 'There is no photo on the clipboard.', hint: 'Copy a picture first, then paste it here.' },
  pasteRefused: { title: 'The browser does not let Hamster look at the clipboard.', hint: 'Press Ctrl+V, or ⌘V on a Mac: that always works.' },
  unreadable: { title: 'That could not be read.', hint: 'It may have been moved, deleted or unplugged since, or not be on this device yet. Choose it anew.' },
  noPhotosThere: { title: 'There are no photos in there.', hint: 'JPEG, PNG, GIF, WebP and BMP are all fine.' },
  /**
   * @param {AddressTrouble} trouble
   * @param {string} host
   * @param {number} [status]
   * @returns {Failure}
   */
  addressFailure: (trouble, host, status) => {
    switch (trouble) {
      case 'invalid':
        return { title: 'That is no address of a photo.', hint: 'It should begin with https:// and lead to a picture.' };
      case 'policy':
        return {
          title: 'This page may not speak to other servers.',
          hint: `That is what keeps your photos here, and it goes for ${host} too. Copy the picture there and paste it here, or drag it over from its window.`,
        };
      case 'cors':
        return {
          title: `${host} did not hand the photo over.`,
          hint: 'Most servers let no other page read their photos (CORS), or nothing is there. Copy the picture and paste it here, or save it and choose the file.',
        };
      case 'status':
        return { title: 'There is no photo at that address.', hint: `${host} answered with status ${status}.` };
      case 'unreachable':
        return { title: 'That photo could not be fetched.', hint: `Nothing came from ${host}. Check the address and the connection.` };
    }
  },

  // The answer.
  guesses: 'Best guesses',
  tellsApart: 'This model tells apart',
  classesWaiting: 'A moment, it is on its way.',
  showAll: 'Show all of them',
  findClass: 'Find one',
  /**
   * @param {number} found
   * @param {number} all
   */
  classesFound: (found, all) => (found === all ? `${whole(all)} in all` : `${whole(found)} of ${whole(all)}`),
  noClassFound: 'None of that name',
  retry: 'Try again',
  notSure: 'not sure',
  /** @param {string} label */
  perhaps: (label) => `Perhaps ${label}`,
  whyHint: 'Press a guess to see why.',
  copyText: 'Copy text',
  copyJSON: 'Copy JSON',
  copied: 'Copied.',
  notCopied: 'The browser did not let Hamster copy that.',
  /** @param {string} label */
  label: (label) => sentenceCase(readable(label)),
  score,
  duration,
  /**
   * @param {string} photo
   * @param {readonly Prediction[]} predictions
   * @param {string} by model and engine
   */
  asText: (photo, predictions, by) => [
    photo || 'A photo',
    ...predictions.map(({ id, label, score: value }) => `${score(value).padStart(8)}  ${readable(label)}${id && id !== label ? ` (${id})` : ''}`),
    by,
  ].join('\n'),

  // Why.
  explaining: 'Finding out what spoke for it…',
  /** @param {number} share */
  explainingShare: (share) => `Covering one part after the other: ${wholePercent(share)}`,
  /** @param {string} label */
  explainingLong: (label) => `Finding out what spoke for ${readable(label)}. This takes a while; Escape stops it.`,
  explainingStopped: 'Stopped. Press a guess to look again.',
  stop: 'Stop',
  /** @param {string} label */
  explained: (label) => `What is bright spoke for: ${readable(label)}`,
  whyFailed: 'What spoke for it could not be found out.',

  // How it went.
  /** @param {string} note what the engine remarks on itself, in English; a detail may come after a colon */
  engineNote: (note) => note,
  howItWent: 'How it went',
  engine: 'Engine',
  threads: 'Threads',
  scaling: 'Scaling',
  decode: 'Reading',
  preprocess: 'Resizing',
  run: 'Thinking',
  modes: { keras: 'nearest pixel, as in Keras', quality: 'smooth, upright' },

  // What is going on.
  connecting: 'Waking up…',
  /** @param {Progress} progress */
  progress: ({ stage, done, total }) => {
    if (stage === 'prepare') return 'Unpacking the model…';
    if (stage === 'wait') return 'Another tab is fetching the model…';
    if (stage === 'read') return `Reading the model from this device: ${megabytes(done)} of ${megabytes(total)} MB`;
    if (!total) return `Fetching the model: ${megabytes(done)} MB`;
    return `Fetching the model: ${megabytes(done)} of ${megabytes(total)} MB`;
  },
  /** @param {Progress} progress */
  progressWithPhoto: ({ stage, done, total }) => {
    if (stage !== 'fetch' || !total) return 'Your photo is next…';
    return `Your photo is next: ${megabytes(done)} of ${megabytes(total)} MB`;
  },
  ready: 'Ready when you are.',
  looking: 'Looking closely…',
  /** @param {number} milliseconds */
  done: (milliseconds) => `Answered in ${duration(milliseconds)}.`,

  // The camera.
  cameraStarting: 'Opening the camera…',
  cameraLive: 'Looking through the camera.',
  cameraPaused: 'Paused while nobody looks.',
  freeze: 'Freeze',
  unfreeze: 'Live again',
  switchCamera: 'Switch camera',
  closeCamera: 'Close camera',
  frozen: 'A frozen moment',
  /**
   * @param {number} rate answers a second
   * @param {number} latency in milliseconds
   */
  rate: (rate, latency) => `${one(rate)} frames/s · ${duration(latency)}`,
  /** @type {(trouble: CameraTrouble) => Failure} */
  cameraFailure: (trouble) => {
    switch (trouble) {
      case 'refused':
        return { title: 'The camera was not allowed.', hint: 'The sign beside the address lets you allow it again. Photos work all the same.' };
      case 'missing':
        return { title: 'There is no camera here.', hint: 'Plug one in and try again, or choose a photo.' };
      case 'busy':
        return { title: 'The camera is busy.', hint: 'Another program may be using it. Close that one and try again.' };
      case 'lost':
        return { title: 'The camera is gone.', hint: 'It was unplugged or taken away in the middle of it. Plug it in and try again.' };
      case 'insecure':
        return { title: 'The camera needs a secure page.', hint: 'Browsers give it to pages that come over https alone.' };
      case 'unknown':
        return { title: 'The camera does not start.', hint: 'Try again, or choose a photo.' };
    }
  },

  // Many photos.
  allPhotos: 'All photos',
  resume: 'Go on',
  saveCSV: 'Save CSV',
  saveJSON: 'Save JSON',
  addPhotos: 'Add',
  closeMany: 'Close',
  filterClass: 'Show',
  filterScore: 'At least',
  sortBy: 'Order',
  everything: 'Everything',
  unsure: 'Not sure',
  failed: 'Could not be read',
  waiting: 'Still to come',
  sorts: { arrival: 'As they came', name: 'By name', label: 'By class', surest: 'Surest first', unsurest: 'Least sure first' },
  percent: wholePercent,
  /**
   * @param {string} label
   * @param {number} count
   */
  classCount: (label, count) => `${label} (${whole(count)})`,
  photos,
  noneMatches: 'None of the photos is like that.',
  /**
   * @param {number} done
   * @param {number} all
   * @param {number} left in milliseconds, 0 where it cannot be told yet
   */
  manyProgress: (done, all, left) => `${whole(done)} of ${photos(all)}${left > 1500 ? ` · about ${duration(left)} to go` : ''}`,
  /**
   * @param {number} done
   * @param {number} all
   */
  manyStopped: (done, all) => `Stopped at ${whole(done)} of ${photos(all)}.`,
  /**
   * @param {number} done
   * @param {number} failed
   * @param {number} milliseconds for each
   */
  manyDone: (done, failed, milliseconds) =>
    `${photos(done)} in ${duration(milliseconds)} each${failed ? `; ${whole(failed)} could not be read` : ''}.`,
  /** @param {number} count */
  leftOut: (count) => `${count === 1 ? '1 file was no photo' : `${whole(count)} files were no photos`} and left out.`,
  tileWaiting: 'waiting',
  /**
   * @param {string} name
   * @param {string} said
   */
  tile: (name, said) => `${name}: ${said}`,

  // Models.
  model: 'Model',
  onServer: 'On this server',
  onDevice: 'On this device',
  yourOwn: 'Your own',
  openModel: 'Open a model of your own',
  modelFile: 'ONNX file',
  labelsFile: 'Its classes, as a text file (if the model does not name them)',
  open: 'Open',
  cardClasses: 'Classes',
  cardSize: 'Size',
  cardLicence: 'Licence',
  cardSource: 'Source',
  cardInput: 'Input',
  cardOperators: 'Operators',
  notSaid: 'not said',
  /**
   * @param {number} width
   * @param {number} height
   */
  input: (width, height) => `${whole(width)} × ${whole(height)} pixels`,
  count: whole,
  /** @param {Label[]} labels */
  classes: (labels) => {
    if (labels.length <= fewLabels) return `${labels.map(({ label }) => readable(label)).join(', ')}.`;
    return `${whole(labels.length)} kinds of things, such as ${examples(labels).join(', ')}.`;
  },
  /** @param {Label[]} labels */
  areMany: (labels) => labels.length > fewLabels,

  // What is kept.
  remove: 'Remove',
  /** @param {string} name */
  removeNamed: (name) => `Remove ${name} from this device`,
  /** @param {Kept} kept */
  kept: ({ state, reason, fetched }) => {
    if (state === 'kept') return `Downloaded ${megabytes(fetched)} MB once, kept on this device.`;
    if (state === 'single') return 'This model came as one file, which is not kept: it is fetched anew each time.';
    switch (reason) {
      case 'store-full':
        return 'There is no room on this device to keep the model: it works now, and is fetched anew next time.';
      case 'store-missing':
      case 'store-refused':
        return 'This browser keeps nothing for this page: the model works now, and is fetched anew next time.';
      case 'store-blocked':
      case 'store-newer':
        return 'Another tab has another version of Hamster open. Close it and reload this one, and the model is kept.';
      default:
        return 'The model could not be kept on this device: it works now, and is fetched anew next time.';
    }
  },
  removed: 'Removed. What is loaded works until you close this page; after that it is fetched anew.',
  notRemoved: 'That could not be removed. Try again after reloading the page.',
  /** @param {Pick<KeptModel, 'name' | 'version'> & { complete?: boolean }} model */
  keptModel: ({ name, version, complete = true }) => `${readable(name) || 'A model'}${version ? ` ${version}` : ''}${complete ? '' : ' (not all of it yet)'}`,
  /** @param {number} bytes */
  size: (bytes) => `${megabytes(bytes)} MB`,
  /**
   * @param {number} usage
   * @param {number} quota
   */
  room: (usage, quota) => `Hamster takes ${megabytes(usage)} MB of the ${gigabytes(quota)} GB that this browser grants it.`,
  newVersion: 'A new version of Hamster is here.',
  reload: 'Use it now',

  // Privacy.
  privacy: 'Your photos stay here',
  privacyShort: '0 bytes of your photos have left this device',
  /** @param {number} bytes */
  sent: (bytes) => (bytes === 0 ? texts.privacyShort : `${whole(bytes)} bytes have been sent by this page`),
  /**
   * @param {number} requests
   * @param {number} bytes
   * @param {boolean} isHeard whether the worker's are among them
   */
  counted: (requests, bytes, isHeard) => `Requests of this page${isHeard ? ' and its worker' : ''} are counted as they leave: ${whole(requests)} so far${
    bytes === 0 ? ', to fetch the page and the model' : ''}. Content sent with them: ${bytes === 0 ? 'none' : `${whole(bytes)} bytes`}. ${
    isHeard ? '' : 'This browser does not tell of those of its worker. '}Copies of the page for times without a network are fetched besides.`,
  policyKnown: 'And your browser enforces this policy, whatever the page’s code says: each picture, script, request or socket goes to its own server alone. WebRTC and moves to other pages are beyond such a policy; Hamster makes neither.',
  policyOpen: 'The policy of this server lets the page speak to others too, so that it can fetch photos from there:',
  policyNone: 'This server sends no policy that would enforce it.',
  licence: 'Licence',
  notice: 'What Hamster is built from',

  // For those who listen.
  /** @param {ModelInfo} info */
  announceReady: ({ labels }) => `Ready. ${texts.tellsApart}: ${texts.classes(labels)}`,
  /**
   * @param {readonly Prediction[]} predictions
   * @param {boolean} isUnsure
   */
  announceAnswer: (predictions, isUnsure) => {
    const [best, ...rest] = predictions.map(({ label, score: value }) => `${readable(label)} ${score(value)}`);
    return `${isUnsure ? 'Not sure. ' : ''}Best guess: ${best}.${rest.length ? ` Then ${rest.join(', ')}.` : ''}`;
  },
  /** @param {Failure} failure */
  announceFailure: ({ title, hint }) => `${title} ${hint}`,

  /**
   * @param {HamsterError} error
   * @returns {Failure}
   */
  failure: (error) => {
    const { url, status, width = 0, height = 0, format = '', done = 0, total = 0 } = error.details;
    const file = path(url) || 'a file';
    switch (error.code) {
      case 'image-empty':
        return { title: 'That file is empty.', hint: 'It holds 0 bytes. Perhaps it was not copied completely; try another one.' };
      case 'image-not':
        switch (format) {
          case 'video': return { title: 'That is a video, not a photo.', hint: 'Save one picture of it, and show that; or use the camera.' };
          case 'PDF': return { title: 'That is a PDF, not a photo.', hint: 'Save the picture in it as JPEG or PNG, and show that.' };
          case 'SVG': return { title: 'That is a drawing (SVG), not a photo.', hint: 'Save it as PNG, and show that.' };
        }
        return { title: 'That is not a photo.', hint: 'Whatever its name says, the file holds no picture. JPEG, PNG, GIF, WebP and BMP are all fine.' };
      case 'image-too-large':
        return {
          title: 'That photo is too large to decode.',
          hint: `It measures ${whole(width)} × ${whole(height)} pixels; up to ${whole(maxPixels / 1e6)} megapixels work here. A smaller copy will do just as well.`,
        };
      case 'image-damaged':
        return { title: 'That photo is damaged.', hint: `It begins like a ${format} and then makes no sense. Try another copy of it.` };
      case 'image-unsupported':
        return { title: `This browser cannot open ${format} photos.`, hint: 'Save it as a JPEG or PNG, and try that.' };
      case 'image-unreachable':
        return { title: 'That photo could not be fetched.', hint: 'Check the connection and try again.' };
      case 'image-unreadable':
        return texts.unreadable;
      case 'image-invalid':
        return { title: 'That photo could not be read.', hint: sentenceCase(`${error.message}.`) };
      case 'image-tainted':
        return { title: 'That picture is another site’s, and this page may not read it.', hint: 'Its server would have to allow that (CORS). Save it on this device, and choose the file.' };
      case 'source-invalid':
        return { title: 'That is nothing Hamster can look at.', hint: sentenceCase(`${error.message}.`) };
      case 'model-missing':
        return { title: 'There is no model here yet.', hint: `The server has nothing at ${file}. If it is your own, run “hamster model get” and start it again.` };
      case 'model-unreachable':
        return {
          title: 'The model could not be fetched.',
          hint: status ? `The server answered ${file} with status ${status}. Try again in a moment.` : 'Check the connection and try again.',
        };
      case 'model-html':
        return { title: 'The server sent a web page in place of the model.', hint: `At ${file} there should be an ONNX file. The server’s settings need a look.` };
      case 'model-truncated':
        return {
          title: 'The model did not arrive whole.',
          hint: total ? `${megabytes(done)} of ${megabytes(total)} MB came. Try again.` : 'The connection broke off. Try again.',
        };
      case 'model-damaged':
        return { title: 'The model arrived damaged.', hint: `What the server sends as ${file} is not what it should be, so Hamster does not use it. Try again in a moment.` };
      case 'model-too-large':
        return { title: 'The model is too large for a browser.', hint: `It has ${megabytes(total)} MB.` };
      case 'model-not-onnx':
        return { title: 'The file is not an ONNX model.', hint: sentenceCase(`${error.message}.`) };
      case 'model-unsupported':
        return { title: 'The model needs something Hamster cannot do.', hint: sentenceCase(`${error.message}.`) };
      case 'model-invalid':
        return { title: 'The model cannot be used.', hint: sentenceCase(`${error.message}.`) };
      case 'labels-invalid':
        return { title: 'These names do not fit the model.', hint: sentenceCase(`${error.message}.`) };
      case 'engine-unsupported':
        return { title: 'This browser cannot run Hamster.', hint: 'It lacks WebAssembly or workers. A current Chrome, Edge, Firefox or Safari has them.' };
      case 'engine-missing':
        return { title: 'A part of Hamster did not arrive.', hint: `${sentenceCase(file)} is missing or broken. Try again, or reload the page.` };
      case 'engine-stopped':
        return { title: 'Hamster stopped in the middle of its work.', hint: 'Perhaps this device ran out of memory. Try again: it starts afresh.' };
      case 'store-missing':
      case 'store-refused':
      case 'store-full':
      case 'store-blocked':
      case 'store-newer':
      case 'store-failed':
        return { title: 'Nothing can be kept on this device.', hint: sentenceCase(`${error.message}.`) };
      default:
        return { title: 'Something went wrong inside Hamster.', hint: sentenceCase(`${error.message}.`) };
    }
  },
};
