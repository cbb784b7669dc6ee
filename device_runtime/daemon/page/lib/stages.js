/** Names of the stages of training. */

import { capitalise } from "./format.js";

const NAMES = {
  reading: "Reading recordings",
  listening: "Extracting features", // sent by older versions
  varying: "Augmenting recordings", // sent by older versions
  augmenting: "Augmenting recordings",
  learning: "Training",
  fitting: "Fitting",
  training: "Training",
  refining: "Refining",
};

/** Return the name of a stage as the daemon sends it; an unknown one is only capitalised. */
export const nameStage = (stage) => NAMES[stage] ?? capitalise(stage);
