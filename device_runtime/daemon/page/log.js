/** What the daemon says, line by line, newest last. */

import { fill, h } from "./dom.js";
import { ask } from "./http.js";
import { time } from "./format.js";

const MOST = 200; // lines

export class Log {
  #list = h("ol", { class: "plain log" });
  element = h("div", { class: "scrolls", tabindex: "0", role: "log", "aria-label": "Log", "aria-live": "off" },
    this.#list);

  async load() {
    const lines = await ask("GET", "/log", { query: { count: MOST } });
    fill(this.#list, lines.length ? lines.map(row) : h("li", { class: "quiet" }, "Nothing was said yet."));
    this.#toEnd();
  }

  add(line) {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const atEnd = scrollTop + clientHeight > scrollHeight - 20;
    this.#list.append(row(line));
    if (this.#list.childElementCount > MOST) this.#list.firstElementChild.remove();
    if (atEnd) this.#toEnd();
  }

  #toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

const row = ({ time: moment, text }) => h("li", {}, h("time", { datetime: moment }, time(moment)), ` ${text}`);
