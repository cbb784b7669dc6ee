/** Numbers, sizes and times as text. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const HALF_A_DAY_MS = 43_200_000; // before midnight is yesterday, even on a day of 23 or 25 hours

export const formatDecibels = (level) => `${level.toFixed(0).replace("-", "−")} dBFS`;
export const formatCount = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
export const formatTime = (time) => clock.format(new Date(time));
export const formatMinute = (time) => minutes.format(new Date(time));
export const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** 0.987 → "98.7 %"; null → "–". */
export function formatPercent(share) {
  if (share === null || share === undefined) return "–";
  return `${(100 * share).toFixed(share > 0.9 && share < 1 ? 1 : 0)} %`;
}

/** 1536 → "1.5 kB". */
export function formatSize(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** 3700 → "1 h 1 min". */
export function formatDuration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : formatCount(Math.round(hours / 24), "day");
}

/** 83 → "1:23", a place in a recording. */
export const formatPlace = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Return the date in the browser's time zone: "2026-05-01". */
export function formatDate(time) {
  const at = new Date(time);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** "2026-05-01" → "Fri 1". */
export const formatShortDay = (date) => shortDay.format(new Date(`${date}T12:00`));

/** Return the name of the day: "Today", "Yesterday", "Friday, 1 May". */
export function formatDay(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (formatDate(time) === formatDate(midnight)) return "Today";
  return formatDate(time) === formatDate(midnight - HALF_A_DAY_MS) ? "Yesterday" : longDay.format(new Date(time));
}
