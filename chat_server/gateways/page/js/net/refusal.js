// What the server refused, and what became of requests that have no reply.

/** The server refused a request. `code` is which rule, `retryAfter` seconds or null. */
export class Refused extends Error {
  constructor(error) {
    super(error.text);
    this.code = error.code;
    this.retryAfter = error.retry_after ?? null;
  }
}

/** The connection was lost, and nobody can know whether the request was done. */
export class Unconfirmed extends Error {}

/** Codes of a goodbye, or of an error in its place, after which the page comes back by itself. */
export const TEMPORARY = new Set([
  "shutting_down",
  "idle_timeout",
  "hello_timeout",
  "server_full",
  "internal",
  "unavailable",
]);

/** Codes of errors that end the connection; docs/protocol.md has the list. */
export const FATAL = new Set([
  "bad_frame",
  "frame_too_large",
  "hello_required",
  "hello_timeout",
  "unsupported_version",
  "bad_password",
  "server_full",
  "banned",
  "idle_timeout",
  "flooding",
  "internal",
]);
