/** What was dropped, with all that folders among it hold. */

/**
 * @param {DataTransfer} dropped
 * @returns {Promise<{ files: File[], fromFolder: boolean }>} in the order of their names within each folder
 */
export async function droppedFiles(dropped) {
  // The list is empty as soon as the event is over.
  const taken = [...dropped.items].filter(({ kind }) => kind === 'file').map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  /** @type {File[]} */
  const files = [];
  let fromFolder = false;
  for (const { entry, file } of taken) {
    if (entry?.isDirectory) {
      fromFolder = true;
      await collect(/** @type {FileSystemDirectoryEntry} */ (entry), files);
    } else if (file) {
      files.push(file);
    }
  }
  return { files, fromFolder };
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @param {File[]} files
 */
async function collect(folder, files) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  for (;;) { // it gives some at a time
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  for (const entry of entries) {
    if (entry.isDirectory) await collect(/** @type {FileSystemDirectoryEntry} */ (entry), files);
    else files.push(await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)));
  }
}
