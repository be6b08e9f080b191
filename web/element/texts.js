/**
 * What <image-classifier> says, in the language of the page around it. The page
 * of Hamster itself has sentences of its own (web/shared/texts.js): a widget has
 * less room and no say in the reader's settings.
 *
 * @import { ErrorCode } from '../shared/errors.js'
 * @import { Progress } from '../shared/protocol.js'
 *
 * @typedef {typeof english} Texts
 */

const english = {
  language: 'en',
  choose: 'Choose a photo',
  another: 'Another photo',
  drop: 'Drop a photo here',
  start: 'Start the camera',
  stop: 'Stop',
  retry: 'Try again',
  picture: 'The picture',
  camera: 'What the camera sees',
  heat: 'Bright is what spoke for the best guess',
  connecting: 'Waking up…',
  /** @param {Progress} progress */
  progress: ({ stage, done, total }) => {
    if (stage === 'wait') return 'Another tab is fetching the model…';
    if (stage === 'fetch' && total) return `Fetching the model: ${megabytes(done)} of ${megabytes(total)} MB`;
    return 'Getting ready…';
  },
  waiting: 'The best guesses go here.',
  looking: 'Looking closely…',
  best: 'Best guess',
  guesses: 'Best guesses',
  failures: {
    image: 'This picture cannot be used.',
    tainted: 'This picture may not be read from here.',
    unreachable: 'This picture could not be fetched.',
    source: 'This is no picture.',
    model: 'The model could not be loaded.',
    engine: 'This browser cannot run the recognition.',
    stopped: 'The recognition stopped. It may have run out of memory.',
    refused: 'The camera was not allowed.',
    missing: 'There is no camera here.',
    camera: 'The camera does not start.',
    other: 'Something went wrong.',
  },
};

/** @type {Texts} */
const german = {
  language: 'de',
  choose: 'Foto wählen',
  another: 'Anderes Foto',
  drop: 'Ein Foto hier ablegen',
  start: 'Kamera einschalten',
  stop: 'Ausschalten',
  retry: 'Noch einmal',
  picture: 'Das Bild',
  camera: 'Was die Kamera sieht',
  heat: 'Hell ist, was für die beste Vermutung sprach',
  connecting: 'Wacht auf…',
  progress: ({ stage, done, total }) => {
    if (stage === 'wait') return 'Ein anderer Tab holt das Modell…';
    if (stage === 'fetch' && total) return `Holt das Modell: ${megabytes(done, 'de')} von ${megabytes(total, 'de')} MB`;
    return 'Macht sich bereit…';
  },
  waiting: 'Hier stehen dann die besten Vermutungen.',
  looking: 'Sieht genau hin…',
  best: 'Beste Vermutung',
  guesses: 'Beste Vermutungen',
  failures: {
    image: 'Dieses Bild lässt sich nicht verwenden.',
    tainted: 'Dieses Bild darf von hier aus nicht gelesen werden.',
    unreachable: 'Dieses Bild ließ sich nicht holen.',
    source: 'Das ist kein Bild.',
    model: 'Das Modell ließ sich nicht laden.',
    engine: 'In diesem Browser läuft die Erkennung nicht.',
    stopped: 'Die Erkennung brach ab. Vielleicht reichte der Speicher nicht.',
    refused: 'Die Kamera wurde nicht erlaubt.',
    missing: 'Hier ist keine Kamera.',
    camera: 'Die Kamera geht nicht an.',
    other: 'Etwas ging schief.',
  },
};

const languages = [english, german];

/**
 * The texts for an element: in its own `lang` or that of what it is in, and else
 * in the reader's language.
 *
 * @param {Element} element
 * @returns {Texts}
 */
export function textsFor(element) {
  /** @type {string | null} */
  let lang = null;
  for (let at = /** @type {Element | null} */ (element); at && !lang; at = outward(at)) lang = at.closest('[lang]')?.getAttribute('lang') ?? null;
  const wanted = (lang || navigator.language || 'en').toLowerCase().split('-')[0];
  return languages.find(({ language }) => language === wanted) ?? english;
}

/** The host of the shadow tree that an element is in. @param {Element} element */
function outward(element) {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

/**
 * @param {Texts} texts
 * @param {ErrorCode} code
 */
export function failureText({ failures }, code) {
  switch (code) {
    case 'image-tainted': return failures.tainted;
    case 'image-unreachable': return failures.unreachable;
    case 'image-not':
    case 'image-empty':
    case 'source-invalid': return failures.source;
    case 'engine-stopped': return failures.stopped;
    case 'camera-refused': return failures.refused;
    case 'camera-missing': return failures.missing;
  }
  const [kind] = code.split('-');
  switch (kind) {
    case 'image':
    case 'model':
    case 'engine':
    case 'camera': return failures[kind];
  }
  return failures.other;
}

/**
 * @param {number} bytes
 * @param {string} [language]
 */
function megabytes(bytes, language = 'en') {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(bytes / 1e6);
}

/**
 * A score as a percentage; what is rounded to nothing or to everything is neither.
 *
 * @param {Texts} texts
 * @param {number} score
 */
export function percent({ language }, score) {
  const format = new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  if (score > 0 && score < 0.0005) return `< ${format.format(0.001)}`;
  if (score < 1 && score >= 0.9995) return `> ${format.format(0.999)}`;
  return format.format(score);
}

/**
 * Class names of data sets hold underscores in place of spaces.
 *
 * @param {string} label
 */
export function readable(label) {
  const words = label.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
