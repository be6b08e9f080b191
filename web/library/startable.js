/** @type {Map<string, string>} */
const substitutes = new Map();

/**
 * An address from which a worker can be started. A browser starts none from
 * another origin, but one of our own may import it: a line of its own in a blob:,
 * or in a data: where a sandbox took the page's origin away. The page's CSP must
 * then allow that in `worker-src` (docs/csp.md).
 *
 * @param {string} url
 * @returns {string}
 */
export function startable(url) {
  if (isOpaque()) return `data:text/javascript,${encodeURIComponent(importing(url))}`;
  if (new URL(url).origin === self.origin) return url;
  let substitute = substitutes.get(url);
  if (!substitute) {
    substitute = URL.createObjectURL(new Blob([importing(url)], { type: 'text/javascript' }));
    substitutes.set(url, substitute);
  }
  return substitute;
}

/** Whether this page has no origin, so that nothing is of the same one. Chromium starts no module from a blob: there. */
export const isOpaque = () => self.origin === 'null';

/** @param {string} url */
const importing = (url) => `import ${JSON.stringify(url)};`;

/** The policy, once there is one, or null where the page allows none of this name. @type {{ createScriptURL: (url: string) => string } | null | undefined} */
let policy;

/**
 * One of our own addresses in the form that a page asks for which requires
 * Trusted Types (docs/csp.md).
 *
 * @param {string} url
 * @returns {string}
 */
export function trusted(url) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (!trustedTypes) return url;
  if (policy === undefined) {
    try {
      policy = trustedTypes.createPolicy('hamster', { createScriptURL: (/** @type {string} */ ours) => ours });
    } catch {
      policy = null; // perhaps a string is enough
    }
  }
  return policy ? policy.createScriptURL(url) : url;
}
