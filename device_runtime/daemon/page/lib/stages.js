/** Names of the stages of training. */

import { capitalise } from "./format.js";
import { t } from "./translate.js";

const NAMES = {
  reading: t("Reading recordings"),
  "extracting features": t("extracting features"),
  "loading features": t("loading features"),
  augmenting: t("Augmenting recordings"),
  fitting: t("Fitting"),
  training: t("Training"),
  refining: t("Refining"),
  "learning curve": t("learning curve"),
  rooms: t("Playing recordings in rooms"),
};

/** Return the name of a stage as the daemon sends it; an unknown one stays as it is. */
export const nameStage = (stage) => capitalise(NAMES[stage] ?? stage);
