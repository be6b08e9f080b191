/**
 * Hamster as a library: image classification in the browser, by two calls.
 * web/hamster.d.ts declares it and docs/api.md explains it.
 */

export { Classifier, load } from './library/classifier.js';
export { HamsterError } from './shared/errors.js';
