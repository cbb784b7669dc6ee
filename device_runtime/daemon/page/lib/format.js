/** Numbers, sizes and times as text in the language of the page. */

import { locale, t } from "./translate.js";

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const longDay = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric" });
const calendar = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const list = new Intl.ListFormat(locale);
const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const HALF_A_DAY_MS = 43_200_000; // before midnight is yesterday, even on a day of 23 or 25 hours

export const formatDecibels = (level) => `${formatNumber(level, 0).replace("-", "−")} dBFS`;
export const formatList = (names) => list.format(names);
export const formatCalendarDate = (time) => calendar.format(new Date(time));
export const formatTime = (time) => clock.format(new Date(time));
export const formatMinute = (time) => minutes.format(new Date(time));
export const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** 0.5 with two digits → "0.50". */
export const formatNumber = (number, digits = 0) =>
  number.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** 0.987 → "98.7 %"; null → "–". */
export function formatPercent(share) {
  if (share === null || share === undefined) return "–";
  return t("{number} %", { number: formatNumber(100 * share, share > 0.9 && share < 1 ? 1 : 0) });
}

/** 1536 → "1.5 kB". */
export function formatSize(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = power && value < 10 ? 1 : 0;
  return value.toLocaleString(locale, {
    style: "unit", unit: SIZES[power], minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
}

/** 3700 → "1 h 1 min". */
export function formatDuration(seconds) {
  if (seconds < 90) return t("{number} s", { number: formatNumber(seconds, seconds < 10 ? 1 : 0) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("{number} min", { number: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? t("{hours} h {minutes} min", { hours, minutes: minutes % 60 })
    : t("{count} days", { count: Math.round(hours / 24) });
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
  if (formatDate(time) === formatDate(midnight)) return t("Today");
  return formatDate(time) === formatDate(midnight - HALF_A_DAY_MS) ? t("Yesterday") : longDay.format(new Date(time));
}
