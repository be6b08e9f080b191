/** All that a model tells apart, where that is too much for a sentence: a list with a search. */

import { texts } from '../shared/texts.js';
import { announce, find, make, say } from './dom.js';

/** @import { Label } from '../shared/protocol.js' */

/** Who listens hears how many are found when the typing has paused for so long, in milliseconds. */
const pause = 700;

const place = find('all-classes', HTMLDetailsElement);
const field = find('find-class', HTMLInputElement);
const list = find('class-list');

/** @type {readonly Label[]} */
let known = [];
/** With what each is found by. None before the list is opened. @type {{ row: HTMLElement, words: string }[]} */
let rows = [];
let timer = 0;

place.addEventListener('toggle', draw);
field.addEventListener('input', () => {
  const found = search();
  clearTimeout(timer);
  timer = setTimeout(() => announce(found()), pause);
});

/** @param {readonly Label[]} labels none where a sentence has them all */
export function showClasses(labels) {
  clearTimeout(timer);
  known = labels;
  rows = [];
  list.replaceChildren();
  place.hidden = labels.length === 0;
  field.value = '';
  draw();
}

/** Many rows take their time: they are made when they are asked for. */
function draw() {
  if (!place.open || rows.length === known.length) return;
  rows = known.map(({ id, label }) => {
    const row = make('li', '', make('span', '', texts.label(label)));
    if (id !== label) row.append(make('span', 'guess-id', id));
    return { row, words: `${row.firstChild?.textContent} ${id}`.toLocaleLowerCase() };
  });
  list.append(...rows.map(({ row }) => row));
  search();
}

/** Leaves what has all that is typed in its name or id. @returns what to say of it */
function search() {
  const wanted = field.value.toLocaleLowerCase().split(/\s+/);
  let found = 0;
  for (const { row, words } of rows) {
    row.hidden = !wanted.every((word) => words.includes(word));
    if (!row.hidden) found++;
  }
  list.scrollTop = 0;
  list.hidden = found === 0;
  const all = rows.length;
  const told = () => (found === 0 ? texts.noClassFound : texts.classesFound(found, all));
  say(find('class-count'), told);
  return told;
}
