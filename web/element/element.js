/**
 * The class of <image-classifier>, without defining it; web/element/define.js
 * does that. docs/widget.md explains it.
 */

export { ImageClassifierElement } from './image-classifier.js';
