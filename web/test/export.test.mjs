import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toCSV, toJSON } from '../page/export.js';

const cat = { index: 1, id: 'n1', label: 'cat', score: 0.75 };

/** @param {string} name */
const answered = (name, predictions = [cat], error = '') => ({ name, predictions, error });

describe('answers to many photos', () => {
  /** @type {[string, string][]} */
  const names = [
    ['a.jpg', 'a.jpg'],
    ['my, "own".jpg', '"my, ""own"".jpg"'],
    ['two\nlines.jpg', '"two\nlines.jpg"'],
    ['=1+1.jpg', "'=1+1.jpg"],
    ['-x.jpg', "'-x.jpg"],
    ['@x.jpg', "'@x.jpg"],
  ];
  for (const [name, written] of names) {
    test(`a file called ${JSON.stringify(name)} is ${JSON.stringify(written)} in CSV`, () => {
      assert.equal(toCSV([answered(name)]), `file,class,id,score,error\r\n${written},cat,n1,0.75,\r\n`);
    });
  }

  test('a photo that failed has its reason, in CSV and in JSON', () => {
    const failed = answered('b.jpg', [], 'That photo is damaged.');
    assert.equal(toCSV([failed]).split('\r\n')[1], 'b.jpg,,,,That photo is damaged.');
    assert.deepEqual(JSON.parse(toJSON([answered('a.jpg'), failed], { model: 'm' })), {
      model: 'm', photos: [{ file: 'a.jpg', predictions: [cat] }, { file: 'b.jpg', error: 'That photo is damaged.' }],
    });
  });
});
