/** Names of the stages of training. */

import { capitalise } from "./format.js";
import { t } from "./translate.js";

const NAMES = {
  reading: t("Reading recordings"),
  listening: t("Extracting features"), // sent by older versions
  varying: t("Augmenting recordings"), // sent by older versions
  augmenting: t("Augmenting recordings"),
  learning: t("Training"),
  fitting: t("Fitting"),
  training: t("Training"),
  refining: t("Refining"),
};

/** Return the name of a stage as the daemon sends it; an unknown one is only capitalised. */
export const nameStage = (stage) => NAMES[stage] ?? capitalise(stage);
