/** More about an event with a recording: its spectrogram, and the recording as a file. */

import { actionButton, h, setChildren } from "../lib/dom.js";
import { fetchBlob, makePath, requestJson } from "../lib/http.js";
import { splitColumns } from "../lib/live.js";
import { showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { drawSpectrogram } from "./spectrogram.js";

/** Return an element that shows it when it is opened. */
export function makeEventDetails({ id, label, start }) {
  const content = h("div");
  const summary = h("summary", { "aria-label": t("More about {label}", { label }) }, "⋯");
  const details = h("details", { class: "more" }, summary, content);
  details.addEventListener("toggle", () => {
    if (details.open && !content.childElementCount) show().catch(showError);
  });

  async function show() {
    const strip = h("canvas", { class: "strip", role: "img", "aria-label": t("Spectrogram of {name}", { name: label }) });
    setChildren(content, strip, actionButton(t("Download"), () => download(), { "aria-label": t("Download {label}", { label }) }));
    drawSpectrogram(strip, splitColumns(await requestJson("GET", makePath("sounds", id, "spectrum"))));
  }

  async function download() {
    const url = URL.createObjectURL(await fetchBlob(makePath("sounds", id, "audio")));
    h("a", { href: url, download: `${label} ${start.replaceAll(":", "-")}.flac` }).click();
    URL.revokeObjectURL(url);
  }
  return details;
}
