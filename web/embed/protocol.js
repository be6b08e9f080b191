/**
 * What a page and Hamster's frame in it say to each other. docs/embed.md
 * explains it; a change that an older side would misread is another version.
 *
 * Every message has these three fields. The frame speaks first.
 * @typedef {{ protocol: 'hamster', version: 1, type: string }} Head
 *
 * What the frame shows; each may be missing.
 * @typedef {{ src?: string, model?: string, top?: number, explain?: boolean, webcam?: boolean, backend?: string,
 *   alt?: string, lang?: string, theme?: 'light' | 'dark' | 'auto' }} Settings
 *
 * From the page. `id` is the page's own, and comes back with the answer.
 * @typedef {Head & ({ type: 'configure', settings: Settings } | { type: 'classify', id: number, image: Blob | ImageBitmap | ImageData })} Request
 *
 * From the frame. A result or an error without an id was the reader's doing.
 * `height` is what the frame would need, in CSS pixels.
 * @typedef {Head & ({ type: 'hello', versions: number[] } | { type: 'progress', progress: object } | { type: 'ready', info: object }
 *   | { type: 'result', id?: number, result: object } | { type: 'error', id?: number, error: { code: string, message: string } }
 *   | { type: 'size', height: number })} Message
 */

export const version = 1;

/** @type {Record<string, (value: unknown) => boolean>} */
const settings = {
  src: isText,
  model: isText,
  alt: isText,
  lang: isText,
  backend: isText,
  top: (value) => Number.isInteger(value),
  explain: (value) => typeof value === 'boolean',
  webcam: (value) => typeof value === 'boolean',
  theme: (value) => ['light', 'dark', 'auto'].includes(String(value)),
};

/** Longer texts are no addresses, but for pictures in data: ones. */
const maxText = 16 << 20;

/** @param {unknown} value */
function isText(value) {
  return typeof value === 'string' && value.length <= maxText;
}

/**
 * @template {object} Body
 * @param {Body} body
 * @returns {Head & Body}
 */
export function message(body) {
  return /** @type {any} */ ({ protocol: 'hamster', version, ...body });
}

/**
 * What of a message's data may be ours: other scripts send messages as well.
 *
 * @param {any} data
 * @returns {boolean}
 */
export function isOurs(data) {
  return typeof data === 'object' && data !== null && data.protocol === 'hamster';
}

/**
 * What is wrong with a message of the page, or nothing.
 *
 * @param {any} data
 * @returns {string}
 */
export function faultOf(data) {
  if (data.version !== version) return `version ${JSON.stringify(data.version)} is not spoken here, but ${version}`;
  switch (data.type) {
    case 'configure': {
      if (typeof data.settings !== 'object' || data.settings === null) return 'settings are an object';
      const wrong = Object.keys(data.settings).find((name) => !Object.hasOwn(settings, name) || !settings[name](data.settings[name]));
      return wrong === undefined ? '' : `settings.${wrong.slice(0, 40)} is not understood`;
    }
    case 'classify':
      if (!Number.isSafeInteger(data.id)) return 'id is a whole number';
      return data.image instanceof Blob || data.image instanceof ImageBitmap || data.image instanceof ImageData
        ? '' : 'image is a Blob, an ImageBitmap or an ImageData';
  }
  return 'type is configure or classify';
}

/**
 * Settings as an address says them: /embed?top=3&webcam.
 *
 * @param {URLSearchParams} query
 * @returns {Settings}
 */
export function settingsOf(query) {
  /** @type {Record<string, unknown>} */
  const found = {};
  for (const [name, value] of query) {
    if (!Object.hasOwn(settings, name)) continue;
    const said = name === 'top' ? Number(value) : name === 'explain' || name === 'webcam' ? value !== 'false' : value;
    if (settings[name](said)) found[name] = said;
  }
  return found;
}
