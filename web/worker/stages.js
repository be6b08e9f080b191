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

  /**
   * Makes a stage of its own of the end of the last one. What was done of it before
   * belongs to the stages that it was done beside.
   *
   * @param {Stage['name']} name
   * @param {number} took
   */
  split(name, took) {
    const last = this.list[this.list.length - 1];
    const part = Math.min(took, last.took);
    last.took -= part;
    this.list.push({ name, begun: last.begun + last.took, took: part });
  }
}
