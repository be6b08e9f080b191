// The worker in which exec.mjs runs a Go program. Go's `fs` and `process` are
// those of exec.mjs's process, called synchronously.

/** @param {string} name @param {unknown[]} args @param {BodyInit} [body] @returns {ArrayBuffer} */
function request(name, args, body) {
  const xhr = new XMLHttpRequest();
  xhr.open('POST', `fs/${name}?args=${encodeURIComponent(JSON.stringify(args))}`, false);
  xhr.responseType = 'arraybuffer';
  xhr.send(body);
  if (xhr.status !== 200) {
    const { code, message } = JSON.parse(new TextDecoder().decode(xhr.response));
    throw Object.assign(new Error(message), { code });
  }
  return xhr.response;
}

/** @param {string} name @param {unknown[]} args */
const ask = (name, ...args) => JSON.parse(new TextDecoder().decode(request(name, args)));

/** The last argument of fs's functions gets the result. @param {any[]} args @param {(...args: any[]) => any} f */
function reply(args, f) {
  const done = args.pop();
  let result;
  try {
    result = f(...args);
  } catch (e) {
    done(e);
    return;
  }
  done(null, result);
}

/** @param {any} stat */
const statistics = (stat) => ({ ...stat, isDirectory: () => (stat.mode & 0o170000) === 0o040000 });

/** @param {object} constants */
function filesystem(constants) {
  /** @type {Record<string, any>} */
  const fs = {
    constants,
    writeSync: (/** @type {number} */ fd, /** @type {Uint8Array} */ bytes) => request('write', [fd, null], bytes.slice()).byteLength,
    write: (/** @type {any[]} */ ...args) =>
      reply(args, (fd, bytes, offset, length, position) => {
        request('write', [fd, position], bytes.slice(offset, offset + length));
        return length;
      }),
    read: (/** @type {any[]} */ ...args) =>
      reply(args, (fd, bytes, offset, length, position) => {
        const got = new Uint8Array(request('read', [fd, length, position]));
        bytes.set(got, offset);
        return got.length;
      }),
  };
  for (const name of ['stat', 'lstat', 'fstat']) {
    fs[name] = (/** @type {any[]} */ ...args) => reply(args, (...list) => statistics(ask(name, ...list)));
  }
  for (const name of [
    'chmod', 'chown', 'close', 'fchmod', 'fchown', 'fsync', 'ftruncate', 'lchown', 'link', 'mkdir', 'open', 'readdir',
    'readlink', 'rename', 'rmdir', 'symlink', 'truncate', 'unlink', 'utimes',
  ]) {
    fs[name] = (/** @type {any[]} */ ...args) => reply(args, (...list) => ask(name, ...list));
  }
  return fs;
}

addEventListener('message', async ({ data }) => {
  try {
    Object.assign(globalThis, {
      fs: filesystem(data.constants),
      path: { resolve: (/** @type {string[]} */ ...segments) => ask('resolve', ...segments) },
      process: {
        pid: 1, ppid: 0,
        getuid: () => -1, getgid: () => -1, geteuid: () => -1, getegid: () => -1, getgroups: () => [], umask: () => 0o022,
        cwd: () => ask('cwd'),
        chdir: (/** @type {string} */ dir) => ask('chdir', dir),
      },
    });
    await import('./wasm_exec.js');
    const go = new /** @type {any} */ (globalThis).Go();
    Object.assign(go, { argv: data.argv, env: data.env, exit: (/** @type {number} */ code) => postMessage({ code }) });
    const { instance } = await WebAssembly.instantiateStreaming(fetch('program.wasm'), go.importObject);
    await go.run(instance);
  } catch (e) {
    postMessage({ code: 2, error: String(/** @type {any} */ (e)?.stack ?? e) });
  }
}, { once: true });
