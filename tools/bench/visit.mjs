// The script of a peer's site: loads the reader at once, and asks it about the
// photo that the visitor picks. What it shows has the names that Hamster's page
// uses, so that one driver visits both.

/** @import { Options, Start } from './reading.mjs' */

/** @type {Options & { system: string }} */
const options = JSON.parse(document.getElementById('options')?.textContent ?? '');
const field = /** @type {HTMLInputElement} */ (document.getElementById('file'));

const loading = (async () => {
  /** @type {{ start: Start }} */
  const { start } = await import(`./readers/${options.system}.mjs`);
  return start(options);
})();

field.addEventListener('change', async () => {
  const [file] = field.files ?? [];
  const scores = Array.from(await (await loading).classify(file));
  const best = scores.indexOf(Math.max(...scores));
  const guess = document.createElement('li');
  guess.innerHTML = '<span class="guess-label"></span>';
  /** @type {HTMLElement} */ (guess.firstChild).textContent = options.labels?.[best] ?? `Class ${best}`;
  document.getElementById('guesses')?.append(guess);
  document.body.dataset.state = 'answered';
});
