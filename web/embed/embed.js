/**
 * The frame for sites that let no script of ours in: <image-classifier>, and the
 * messages by which the page around it is told of answers.
 *
 * Who may show the frame is the server's list (`frame-ancestors`). Who is talked
 * to is the origin in the frame's own address, which its page wrote there: what
 * comes from another is not heard, and nothing is said to another.
 */

import '../element/define.js';
import { HamsterError } from '../shared/errors.js';
import { faultOf, isOurs, message, settingsOf, version } from './protocol.js';

/**
 * @import { ImageClassifierElement } from '../element/element.js'
 * @import { Settings } from './protocol.js'
 */

const element = /** @type {ImageClassifierElement} */ (document.getElementById('classifier'));
const query = new URLSearchParams(location.search);
const partner = originOf(query.get('origin'));

/** What the page asked for last and waits for. @type {number | undefined} */
let asked;

configure(settingsOf(query));

if (partner) {
  element.addEventListener('progress', ({ detail }) => say({ type: 'progress', progress: detail }));
  element.addEventListener('ready', ({ detail }) => say({ type: 'ready', info: detail }));
  element.addEventListener('classify', ({ detail }) => answer({ type: 'result', result: detail }));
  element.addEventListener('error', ({ detail: { code, message } }) => answer({ type: 'error', error: { code, message } }));
  addEventListener('message', ({ source, origin, data }) => {
    if (source === parent && origin === partner && isOurs(data)) take(data);
  });
  new ResizeObserver(() => say({ type: 'size', height: Math.ceil(element.getBoundingClientRect().height) })).observe(element);
  say({ type: 'hello', versions: [version] });
}

/** @param {string | null} text */
function originOf(text) {
  try {
    const { origin } = new URL(text ?? '');
    return parent !== window && origin !== 'null' ? origin : '';
  } catch {
    return '';
  }
}

/** @param {any} data */
function take(data) {
  const fault = faultOf(data);
  if (fault) {
    const id = Number.isSafeInteger(data.id) ? { id: data.id } : {};
    say({ type: 'error', ...id, error: { code: 'message-invalid', message: fault } });
  } else if (data.type === 'configure') {
    configure(data.settings);
  } else {
    // One picture at a time: the one before is not looked at any more.
    if (asked !== undefined) answer({ type: 'error', error: { code: 'closed', message: 'the next picture came' } });
    asked = data.id;
    element.classify(data.image);
  }
}

/** @param {Settings} settings */
function configure({ theme, lang, ...settings }) {
  if (theme) document.documentElement.dataset.theme = theme;
  if (lang) document.documentElement.lang = element.lang = lang;
  Object.assign(element, settings);
}

/** @param {{ type: 'result', result: object } | { type: 'error', error: { code: string, message: string } }} body */
function answer(body) {
  // An attribute's fault is no answer to a picture.
  const isAnswer = body.type === 'result' || body.error.code !== 'option-invalid';
  const id = isAnswer ? asked : undefined;
  if (isAnswer) asked = undefined;
  say(id === undefined ? body : { ...body, id });
}

/** @param {any} body a Message without its head */
function say(body) {
  try {
    parent.postMessage(message(body), partner);
  } catch (thrown) {
    console.error(HamsterError.from(thrown).message); // what cannot be sent is a fault of ours
  }
}
