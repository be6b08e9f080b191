import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Batch } from '../page/batch.js';

/** @import { Choice, Item } from '../page/batch.js' */

/** @param {string} name */
const photo = (name) => ({ name: () => name, open: async () => new Blob() });

/**
 * A batch whose photos are called by what they show and how surely:
 * `cat 0.9`, or `broken` or `trouble`.
 *
 * @param {(item: Item, signal: AbortSignal) => Promise<void>} [wait]
 */
function batch(wait = async () => {}) {
  /** @type {string[]} */
  const looked = [];
  let isTrouble = true;
  const made = new Batch({
    look: async (item, signal) => {
      const name = item.photo.name();
      looked.push(name);
      await wait(item, signal);
      signal.throwIfAborted();
      if (name === 'broken' || (name === 'trouble' && isTrouble)) throw new Error(name);
      const [label, score] = name.split(' ');
      return /** @type {any} */ ({ predictions: [{ index: 0, id: label, label, score: Number(score) }, { index: 1, id: 'x', label: 'x', score: 0 }], timing: {}, environment: {} });
    },
    fails: (error) => (/** @type {Error} */ (error).message === 'broken' ? () => 'It is broken.' : null),
    onitem: () => {},
    onstate: () => {},
    ontrouble: () => { isTrouble = false; },
  });
  return { batch: made, looked };
}

/** @param {Batch} batch */
const states = ({ items }) => items.map(({ state }) => state).join(' ');

/** @param {Batch} batch */
async function finished(batch) {
  while (batch.isRunning) await new Promise((resolve) => setTimeout(resolve));
}

describe('many photos', () => {
  test('are looked at one after the other, and a broken one does not keep the others', async () => {
    const { batch: b, looked } = batch();
    b.add(['cat 0.9', 'broken', 'dog 0.8'].map(photo));
    assert.equal(states(b), 'looking waiting waiting');
    await finished(b);
    assert.equal(states(b), 'done failed done');
    assert.equal(b.items[1].error(), 'It is broken.');
    assert.deepEqual(looked, ['cat 0.9', 'broken', 'dog 0.8']);
    assert.deepEqual([b.done, b.failed], [3, 1]);
  });

  test('stop, and go on where they stopped', async () => {
    const { batch: b, looked } = batch(async (item) => {
      if (item.number === 1 && !looked.includes('stopped')) {
        looked.push('stopped');
        b.stop();
      }
    });
    b.add(['cat 0.9', 'dog 0.8', 'cat 0.7'].map(photo));
    await finished(b);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(states(b), 'done waiting waiting');
    b.start();
    await finished(b);
    assert.equal(states(b), 'done done done');
    assert.deepEqual(looked, ['cat 0.9', 'dog 0.8', 'stopped', 'dog 0.8', 'cat 0.7']);
  });

  test('what is not a photo’s fault stops them all, and the photo is tried again', async () => {
    const { batch: b } = batch();
    b.add(['cat 0.9', 'trouble', 'dog 0.8'].map(photo));
    await finished(b);
    assert.equal(states(b), 'done waiting waiting');
    b.start();
    await finished(b);
    assert.equal(states(b), 'done done done');
  });

  test('are counted by class, the most frequent first', async () => {
    const { batch: b } = batch();
    b.add(['cat 0.9', 'dog 0.8', 'dog 0.3', 'broken'].map(photo));
    await finished(b);
    assert.deepEqual(b.summary().map(({ label, count }) => `${label} ${count}`), ['dog 2', 'cat 1']);
  });

  /** @type {[string, Choice, string][]} */
  const choices = [
    ['everything', { what: '', atLeast: 0, order: 'arrival' }, 'dog 0.8, cat 0.9, broken, cat 0.3, ant 0.6'],
    ['one class', { what: 'label:cat', atLeast: 0, order: 'arrival' }, 'cat 0.9, cat 0.3'],
    ['one class, and surely', { what: 'label:cat', atLeast: 0.5, order: 'arrival' }, 'cat 0.9'],
    ['the sure ones', { what: '', atLeast: 0.7, order: 'arrival' }, 'dog 0.8, cat 0.9'],
    ['the unsure ones', { what: 'unsure', atLeast: 0, order: 'arrival' }, 'cat 0.3'],
    ['those that failed', { what: 'failed', atLeast: 0, order: 'arrival' }, 'broken'],
    ['none that waits', { what: 'waiting', atLeast: 0, order: 'arrival' }, ''],
    ['by name', { what: '', atLeast: 0, order: 'name' }, 'ant 0.6, broken, cat 0.3, cat 0.9, dog 0.8'],
    ['by class, the surest of each first', { what: '', atLeast: 0, order: 'label' }, 'ant 0.6, cat 0.9, cat 0.3, dog 0.8, broken'],
    ['the surest first', { what: '', atLeast: 0, order: 'surest' }, 'cat 0.9, dog 0.8, ant 0.6, cat 0.3, broken'],
    ['the least sure first', { what: '', atLeast: 0, order: 'unsurest' }, 'cat 0.3, ant 0.6, dog 0.8, cat 0.9, broken'],
  ];
  for (const [name, choice, shown] of choices) {
    test(`are shown as wished: ${name}`, async () => {
      const { batch: b } = batch();
      b.add(['dog 0.8', 'cat 0.9', 'broken', 'cat 0.3', 'ant 0.6'].map(photo));
      await finished(b);
      assert.equal(b.chosen(choice).map(({ photo }) => photo.name()).join(', '), shown);
    });
  }
});
