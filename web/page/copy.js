/** The answer on the clipboard, for people and for programs. */

import { texts } from '../shared/texts.js';
import { announce, find, say } from './dom.js';

/** @import { Classification } from '../shared/protocol.js' */

/** How long the button says that it is done, in milliseconds. */
const noticeTime = 1500;

/** @param {() => { name: string, result: Classification } | null} answer what is shown now */
export function copyAs(answer) {
  offer('copy-text', () => texts.copyText, ({ name, result: { predictions, environment } }) =>
    texts.asText(name, predictions, `${environment.model} · ${environment.backend} · ${texts.modes[environment.mode]}`));
  offer('copy-json', () => texts.copyJSON, ({ name, result }) => JSON.stringify({ photo: name, ...result }, null, 2));

  /**
   * @param {string} id
   * @param {() => string} label
   * @param {(answer: { name: string, result: Classification }) => string} write
   */
  function offer(id, label, write) {
    const button = find(id);
    button.addEventListener('click', async () => {
      const shown = answer();
      if (!shown) return;
      let words = () => texts.copied;
      try {
        await navigator.clipboard.writeText(write(shown));
      } catch {
        words = () => texts.notCopied;
      }
      say(button, words);
      announce(words());
      setTimeout(() => say(button, label), noticeTime);
    });
  }
}
