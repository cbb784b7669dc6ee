/** Requests to the daemon. A failure is a `Problem`: what happened, and what to do next. */

import { askForToken, token } from "./token.js";

/** Why a request was not met. */
export class Problem extends Error {
  constructor(detail, hint = "", status = 0) {
    super(detail);
    this.hint = hint;
    this.status = status;
  }
}

/** The answer to a request, as JSON. Options: query, json or body, signal. */
export async function ask(method, path, options = {}) {
  return (await reach(method, path, options)).json();
}

/** The answer to a request as bytes, such as a recording. */
export async function fetched(path) {
  return (await reach("GET", path)).blob();
}

/** The response, once it is a good one; the token is asked for where one is needed. */
export async function reach(method, path, options = {}) {
  for (;;) {
    const shown = token();
    const response = await sent(method, path, options, shown);
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    await askForToken(shown);
  }
}

/** A path of parts that may hold anything: `path("tasks", "my task")`. */
export function path(...parts) {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

async function sent(method, path, { query = {}, json, body, signal }, shown) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const headers = new Headers(shown ? { Authorization: `Bearer ${shown}` } : {});
  if (json !== undefined) headers.set("Content-Type", "application/json");
  else if (body) headers.set("Content-Type", "application/octet-stream");
  try {
    return await fetch(path + search, {
      method, headers, signal, cache: "no-cache", body: json === undefined ? body : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("the board does not answer", "is it switched on, and are you in its network?");
  }
}

async function problemOf(response) {
  try {
    const { detail, title, hint } = await response.json();
    return new Problem(detail || title, hint, response.status);
  } catch {
    return new Problem(`the board answered ${response.status} ${response.statusText}`, "", response.status);
  }
}
