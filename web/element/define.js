/** Defines <image-classifier>, unless the page has done so. */

import { ImageClassifierElement } from './element.js';

if (!customElements.get('image-classifier')) customElements.define('image-classifier', ImageClassifierElement);
