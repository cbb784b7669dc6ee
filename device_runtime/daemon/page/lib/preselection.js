/** What another view hands over to the next form of "Train". */

/** `task`: the task to train, empty for a new one; `recording`: {id, name, label} of an event, or null. */
export const preselection = { task: "", recording: null };
