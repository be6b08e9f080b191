/**
 * The examples of docs/, so that tests can run them as they stand there.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './harness.mjs';

/**
 * The first block of code in a language beneath a heading.
 *
 * @param {string} page such as csp.md
 * @param {string} heading
 * @param {string} language
 * @param {Record<string, string>} [addresses] what stands for which
 */
export async function example(page, heading, language, addresses = {}) {
  const text = await readFile(join(root, 'docs', page), 'utf8');
  const from = text.search(new RegExp(`^#+ ${heading.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm'));
  const [, code] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(from < 0 ? '' : text.slice(from)) ?? [];
  if (code === undefined) throw new Error(`docs/${page} has no ${language} beneath “${heading}”`);
  return Object.entries(addresses).reduce((code, [name, address]) => code.replaceAll(name, address), code).trim();
}
