/**
 * The stages of a start as performance measures, for `hamster bench` and the
 * browser's own tools.
 *
 * @import { Stage } from '../shared/protocol.js'
 */

const seen = new Set();

/**
 * Measures each stage the first time it comes: `hamster:read` and so on. What
 * went before the worker is `hamster:page`.
 *
 * @param {(Stage | { name: 'run', begun: number, took: number })[]} stages
 */
export function mark(stages) {
  for (const { name, begun, took } of stages) {
    if (seen.has(name)) continue;
    const start = Math.max(0, begun - performance.timeOrigin);
    if (seen.size === 0) performance.measure('hamster:page', { start: 0, duration: start });
    seen.add(name);
    performance.measure(`hamster:${name}`, { start, duration: took });
  }
}
