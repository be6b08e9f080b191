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

/**
 * Files that are open for reading and here as a whole, by a number that no file of exec.mjs's
 * process has.
 *
 * @type {Map<number, { stat: object, bytes: Uint8Array, at: number }>}
 */
const held = new Map();
let nextHeld = 1 << 20;

/** Opens a file as a whole; 0 where it is huge or a folder. @param {string} path */
function hold(path) {
  let answer;
  try {
    answer = request('whole', [path]);
  } catch (e) {
    if (/** @type {NodeJS.ErrnoException} */ (e).code !== 'EFBIG') throw e;
    return 0;
  }
  const head = new DataView(answer).getUint32(0, true);
  const stat = JSON.parse(new TextDecoder().decode(new Uint8Array(answer, 4, head)));
  held.set(++nextHeld, { stat, bytes: new Uint8Array(answer, 4 + head), at: 0 });
  return nextHeld;
}

/** @param {{ O_WRONLY: number, O_RDWR: number, O_DIRECTORY: number }} constants */
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
        const file = held.get(fd);
        if (file) {
          const from = position ?? file.at;
          const part = file.bytes.subarray(from, from + length);
          if (position === null) file.at += part.length;
          bytes.set(part, offset);
          return part.length;
        }
        const got = new Uint8Array(request('read', [fd, length, position]));
        bytes.set(got, offset);
        return got.length;
      }),
    open: (/** @type {any[]} */ ...args) =>
      reply(args, (path, flags, mode) => {
        const { O_WRONLY, O_RDWR, O_DIRECTORY } = constants;
        return (!(flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) && hold(path)) || ask('open', path, flags, mode);
      }),
    close: (/** @type {any[]} */ ...args) => reply(args, (fd) => (held.delete(fd) ? null : ask('close', fd))),
    fstat: (/** @type {any[]} */ ...args) => reply(args, (fd) => statistics(held.get(fd)?.stat ?? ask('fstat', fd))),
  };
  for (const name of ['stat', 'lstat']) {
    fs[name] = (/** @type {any[]} */ ...args) => reply(args, (...list) => statistics(ask(name, ...list)));
  }
  for (const name of [
    'chmod', 'chown', 'fchmod', 'fchown', 'fsync', 'ftruncate', 'lchown', 'link', 'mkdir', 'readdir', 'readlink',
    'rename', 'rmdir', 'symlink', 'truncate', 'unlink', 'utimes',
  ]) {
    fs[name] = (/** @type {any[]} */ ...args) => reply(args, (...list) => ask(name, ...list));
  }
  return fs;
}

addEventListener('message', async ({ data }) => {
  try {
    Object.assign(globalThis, {
      fs: filesystem(data.constants),
      // Relative names are looked up where exec.mjs's process stands.
      path: { resolve: (/** @type {string[]} */ ...segments) => segments.join('/') },
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
