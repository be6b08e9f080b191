/**
 * Draws web/icons/*.png from hamster.svg, as app icons need them:
 *
 *   node web/test/icons.mjs
 */

import { readFile, writeFile } from 'node:fs/promises';
import { launch } from './harness.mjs';

const folder = new URL('../icons/', import.meta.url);
const svg = (await readFile(new URL('hamster.svg', folder))).toString('base64');
const browser = await launch();
const page = await browser.newPage();
for (const { name, side, part, ground } of [
  { name: 'hamster-192.png', side: 192, part: 1, ground: 'transparent' },
  { name: 'hamster-512.png', side: 512, part: 1, ground: 'transparent' },
  // A maskable icon may lose all but a circle of 80 %.
  { name: 'hamster-maskable-512.png', side: 512, part: 0.66, ground: '#faf6f0' },
]) {
  await page.setViewport({ width: side, height: side });
  await page.setContent(`<style>body { margin: 0; display: grid; place-items: center; height: 100vh; background: ${ground} }</style>
    <img width="${side * part}" height="${side * part}" src="data:image/svg+xml;base64,${svg}">`);
  await writeFile(new URL(name, folder), await page.screenshot({ omitBackground: true }));
}
await browser.close();
