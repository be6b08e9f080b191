// A thread that comes up and waits, unless it is the second: that one fails.
addEventListener('message', ({ data: { thread } }) => {
  if (thread === 2) throw new Error('no second thread here');
  postMessage('up');
}, { once: true });
