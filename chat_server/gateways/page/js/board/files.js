// Files: sending one in pieces and offering it in a room, and the item of one that is offered.

import { h, icon } from "../dom.js";
import { shown } from "../state/text.js";

const PIECE = 1_000_000; // bytes that are sent at once
const TRIES = 5; // for a piece that did not arrive
const PAUSE = 1000; // ms before it is sent again

/**
 * Send a file to the server and offer it in a room. Throws an Error that says why that failed.
 *
 * @param {Session} session - what requests go by.
 * @param {string} room - where it is offered.
 * @param {File} file - what is sent.
 * @param {Transfer} transfer - is told how far it is, and says whether the user has cancelled it.
 */
export async function offerFile(session, room, file, transfer) {
  if (!file.size) throw new Error(`${file.name} is empty, or a folder.`);
  const longest = session.limits.file ?? 0;
  if (file.size > longest) throw new Error(longest ? `${file.name} is too large: the server takes ${megabytes(longest)}.` : "This server takes no files.");
  const members = { room, name: file.name.slice(-1000), size: file.size };
  const hash = await sha256(file);
  const offer = () => session.request("offer", hash ? { ...members, sha256: hash } : members);
  let place = await offer();
  let tries = TRIES;
  while (place.have < file.size && !transfer.cancelled) {
    transfer.show(place.have / file.size);
    const have = await putPiece(place, file, transfer.signal);
    if (transfer.cancelled) break;
    if (have === null) {
      tries -= 1;
      if (!tries) throw new Error(`${file.name} was not sent: the connection breaks again and again.`);
      await pause();
      place = await offer();
    } else {
      place.have = have;
      tries = TRIES;
    }
  }
  if (transfer.cancelled) await withdraw(place);
  else await session.request("share", { room, file: place.file });
}

/**
 * Make the elements of a file that somebody offers.
 *
 * @param {object} message - of the kind `file`.
 * @param {boolean} images - whether an image is shown.
 */
export function fileItem({ file, size, text, image }, images) {
  if (!/^\/files\/[0-9a-f]{32}\/[^/]*$/.test(file ?? "")) return [shown(text)];
  const link = h("a.file", { href: file, download: "" }, icon("file"), h("bdi", {}, nameOf(file)));
  const items = [link, " ", h("span.size", {}, megabytes(size))];
  return image && images ? [picture(file, image), ...items] : items;
}

// Its size is known ahead, so nothing moves when it comes. A click opens it alone.
function picture(file, { width, height }) {
  const shown = h("img", { loading: "lazy", decoding: "async", width, height, alt: nameOf(file), src: file });
  const link = h("a.picture", { href: file, target: "_blank", rel: "noopener noreferrer" }, shown);
  shown.addEventListener("error", () => link.remove()); // it is allowed no more, or gone
  return link;
}

/** Let the browser fetch a file. */
export function fetchFile({ file }) {
  h("a", { href: file, download: "" }).click();
}

function nameOf(path) {
  try {
    return shown(decodeURIComponent(path.split("/").at(-1)));
  } catch {
    return "file"; // no UTF-8
  }
}

// Returns how much the server has; null if the piece did not arrive.
async function putPiece({ upload, have }, file, signal) {
  const end = Math.min(have + PIECE, file.size);
  const headers = { "Content-Range": `bytes ${have}-${end - 1}/${file.size}` };
  let answer;
  try {
    answer = await fetch(upload, { method: "PUT", body: file.slice(have, end), headers, signal });
  } catch {
    return null;
  }
  if (answer.ok) return end;
  if (answer.status === 409 || answer.status === 404) return null;
  throw new Error((await answer.text()).trim());
}

// Give the server's space back, as soon as it has put down the piece that was on its way.
async function withdraw({ upload }) {
  for (let tries = TRIES; tries; tries -= 1) {
    const answer = await fetch(upload, { method: "DELETE" }).catch(() => null);
    if (answer && answer.status !== 409) return;
    await pause();
  }
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

// On plain http a page cannot make one: then the server goes by what arrives.
async function sha256(file) {
  if (!crypto.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function megabytes(size) {
  if (size < 1_000_000) return `${Math.max(1, Math.round(size / 1000))} kB`;
  return `${(size / 1_000_000).toFixed(size < 10_000_000 ? 1 : 0)} MB`;
}
