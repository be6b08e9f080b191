/** Defines <image-classifier>, unless the page has done so or there is no page. */

import { ImageClassifierElement } from './element.js';

if (globalThis.customElements && !customElements.get('image-classifier')) customElements.define('image-classifier', ImageClassifierElement);
