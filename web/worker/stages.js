/**
 * How long each stage of a start took. A worker's own performance entries are
 * not the page's, so they travel as data.
 *
 * @import { Stage } from '../shared/protocol.js'
 */

export class Stages {
  /** @type {Stage[]} */
  list = [];

  /**
   * @template T
   * @param {Stage['name']} name
   * @param {() => Promise<T>} work
   */
  async of(name, work) {
    const begun = performance.timeOrigin + performance.now();
    try {
      return await work();
    } finally {
      this.list.push({ name, begun, took: performance.timeOrigin + performance.now() - begun });
    }
  }
}
