/** Figures for people. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const HALF_A_DAY_MS = 43_200_000; // before midnight it is yesterday, also where the clock is changed

export const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;
export const decibels = (level) => `${level.toFixed(0).replace("-", "−")} dBFS`;
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
export const time = (moment) => clock.format(new Date(moment));
export const minute = (moment) => minutes.format(new Date(moment));
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** 0.987 → "98.7 %"; nothing is known → "–". */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  return `${(100 * share).toFixed(share > 0.9 && share < 1 ? 1 : 0)} %`;
}

/** 1536 → "1.5 kB". */
export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** 3700 → "1 h 1 min". */
export function span(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : count(Math.round(hours / 24), "day");
}

/** The date of a moment where the browser is: "2026-05-01". */
export function date(moment) {
  const at = new Date(moment);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** The day of a moment: "Today", "Yesterday", "Friday, 1 May". */
export function day(moment) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (date(moment) === date(midnight)) return "Today";
  return date(moment) === date(midnight - HALF_A_DAY_MS) ? "Yesterday" : longDay.format(new Date(moment));
}
