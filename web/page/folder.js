/** What was dropped, with all that folders among it hold. */

/**
 * What cannot be read is named, and keeps nothing else back.
 *
 * @typedef {{ files: File[], unreadable: string[], fromFolder: boolean }} Dropped
 */

/**
 * @param {DataTransfer} dropped
 * @returns {Promise<Dropped>} `files` in the order of their names within each
 *   folder; `unreadable` as paths, that of a folder with “/” at its end
 */
export async function droppedFiles(dropped) {
  // The list is empty as soon as the event is over.
  const taken = [...dropped.items].filter(({ kind }) => kind === 'file').map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  /** @type {Dropped} */
  const all = { files: [], unreadable: [], fromFolder: false };
  for (const { entry, file } of taken) {
    if (entry?.isDirectory) {
      all.fromFolder = true;
      await collect(/** @type {FileSystemDirectoryEntry} */ (entry), all);
    } else if (file) {
      all.files.push(file);
    }
  }
  return all;
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @param {Dropped} all
 */
async function collect(folder, all) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  try {
    for (;;) { // it gives some at a time
      /** @type {FileSystemEntry[]} */
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      entries.push(...some);
    }
  } catch {
    all.unreadable.push(`${folder.fullPath.slice(1)}/`);
  }
  entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  for (const entry of entries) {
    if (entry.isDirectory) {
      await collect(/** @type {FileSystemDirectoryEntry} */ (entry), all);
      continue;
    }
    try {
      all.files.push(await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)));
    } catch {
      all.unreadable.push(entry.fullPath.slice(1));
    }
  }
}
