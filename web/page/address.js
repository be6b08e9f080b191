/**
 * Fetches a photo from an address. The page's policy allows its own server
 * alone (RATIONALE.md says why); where a host has opened it, others have to
 * allow it too (CORS).
 */

/** @import { AddressTrouble } from '../shared/texts/en.js' */

export class AddressError extends Error {
  /**
   * @param {AddressTrouble} trouble
   * @param {string} host
   * @param {number} [status] of HTTP
   */
  constructor(trouble, host, status) {
    super(`${host}: ${trouble} ${status ?? ''}`);
    this.trouble = trouble;
    this.host = host;
    this.status = status;
  }
}

/** How long the news of a violated policy may take after the failure that it caused, in milliseconds. */
const newsTime = 100;

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 */
export async function fetchAddress(address, signal) {
  const url = parsed(address);
  const isOurs = url.origin === location.origin;
  let violated = false;
  const look = (/** @type {SecurityPolicyViolationEvent} */ { effectiveDirective, blockedURI }) => {
    violated ||= effectiveDirective === 'connect-src' && blockedURI.startsWith(url.origin);
  };
  document.addEventListener('securitypolicyviolation', look);
  try {
    const response = await fetch(url, { signal, credentials: 'omit', referrerPolicy: 'no-referrer' });
    if (!response.ok) throw new AddressError('status', url.host, response.status);
    return await response.blob();
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof AddressError) throw thrown;
    await new Promise((resolve) => setTimeout(resolve, newsTime));
    throw new AddressError(violated ? 'policy' : isOurs || !navigator.onLine ? 'unreachable' : 'cors', url.host);
  } finally {
    document.removeEventListener('securitypolicyviolation', look);
  }
}

/** @param {string} address */
function parsed(address) {
  try {
    const url = new URL(address);
    if (/^https?:$/.test(url.protocol)) return url;
  } catch {
    // said below
  }
  throw new AddressError('invalid', address);
}
