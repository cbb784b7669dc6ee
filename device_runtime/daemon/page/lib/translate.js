/** The page in the language of the browser. Keys are the English texts; `messages/LANGUAGE.json` translates them.
 *
 *     t("Train {task} more", { task })      names in braces are replaced by values
 *     t("{count} recordings", { count })    the key with "#one" is the text for a count of one
 *
 * What the device sends (errors, hints, notes, the log) stays in English. */

const LANGUAGES = new Set(["en", "de", "fr", "es", "zh"]);
const getLanguage = (tag) => tag.split("-")[0].toLowerCase();

/** The language tag of the browser that the page follows, such as "de-AT". */
export const locale = navigator.languages.find((tag) => LANGUAGES.has(getLanguage(tag))) ?? "en";

/** Its language, such as "de". */
export const language = getLanguage(locale);

const numbers = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(locale);
const messages = await (await fetch(`/page/messages/${language}.json`)).json();

/** Return a text in the language of the page: a string, or its parts if one of the values is an element. */
export function t(key, values = {}) {
  const form = `${key}#${plurals.select(values.count ?? 0)}`;
  const text = messages[form] ?? messages[key] ?? key;
  const parts = text.split(/\{(\w+)\}/).map((part, index) => (index % 2 ? format(values[part]) : part));
  return parts.some((part) => part instanceof Node) ? parts : parts.join("");
}

const format = (value) => (typeof value === "number" ? numbers.format(value) : value);
