/** Recordings in formats that the device may not read, such as a phone's voice memo: the browser decodes them to WAV. */

const RATE_HZ = 32_000;
const READABLE = /\.(wav|wave|w64|rf64|aiff?|aifc|au|snd|caf|flac|ogg|oga|opus|mp[23]|mpga|mpeg)$/i;
const HEADER_BYTES = 44;
const FULL_SCALE = 32_767;

/** Return whether the device reads files of this name without any help. */
export const isReadable = (name) => READABLE.test(name);

/** Return a file that the device reads: the file itself, or a WAV file of its sound if the browser can decode it. */
export async function makeReadable(file) {
  if (isReadable(file.name)) return file;
  try {
    const bytes = await file.arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(bytes);
    return new File([encodeWav(mix(sound))], `${file.name}.wav`, { type: "audio/wav" });
  } catch {
    return file; // the device may have a decoder, and else says what to do
  }
}

/** Return the mean of all channels, Float32Array [samples]. */
function mix(sound) {
  const mono = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    sound.getChannelData(channel).forEach((sample, index) => (mono[index] += sample / sound.numberOfChannels));
  }
  return mono;
}

/** Return a WAV file of 16-bit samples. */
function encodeWav(waveform) {
  const dataBytes = 2 * waveform.length;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + dataBytes));
  const write = (offset, text) => [...text].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // size of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, 2 * RATE_HZ, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a frame
  view.setUint16(34, 16, true); // bits a sample
  write(36, "data");
  view.setUint32(40, dataBytes, true);
  waveform.forEach((sample, index) => {
    view.setInt16(HEADER_BYTES + 2 * index, Math.round(FULL_SCALE * Math.max(-1, Math.min(1, sample))), true);
  });
  return view.buffer;
}
