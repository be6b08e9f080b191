import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { HamsterError } from '../shared/errors.js';
import { bestLanguage, language, languages, speak, texts } from '../shared/texts.js';

const read = (/** @type {string} */ path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the texts', () => {
  test('index.html shows the same before they arrive', async () => {
    const html = await read('index.html');
    const shown = [...html.matchAll(/data-text="(\w+)">([^<]*)</g)];
    assert.ok(shown.length > 10);
    for (const [, key, text] of shown) assert.equal(text, texts[/** @type {keyof typeof texts} */ (key)], key);
    assert.equal(/<title>([^<]*)</.exec(html)?.[1], texts.title);
    const offered = [...html.matchAll(/<option value="(\w+)" lang="\w+">([^<]*)</g)].map(([, code, name]) => [code, name]);
    assert.deepEqual(Object.fromEntries(offered), languages);
  });

  for (const [wanted, chosen] of /** @type {[string[], string][]} */ ([
    [['de-AT', 'en'], 'de'], [['fr', 'DE'], 'de'], [['en-GB', 'de'], 'en'], [['ja'], 'en'], [[], 'en'],
  ])) test(`who reads ${wanted.join(', then ') || 'nothing'} is spoken to in ${chosen}`, () => assert.equal(bestLanguage(wanted), chosen));

  test('German says all that English says, in other words', async () => {
    const english = texts;
    await speak('de');
    try {
      assert.equal(language, 'de');
      /** @type {(value: any) => any} */
      const shape = (value) => (typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, shape(inner)]))
        : typeof value);
      assert.deepEqual(shape(texts), shape(english));
      const plain = Object.entries(texts).filter(([, text]) => typeof text === 'string').map(([key]) => /** @type {keyof typeof texts} */ (key));
      const same = plain.filter((key) => texts[key] === english[key]);
      assert.deepEqual(same, ['name', 'threads'], 'words that both languages share');
      assert.equal(texts.score(0.9368434), '93,7\u00a0%');
    } finally {
      await speak('en');
    }
  });

  test('every code of an error has a sentence of its own, in JavaScript and in Go', async () => {
    const codes = (/** @type {string} */ text, /** @type {RegExp} */ pattern) => [...text.matchAll(pattern)].map(([, code]) => code);
    const listed = codes((await read('web/shared/errors.js')).split('*/')[0], /'([a-z-]+)'/g);
    const fromGo = codes(await read('wasm/errors.go'), /code\w+ += "([a-z-]+)"/g);
    assert.ok(listed.length > 20 && fromGo.length >= 6, `${listed.length} and ${fromGo.length} codes`);
    assert.deepEqual(fromGo.filter((code) => !listed.includes(code)), [], 'codes of Go that errors.js does not list');
    const english = texts;
    const internal = new HamsterError('internal', '');
    for (const language of /** @type {import('../shared/texts.js').Language[]} */ (Object.keys(languages))) {
      await speak(language);
      for (const code of listed) {
        const error = new HamsterError(/** @type {any} */ (code), 'the message');
        const failure = texts.failure(error);
        const what = `${code}, ${language}`;
        assert.match(failure.title, /^\p{Lu}.+\.$/u, what);
        assert.match(failure.hint, /^\S.*\.$/, what);
        assert.doesNotMatch(`${failure.title} ${failure.hint}`, /undefined|NaN|\[object/, what);
        if (texts === english) continue;
        assert.notEqual(failure.title, english.failure(error).title, what);
        assert.notEqual(failure.hint, english.failure(error).hint, what);
        // What comes from Go is English: it may follow, and never stands alone.
        assert.doesNotMatch(failure.hint, /^The message/, what);
        assert.equal(failure.title === texts.failure(internal).title, english.failure(error).title === english.failure(internal).title, `${what}: a sentence of its own?`);
      }
    }
    await speak('en');
  });

  test('every remark of the engine on itself is translated', async () => {
    const source = await read('model/simd/machine_js.go');
    const notes = [...source.matchAll(/return 1, "([^"]+)"|return fmt\.Sprintf\("([^"]+)", err\)|errors\.New\("(simd: this [^"]+)"\)/g)]
      .map(([, whole, format, why]) => whole ?? why ?? format.replace('%v', 'why'));
    assert.equal(notes.length, 5, `${notes}`);
    for (const note of notes) assert.equal(texts.engineNote(note), note);
    await speak('de');
    try {
      for (const note of notes) {
        assert.notEqual(texts.engineNote(note).split(': ')[0], note.split(': ')[0]);
      }
      assert.match(texts.engineNote('one thread, since more failed: simd: not up within 3s'), /^ein Thread, .*: simd: not up within 3s$/);
    } finally {
      await speak('en');
    }
  });

  for (const [score, text] of /** @type {[number, string][]} */ ([
    [0, '0.0%'], [1e-9, '< 0.1%'], [0.0005, '0.1%'], [0.9368434, '93.7%'], [0.99949, '99.9%'], [0.9999, '> 99.9%'], [1, '100.0%'],
  ])) test(`a score of ${score} reads ${text}`, () => assert.equal(texts.score(score), text));

  for (const [milliseconds, text] of /** @type {[number, string][]} */ ([
    [0.2, '0 ms'], [52.4, '52 ms'], [994, '994 ms'], [996, '1.0 s'], [7249, '7.2 s'],
  ])) test(`${milliseconds} ms read ${text}`, () => assert.equal(texts.duration(milliseconds), text));

  test('a few classes are all named, many by example', () => {
    const labels = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => ({ id: `${i}`, label: `thing_${i}` }));
    assert.equal(texts.classes(labels(2)), 'thing 0, thing 1.');
    assert.equal(texts.classes(labels(1000)), '1,000 kinds of things, such as thing 166, thing 333, thing 500, thing 666, thing 833.');
    assert.deepEqual([texts.areMany(labels(12)), texts.areMany(labels(13))], [false, true]);
  });

  test('progress counts megabytes, in all where the total is known', () => {
    assert.equal(texts.progress({ stage: 'fetch', done: 1_250_000, total: 18_400_000 }), 'Fetching the model: 1.3 of 18.4 MB');
    assert.equal(texts.progress({ stage: 'fetch', done: 1_250_000, total: 0 }), 'Fetching the model: 1.3 MB');
    assert.equal(texts.progress({ stage: 'prepare', done: 0, total: 0 }), 'Unpacking the model…');
    assert.equal(texts.progressWithPhoto({ stage: 'fetch', done: 0, total: 18_400_000 }), 'Your photo is next: 0.0 of 18.4 MB');
    assert.equal(texts.progressWithPhoto({ stage: 'prepare', done: 0, total: 0 }), 'Your photo is next…');
  });
});
