/** What this page has sent, counted as it leaves, and the policy that the browser enforces. */

import { countOutgoing, outgoingChannel } from '../shared/outgoing.js';
import { texts } from '../shared/texts.js';
import { find, say } from './dom.js';

/** Workers are heard through it. */
const isHeard = typeof BroadcastChannel === 'function';

let requests = 1; // the page itself
let bytes = 0;

/** Counting begins with the first request of this page's code. */
export function countPrivately() {
  countOutgoing(add);
  if (isHeard) {
    // Workers of other tabs are heard as well: rather too much than too little.
    new BroadcastChannel(outgoingChannel).onmessage = ({ data }) => add(data);
  }
}

/** @param {{ requests: number, bytes: number }} sent */
function add(sent) {
  requests += sent.requests;
  bytes += sent.bytes;
  draw();
}

function draw() {
  say(find('sent'), () => texts.sent(bytes));
  say(find('counted'), () => texts.counted(requests, bytes, isHeard));
}

/** Shows the policy as it came: by the server's header, or else in the page itself. */
export async function showPolicy() {
  draw();
  let policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '';
  try {
    policy = (await fetch(location.href, { method: 'HEAD' })).headers.get('Content-Security-Policy') ?? policy;
  } catch {
    // offline without a service worker: the page's own stands
  }
  const sources = policy.split(';').map((directive) => directive.trim().split(/\s+/)).filter(([name]) => name.endsWith('-src'));
  const isClosed = sources.some(([name]) => name === 'default-src') && sources.every(([, ...from]) => from.every((source) => /^'|^(blob|data):$/.test(source)));
  say(find('policy-note'), () => (policy === '' ? texts.policyNone : isClosed ? texts.policyKnown : texts.policyOpen));
  find('policy').textContent = policy;
}
