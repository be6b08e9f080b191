/** Tells the page what this worker sends; the page shows it (web/page/privacy.js). */

import { countOutgoing, outgoingChannel } from '../shared/outgoing.js';

if (typeof BroadcastChannel === 'function') {
  const channel = new BroadcastChannel(outgoingChannel);
  countOutgoing((sent) => channel.postMessage(sent));
}
