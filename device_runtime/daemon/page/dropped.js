/** Files and folders that were dropped or chosen → recordings and the sound that each is of.
 *
 *     alarms/doorbell/1.wav      a folder of folders: the sub-folder is the sound
 *     doorbell/1.wav             a folder of recordings: it is the sound itself
 *     1.wav                      a file alone: of whatever it was dropped on */

const RECORDING = /\.(wav|wave|w64|rf64|aiff?|aifc|au|snd|caf|flac|ogg|oga|opus|mp3|m4a|aac|wma|webm)$/i;

/** [{file, label}] of a drop; `label` is null where the folders do not say it. Asks the event before it ends. */
export async function ofDrop({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return labelled([...files].map((file) => ({ file, parts: [file.name] })));
  return labelled((await Promise.all(entries.map((entry) => walk(entry, [])))).flat());
}

/** The same of an `<input type="file">`. */
export function ofInput({ files }) {
  return labelled([...files].map((file) => ({ file, parts: (file.webkitRelativePath || file.name).split("/") })));
}

/** What is left to learn from of all that was found, each with its label. */
export function labelled(found) {
  const isHidden = (part) => part.startsWith(".");
  const recordings = found.filter(({ parts }) => RECORDING.test(parts.at(-1)) && !parts.some(isHidden));
  const nested = new Set(recordings.filter(({ parts }) => parts.length > 2).map(({ parts }) => parts[0]));
  return recordings
    .map(({ file, parts }) => ({ file, label: labelOf(parts, nested.has(parts[0])) }))
    .sort((one, other) => one.file.name.localeCompare(other.file.name, undefined, { numeric: true }));
}

function labelOf(parts, isNested) {
  if (parts.length < 2 || (isNested && parts.length === 2)) return null;
  return parts[isNested ? 1 : 0].normalize("NFC");
}

async function walk(entry, above) {
  const parts = [...above, entry.name];
  if (entry.isFile) return [{ file: await fileOf(entry), parts }];
  const below = await listed(entry.createReader());
  return (await Promise.all(below.map((one) => walk(one, parts)))).flat();
}

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** All entries of a folder; the browser gives a hundred at a time. */
async function listed(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
