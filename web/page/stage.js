/** What is on the stage: the invitation, a photo, and over it what spoke for a class. */

import { texts } from '../shared/texts.js';
import { find, say } from './dom.js';
import { paintHeat } from '../library/heat.js';

/** @import { HeatMap } from '../library/heat.js' */

const picture = find('picture', HTMLImageElement);
const heat = find('heat', HTMLCanvasElement);
const panel = find('explaining');
const bar = find('explaining-progress', HTMLProgressElement);

/**
 * Shows a photo, or with null none.
 *
 * @param {Blob | null} image
 * @param {() => string} [name]
 * @param {boolean} [isMirrored] as a mirror shows it, where one looks at oneself
 */
export function showPicture(image, name = () => '', isMirrored = false) {
  hideHeat();
  if (picture.src) URL.revokeObjectURL(picture.src);
  if (image) picture.src = URL.createObjectURL(image);
  else picture.removeAttribute('src');
  say(picture, name, 'alt');
  picture.hidden = !image;
  for (const layer of [picture, heat]) layer.classList.toggle('is-mirrored', isMirrored);
  document.body.classList.toggle('has-picture', image !== null);
}

/** @param {boolean} over whether something to drop hangs over the page */
export function target(over) {
  document.body.classList.toggle('is-target', over);
  say(find('invitation-text'), () => (over ? texts.dropNow : texts.drop));
}

/**
 * What spoke for a class is being found out.
 *
 * @param {number} [share] how much of it is done; unknown where left out
 * @param {HeatMap} [soFar] what is known already
 */
export function explaining(share, soFar) {
  say(find('explaining-text'), () => (share === undefined ? texts.explaining : texts.explainingShare(share)));
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
  panel.hidden = false;
  if (soFar) paint(soFar);
}

/** Whether it is being found out, for so long that a bar is shown. */
export function isExplaining() {
  return !panel.hidden;
}

/** @param {HeatMap} map */
export function showHeat(map) {
  panel.hidden = true;
  paint(map);
}

/** @param {HeatMap} map */
function paint(map) {
  paintHeat(heat, map, picture.naturalWidth, picture.naturalHeight);
  heat.hidden = false;
}

export function hideHeat() {
  panel.hidden = true;
  heat.hidden = true;
}
