/** Answers to many photos as files for other programs. */

/**
 * @import { Prediction } from '../shared/protocol.js'
 *
 * @typedef {{ name: string, predictions: readonly Prediction[], error: string }} Answered
 */

/**
 * One row for each photo: its name, the best guess, and what went wrong where
 * there is none. RFC 4180.
 *
 * @param {readonly Answered[]} items
 */
export function toCSV(items) {
  const rows = items.map(({ name, predictions: [best], error }) =>
    best ? [name, best.label, best.id, String(best.score), ''] : [name, '', '', '', error]);
  return [['file', 'class', 'id', 'score', 'error'], ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

/**
 * @param {readonly Answered[]} items
 * @param {object} by what answered
 */
export function toJSON(items, by) {
  return `${JSON.stringify({ ...by, photos: items.map(({ name, predictions, error }) => (error ? { file: name, error } : { file: name, predictions })) }, null, 2)}\n`;
}

/**
 * A spreadsheet takes what begins like a formula for one, and a file may be
 * called anything: an apostrophe makes text of it.
 *
 * @param {string} text
 */
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
