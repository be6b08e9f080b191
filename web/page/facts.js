/** How an answer came about: the stages of its time, and what ran. */

import { texts } from '../shared/texts.js';
import { find, say } from './dom.js';

/** @import { Classification } from '../shared/protocol.js' */

/** @param {Pick<Classification, 'timing' | 'environment'>} result */
export function showFacts({ timing, environment }) {
  const { decode, preprocess, run } = timing;
  const bar = find('stages');
  for (const [stage, took] of Object.entries({ decode, preprocess, run })) {
    bar.style.setProperty(`--${stage}`, String(took));
    say(find(`fact-${stage}`), () => texts.duration(took));
  }
  const { engine, threads, note } = parts(environment.backend);
  say(find('fact-engine'), () => (note ? `${engine} (${texts.engineNote(note)})` : engine));
  say(find('fact-threads'), () => texts.count(threads));
  say(find('fact-mode'), () => texts.modes[environment.mode]);
  find('facts').hidden = false;
}

export function hideFacts() {
  find('facts').hidden = true;
}

/**
 * A backend as it names itself, such as “simd, 2 threads, relaxed”, or “simd, 1
 * thread (why there is but one)”. One that does not speak of threads has one.
 *
 * @param {string} backend
 */
export function parts(backend) {
  const [, all, note = ''] = /^(.*?)(?: \((.*)\))?$/s.exec(backend) ?? ['', backend];
  const threads = /, (\d+) threads?\b/.exec(all);
  return { engine: threads ? all.replace(threads[0], '') : all, threads: Number(threads?.[1] ?? 1), note };
}
