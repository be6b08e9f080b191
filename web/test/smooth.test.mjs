import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Smoother } from '../shared/smooth.js';
import { isUnsure } from '../page/unsure.js';

const classes = ['cat', 'dog', 'fox'];

/** @param {Record<string, number>} scores */
const answer = (scores) => Object.entries(scores)
  .map(([label, score]) => ({ index: classes.indexOf(label), id: label, label, score }))
  .sort((a, b) => b.score - a.score);

/** @param {{ label: string }[]} predictions */
const order = (predictions) => predictions.map(({ label }) => label).join(' ');

describe('answers that follow each other quickly', () => {
  test('the first is shown as it is', () => {
    const first = answer({ cat: 0.7, dog: 0.3 });
    assert.deepEqual(new Smoother().add(first, 33), first);
  });

  test('a score glides to where it should be, whatever the rate of frames', () => {
    for (const elapsed of [20, 100, 500]) {
      const smoother = new Smoother();
      smoother.add(answer({ cat: 1 }), elapsed);
      let score = 1;
      for (let time = 0; time < 500; time += elapsed) score = smoother.add(answer({ cat: 0 }), elapsed)[0].score;
      assert.ok(Math.abs(score - Math.exp(-1)) < 1e-9, `after half a second in steps of ${elapsed} ms it is ${score}`);
    }
  });

  test('two that are nearly alike keep their places, frame after frame', () => {
    const smoother = new Smoother();
    smoother.add(answer({ cat: 0.5, dog: 0.48 }), 33);
    const orders = new Set();
    for (let i = 0; i < 100; i++) orders.add(order(smoother.add(answer(i % 2 ? { cat: 0.52, dog: 0.46 } : { cat: 0.45, dog: 0.53 }), 33)));
    assert.deepEqual([...orders], ['cat dog']);
  });

  test('one that is clearly ahead soon has the first place', () => {
    const smoother = new Smoother();
    smoother.add(answer({ cat: 0.9, dog: 0.1 }), 33);
    let time = 0;
    while (order(smoother.add(answer({ dog: 0.9, cat: 0.1 }), 33)) !== 'dog cat') time += 33;
    assert.ok(time > 200 && time < 800, `it took ${time} ms`);
  });

  test('a class that was not among the last ones comes in, and one that is gone goes', () => {
    const smoother = new Smoother();
    smoother.add(answer({ cat: 1 }), 33);
    assert.equal(order(smoother.add(answer({ fox: 1 }), 33)), 'cat fox');
    for (let i = 0; i < 200; i++) smoother.add(answer({ fox: 1 }), 33);
    assert.equal(order(smoother.add(answer({ fox: 1 }), 33)), 'fox');
  });
});

for (const [scores, unsure] of /** @type {[number[], boolean][]} */ ([
  [[0.9, 0.05], false], [[0.41, 0.2], false], [[0.39, 0.1], true], [[0.55, 0.45], true], [[0.5, 0.3], false], [[1], false], [[], false],
])) {
  test(`scores of ${scores.join(' and ') || 'nothing'} are ${unsure ? 'not ' : ''}to be relied on`, () => {
    assert.equal(isUnsure(scores.map((score) => ({ score }))), unsure);
  });
}
