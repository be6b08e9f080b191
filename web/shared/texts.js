/**
 * Every sentence of the page, in one place. A translation is another object of
 * the same shape. What index.html shows before this file arrives stands here
 * too, under the same key as its data-text; a test compares them.
 */

import { maxPixels } from './limits.js';

/**
 * @import { HamsterError } from './errors.js'
 * @import { Kept, KeptModel, Label, ModelInfo, Prediction, Progress } from './protocol.js'
 *
 * A failure in words: what happened, and what the reader can do about it.
 * @typedef {{ title: string, hint: string }} Failure
 */

const language = 'en';

const whole = new Intl.NumberFormat(language);
const one = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percentage = new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @param {number} bytes */
const megabytes = (bytes) => one.format(bytes / 1e6);

/** @param {string | undefined} url */
const path = (url) => (url ? new URL(url).pathname : 'a file');

/** @param {string} text */
const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Class names of data sets hold underscores in place of spaces.
 *
 * @param {string} label
 */
const readable = (label) => label.replaceAll('_', ' ');

/** Labels up to this number are all named at once. */
const fewLabels = 12;

export const texts = {
  title: 'Hamster: what is in the photo?',
  name: 'Hamster',
  heading: 'What is in the photo?',
  lead: 'Show Hamster a photo and it tells you what it sees. It looks right here, in your browser: no photo leaves this device.',
  choose: 'Choose a photo',
  drop: 'Drop a photo here',
  dropNow: 'Let go, and Hamster takes a look',
  place: 'Your photo goes here',
  samples: 'Or try one',
  guesses: 'Best guesses',
  waiting: 'The best guesses go here.',
  retry: 'Try again',
  tellsApart: 'This model tells apart',
  classesWaiting: 'A moment, it is on its way.',
  showAll: 'Show all of them',
  howItWent: 'How it went',
  engine: 'Engine',
  decode: 'Reading the photo',
  preprocess: 'Resizing',
  run: 'Thinking',
  noScript: 'Hamster runs in your browser and needs JavaScript for it. Please allow JavaScript for this page.',

  sampleNames: {
    chelsea: 'A cat',
    coffee: 'A cup of coffee',
    rocket: 'A rocket',
    astronaut: 'An astronaut',
  },

  modes: {
    keras: 'nearest pixel, as in Keras',
    quality: 'smooth, upright',
  },

  /** @param {string} name */
  sample: (name) => `Try the sample photo: ${name}`,
  /** @param {string} name */
  photo: (name) => (name ? `Your photo, ${name}` : 'Your photo'),

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
  lookingAtFirst: 'Looking at the first of your photos…',
  /** @param {number} milliseconds */
  done: (milliseconds) => `Answered in ${texts.duration(milliseconds)}.`,

  /** @param {string} label */
  label: (label) => sentenceCase(readable(label)),
  /** @param {number} score */
  score: (score) => {
    // What is rounded to nothing or to everything is neither.
    if (score > 0 && score < 0.0005) return `< ${percentage.format(0.001)}`;
    if (score < 1 && score >= 0.9995) return `> ${percentage.format(0.999)}`;
    return percentage.format(score);
  },
  /** @param {number} milliseconds */
  duration: (milliseconds) => (milliseconds < 995 ? `${whole.format(Math.round(milliseconds))} ms` : `${one.format(milliseconds / 1000)} s`),

  /** @param {Label[]} labels */
  classes: (labels) => {
    const names = labels.map(({ label }) => readable(label));
    if (names.length <= fewLabels) return `${names.join(', ')}.`;
    const some = [1, 2, 3, 4, 5].map((i) => names[Math.floor(i * names.length / 6)]);
    return `${whole.format(names.length)} kinds of things, such as ${some.join(', ')}.`;
  },
  /** @param {Label[]} labels */
  allClasses: (labels) => labels.map(({ label }) => readable(label)).join(' · '),
  /** @param {Label[]} labels */
  areMany: (labels) => labels.length > fewLabels,

  onDevice: 'On this device',
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
  /** @param {KeptModel} model */
  keptModel: ({ name, version, complete }) => `${readable(name) || 'A model'}${version ? ` ${version}` : ''}${complete ? '' : ' (not all of it yet)'}`,
  /** @param {number} bytes */
  size: (bytes) => `${megabytes(bytes)} MB`,
  /**
   * @param {number} usage
   * @param {number} quota
   */
  room: (usage, quota) => `Hamster takes ${megabytes(usage)} MB of the ${one.format(quota / 1e9)} GB that this browser grants it.`,
  newVersion: 'A new version of Hamster is here.',
  reload: 'Use it now',

  /** @param {ModelInfo} info */
  announceReady: ({ labels }) => `Ready. ${texts.tellsApart}: ${texts.classes(labels)}`,
  /** @param {Prediction[]} predictions */
  announceAnswer: (predictions) => {
    const [best, ...rest] = predictions.map(({ label, score }) => `${readable(label)} ${texts.score(score)}`);
    return `Best guess: ${best}. Then ${rest.join(', ')}.`;
  },
  /** @param {Failure} failure */
  announceFailure: ({ title, hint }) => `${title} ${hint}`,

  /**
   * @param {HamsterError} error
   * @returns {Failure}
   */
  failure: (error) => {
    const { url, status, width = 0, height = 0, format = '', done = 0, total = 0 } = error.details;
    switch (error.code) {
      case 'image-empty':
        return { title: 'That file is empty.', hint: 'It holds 0 bytes. Perhaps it was not copied completely; try another one.' };
      case 'image-not':
        return { title: 'That is not a photo.', hint: 'Whatever its name says, the file holds no picture. JPEG, PNG, GIF, WebP and BMP are all fine.' };
      case 'image-too-large':
        return {
          title: 'That photo is too large to decode.',
          hint: `It measures ${whole.format(width)} × ${whole.format(height)} pixels; up to ${whole.format(maxPixels / 1e6)} megapixels work here. A smaller copy will do just as well.`,
        };
      case 'image-damaged':
        return { title: 'That photo is damaged.', hint: `It begins like a ${format} and then makes no sense. Try another copy of it.` };
      case 'image-unsupported':
        return { title: `This browser cannot open ${format} photos.`, hint: 'Save it as a JPEG or PNG, and try that.' };
      case 'image-unreachable':
        return { title: 'That photo could not be fetched.', hint: 'Check the connection and try again.' };
      case 'image-invalid':
        return { title: 'That photo could not be read.', hint: sentenceCase(`${error.message}.`) };
      case 'image-tainted':
        return { title: 'That picture is another site’s, and this page may not read it.', hint: 'Its server would have to allow that (CORS). Save it on this device, and choose the file.' };
      case 'source-invalid':
        return { title: 'That is nothing Hamster can look at.', hint: sentenceCase(`${error.message}.`) };
      case 'camera-refused':
        return { title: 'The camera was not allowed.', hint: 'The sign beside the address lets you allow it again.' };
      case 'camera-missing':
        return { title: 'There is no camera here.', hint: 'Plug one in and try again, or choose a photo.' };
      case 'camera-failed':
        return { title: 'The camera does not start.', hint: sentenceCase(`${error.message}.`) };
      case 'model-missing':
        return { title: 'There is no model here yet.', hint: `The server has nothing at ${path(url)}. If it is your own, run “hamster model get” and start it again.` };
      case 'model-unreachable':
        return {
          title: 'The model could not be fetched.',
          hint: status ? `The server answered ${path(url)} with status ${status}. Try again in a moment.` : 'Check the connection and try again.',
        };
      case 'model-html':
        return { title: 'The server sent a web page in place of the model.', hint: `At ${path(url)} there should be an ONNX file. The server’s settings need a look.` };
      case 'model-truncated':
        return {
          title: 'The model did not arrive whole.',
          hint: total ? `${megabytes(done)} of ${megabytes(total)} MB came. Try again.` : 'The connection broke off. Try again.',
        };
      case 'model-damaged':
        return { title: 'The model arrived damaged.', hint: `What the server sends as ${path(url)} is not what it should be, so Hamster does not use it. Try again in a moment.` };
      case 'model-too-large':
        return { title: 'The model is too large for a browser.', hint: `It has ${megabytes(total)} MB.` };
      case 'model-not-onnx':
        return { title: 'The file is not an ONNX model.', hint: sentenceCase(`${error.message}.`) };
      case 'model-unsupported':
        return { title: 'The model needs something Hamster cannot do.', hint: sentenceCase(`${error.message}.`) };
      case 'model-invalid':
        return { title: 'The model cannot be used.', hint: sentenceCase(`${error.message}.`) };
      case 'engine-unsupported':
        return { title: 'This browser cannot run Hamster.', hint: 'It lacks WebAssembly or workers. A current Chrome, Edge, Firefox or Safari has them.' };
      case 'engine-missing':
        return { title: 'A part of Hamster did not arrive.', hint: `${path(url)} is missing or broken. Try again, or reload the page.` };
      case 'engine-stopped':
        return { title: 'Hamster stopped in the middle of its work.', hint: 'Perhaps this device ran out of memory. Try again: it starts afresh.' };
      case 'store-missing':
      case 'store-refused':
      case 'store-full':
      case 'store-blocked':
      case 'store-newer':
      case 'store-failed':
        return { title: 'Nothing can be kept on this device.', hint: sentenceCase(`${error.message}.`) };
      case 'no-model':
      case 'closed':
      case 'option-invalid':
      case 'internal':
        return { title: 'Something went wrong inside Hamster.', hint: sentenceCase(`${error.message}.`) };
    }
  },
};
