// A thread of a case: given {module, memory, thread, threads}, it runs each
// program it is sent, and so on for the next case. Node's and the web's workers
// differ only in how they listen.

const node = typeof process === 'object' && process.versions?.node;
const port = node ? (await import('node:worker_threads')).parentPort : self;
const listen = (f) => (node ? port.on('message', f) : port.addEventListener('message', (e) => f(e.data)));

let instance;
let me;
listen(async (message) => {
  if (message.module) {
    me = message;
    instance = await WebAssembly.instantiate(message.module, { env: { memory: message.memory } });
    port.postMessage('ready');
  } else {
    port.postMessage(instance.exports.run(message.program, me.thread, me.threads));
  }
});
