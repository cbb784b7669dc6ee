/** Requests to the daemon. A failure is thrown as a `Problem`: what happened, and what to do next. */

import { askForToken, token } from "./token.js";
import { t } from "./translate.js";

/** Why a request failed. */
export class Problem extends Error {
  constructor(detail, hint = "", status = 0) {
    super(detail);
    this.hint = hint;
    this.status = status;
  }
}

/** Return the JSON document of a response. Options: query, json or body, signal. */
export async function requestJson(method, path, options = {}) {
  return (await request(method, path, options)).json();
}

/** Return the bytes of a response, such as a recording. */
export async function fetchBlob(path) {
  return (await request("GET", path)).blob();
}

/** Return a successful response; ask the user for the token if the daemon requires one. */
export async function request(method, path, options = {}) {
  for (;;) {
    const sentToken = token();
    const response = await send(method, path, options, sentToken);
    if (response.ok) return response;
    if (response.status !== 401) throw await readProblem(response);
    await askForToken(sentToken);
  }
}

/** Return a path of parts that may contain any character: `makePath("tasks", "my task")`. */
export function makePath(...parts) {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

async function send(method, path, { query = {}, json, body, signal }, sentToken) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const headers = new Headers(sentToken ? { Authorization: `Bearer ${sentToken}` } : {});
  if (json !== undefined) headers.set("Content-Type", "application/json");
  else if (body) headers.set("Content-Type", "application/octet-stream");
  try {
    return await fetch(path + search, {
      method, headers, signal, cache: "no-cache", body: json === undefined ? body : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(t("the device does not respond"), t("is it switched on and in the same network?"));
  }
}

async function readProblem(response) {
  try {
    const { detail, title, hint } = await response.json();
    return new Problem(detail || title, hint, response.status);
  } catch {
    return new Problem(t("the device answered {status}", { status: `${response.status} ${response.statusText}` }), "", response.status);
  }
}
