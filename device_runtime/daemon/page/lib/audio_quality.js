/** Checks whether a recording is too quiet or clipped. */

const RATE_HZ = 16_000;
const QUIET_DBFS = -40; // level of the loudest 50 ms
const FULL_SCALE = 0.999;
const CLIPPED_SHARE = 0.001;

/** Return {quiet, clipped} of a recording, or null if the browser cannot decode it. */
export async function checkQuality(blob) {
  try {
    const sound = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(await blob.arrayBuffer());
    const waveform = sound.getChannelData(0);
    return { quiet: loudest_dbfs(waveform) < QUIET_DBFS, clipped: clippedShare(waveform) > CLIPPED_SHARE };
  } catch {
    return null;
  }
}

function loudest_dbfs(waveform) {
  const block = RATE_HZ / 20;
  let most = 0;
  for (let start = 0; start < waveform.length; start += block) {
    const part = waveform.subarray(start, start + block);
    most = Math.max(most, part.reduce((sum, sample) => sum + sample * sample, 0) / part.length);
  }
  return 10 * Math.log10(most + 1e-12);
}

function clippedShare(waveform) {
  return waveform.reduce((count, sample) => count + (Math.abs(sample) >= FULL_SCALE), 0) / waveform.length;
}
