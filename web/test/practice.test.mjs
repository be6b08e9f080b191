import assert from 'node:assert/strict';
import { test } from 'node:test';
import { practise } from '../worker/practice.js';

test('practice goes on until there is no more, and waits while there is something better to do', async () => {
  /** @type {string[]} */
  const seen = [];
  let busy = 0;
  let rounds = 0;
  await practise(
    async () => {
      seen.push('round');
      return ++rounds < 3;
    },
    () => {
      const is = rounds === 1 && busy++ < 2;
      if (is) seen.push('busy');
      return is;
    },
  );
  assert.equal(seen.join(' '), 'round busy busy round round');
});
