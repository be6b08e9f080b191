/**
 * Counts what a page or a worker sends, as it leaves: the content of requests,
 * and the queries of their addresses. Names of paths and headers are not
 * counted, for they say what is fetched, nor are the service worker's requests.
 */

/**
 * @param {(sent: { requests: number, bytes: number }) => void} report called with what is new
 */
export function countOutgoing(report) {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    if (request.method !== 'GET' && request.method !== 'HEAD') weigh(request.clone());
    return fetch(request);
  };
  const { XMLHttpRequest, WebSocket, Navigator, RTCDataChannel } = /** @type {any} */ (globalThis);
  wrap(XMLHttpRequest?.prototype, 'send');
  wrap(WebSocket?.prototype, 'send');
  wrap(Navigator?.prototype, 'sendBeacon');
  wrap(RTCDataChannel?.prototype, 'send');

  // Whatever is fetched, be it by a picture or a script, shows here.
  new PerformanceObserver((list) => {
    const addresses = list.getEntries().map(({ name }) => name).filter((name) => /^https?:/.test(name));
    report({ requests: addresses.length, bytes: addresses.reduce((sum, address) => sum + new URL(address).search.length, 0) });
  }).observe({ type: 'resource', buffered: true });

  /** @param {Request | Response} content */
  async function weigh(content) {
    report({ requests: 0, bytes: (await content.blob()).size });
  }

  /**
   * The content is the last argument of each of them.
   *
   * @param {any} prototype
   * @param {string} name
   */
  function wrap(prototype, name) {
    const original = prototype?.[name];
    if (!original) return;
    prototype[name] = function (/** @type {any[]} */ ...content) {
      const last = content.at(-1);
      if (last !== undefined && last !== null) weigh(new Response(last));
      return original.apply(this, content);
    };
  }
}

/** Workers tell pages of it here. */
export const outgoingChannel = 'hamster-outgoing';
