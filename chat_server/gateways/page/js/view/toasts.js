// Sentences for the user that belong to no place, shown for a while.

import { byId, h, iconButton } from "../dom.js";
import { shown } from "../state/text.js";

const SHOWN = 8000; // ms

/** Show a sentence. */
export function toast(text) {
  const box = h("div.toast", {}, h("span", {}, shown(text)));
  const gone = () => box.remove();
  box.append(iconButton("close", "Close", gone));
  byId("toasts").append(box);
  let timer = setTimeout(gone, SHOWN);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => (timer = setTimeout(gone, SHOWN)));
}
