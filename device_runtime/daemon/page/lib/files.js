/** Audio files and their labels from files and folders that were dropped or chosen.
 *
 *     alarms/doorbell/1.wav      a folder of folders: each sub-folder is a label
 *     doorbell/1.wav             a folder of files: it is the label
 *     1.wav                      a file without a folder: no label */

import { isReadable } from "./decode.js";

const DECODED = /\.(mp4|m4[ab]|aac|amr|3gp|wma|web[am])$/i; // by the browser, or a decoder of the device

/** Return [{file, label}] of a drop; `label` is null without a folder. Reads the event before it ends. */
export async function listDropped({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return addLabels([...files].map((file) => ({ file, parts: [file.name] })));
  return addLabels((await Promise.all(entries.map((entry) => walk(entry, [])))).flat());
}

/** Return the same of an `<input type="file">`. */
export function listChosen({ files }) {
  return addLabels([...files].map((file) => ({ file, parts: (file.webkitRelativePath || file.name).split("/") })));
}

function addLabels(found) {
  const isHidden = (part) => part.startsWith(".");
  const recordings = found.filter(({ parts }) => (isReadable(parts.at(-1)) || DECODED.test(parts.at(-1))) && !parts.some(isHidden));
  const nested = new Set(recordings.filter(({ parts }) => parts.length > 2).map(({ parts }) => parts[0]));
  return recordings
    .map(({ file, parts }) => ({ file, label: findLabel(parts, nested.has(parts[0])) }))
    .sort((one, other) => one.file.name.localeCompare(other.file.name, undefined, { numeric: true }));
}

function findLabel(parts, isNested) {
  if (parts.length < 2 || (isNested && parts.length === 2)) return null;
  return parts[isNested ? 1 : 0].normalize("NFC");
}

async function walk(entry, above) {
  const parts = [...above, entry.name];
  if (entry.isFile) return [{ file: await readFile(entry), parts }];
  const below = await listFolder(entry.createReader());
  return (await Promise.all(below.map((one) => walk(one, parts)))).flat();
}

const readFile = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** Return all entries of a folder; the browser gives at most a hundred at a time. */
async function listFolder(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
