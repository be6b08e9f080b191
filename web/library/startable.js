/** @type {Map<string, string>} */
const substitutes = new Map();

/**
 * An address from which a worker can be started. A browser starts none from
 * another origin, but one of our own may import it: a line of its own in a blob:.
 * The page's CSP must then allow `worker-src blob:` (docs/csp.md).
 *
 * @param {string} url
 * @returns {string}
 */
export function startable(url) {
  if (new URL(url).origin === self.origin) return url;
  let substitute = substitutes.get(url);
  if (!substitute) {
    substitute = URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' }));
    substitutes.set(url, substitute);
  }
  return substitute;
}
