/** The log of the daemon, oldest line first. */

import { h, setChildren } from "../lib/dom.js";
import { formatTime } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { t } from "../lib/translate.js";

const MOST_LINES = 200;

export class Log {
  #list = h("ol", { class: "plain log" });
  element = h("div", { class: "scrolls", tabindex: "0", role: "log", "aria-label": t("Log"), "aria-live": "off" },
    this.#list);

  async load() {
    const lines = await requestJson("GET", "/log", { query: { count: MOST_LINES } });
    setChildren(this.#list, lines.length ? lines.map(makeRow) : h("li", { class: "quiet" }, t("The log is empty.")));
    this.#scrollToEnd();
  }

  add(line) {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const isAtEnd = scrollTop + clientHeight > scrollHeight - 20;
    this.#list.append(makeRow(line));
    if (this.#list.childElementCount > MOST_LINES) this.#list.firstElementChild.remove();
    if (isAtEnd) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

const makeRow = ({ time, text }) => h("li", {}, h("time", { datetime: time }, formatTime(time)), ` ${text}`);
