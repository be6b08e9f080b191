/** What this page has sent, counted as it leaves, and the policy that the browser enforces. */

import { countOutgoing, outgoingChannel } from '../shared/outgoing.js';
import { texts } from '../shared/texts.js';
import { find, say } from './dom.js';

let requests = 1; // the page itself
let bytes = 0;

/** Counting begins with the first request of this page's code. */
export function countPrivately() {
  countOutgoing(add);
  if (typeof BroadcastChannel === 'function') {
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
  say(find('counted'), () => (bytes === 0 ? texts.counted(requests) : texts.countedBytes(requests, bytes)));
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
  const allowed = /(?:^|;)\s*connect-src ([^;]*)/.exec(policy)?.[1].trim();
  say(find('policy-note'), () => (policy === '' ? texts.policyNone : allowed === "'self'" ? texts.policyKnown : texts.policyOpen));
  find('policy').textContent = policy;
}
