/**
 * Writes web/element/custom-elements.json, or prints it with --print: what editors
 * and catalogues read about <image-classifier>, gathered by the analyser from the
 * comments of its class. The paths are those in the npm package.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const require = createRequire(new URL('tools/npm/package.json', root));
const { create, ts } = await import(pathToFileURL(require.resolve('@custom-elements-manifest/analyzer/index.js')).href);

const source = 'web/element/image-classifier.js';
const path = 'dist/element/element.js';

const modules = [ts.createSourceFile(path, readFileSync(new URL(source, root), 'utf8'), ts.ScriptTarget.ES2015, true)];
const manifest = create({ modules });
const [{ declarations }] = manifest.modules;
const declaration = declarations.find(({ name }) => name === 'ImageClassifierElement');

// What is documented is what a page may use; callbacks are the browser's.
declaration.members = declaration.members.filter(({ name, privacy, static: isStatic }) =>
  privacy !== 'private' && !isStatic && !name.startsWith('#') && !name.endsWith('Callback'));
// Its events and attributes, and not what the code calls so.
for (const list of ['events', 'attributes']) declaration[list] = declaration[list].filter(({ description }) => description);
declaration.superclass = { name: 'HTMLElement' };
declaration.tagName = 'image-classifier';
declaration.customElement = true;

const result = {
  schemaVersion: manifest.schemaVersion,
  readme: 'README.md',
  modules: [
    { kind: 'javascript-module', path, declarations: [declaration], exports: [{ kind: 'js', name: declaration.name, declaration: { name: declaration.name, module: path } }] },
    {
      kind: 'javascript-module',
      path: 'dist/element/define.js',
      declarations: [],
      exports: [{ kind: 'custom-element-definition', name: 'image-classifier', declaration: { name: declaration.name, module: path } }],
    },
  ],
};

const text = `${JSON.stringify(result, null, 2)}\n`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(fileURLToPath(new URL('web/element/custom-elements.json', root)), text);
