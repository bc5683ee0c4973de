// A block of code: its lines numbered and coloured, with buttons to copy it and to save it.

import { button, h } from "../dom.js";
import { copyText } from "../view/clipboard.js";
import { highlighted } from "./highlight.js";

const LONG = 14; // lines of code that are shown at first
const ENDINGS = { python: "py", javascript: "js", typescript: "ts", rust: "rs", ruby: "rb", "c++": "cpp", bash: "sh" };

/** Make the element of a block. `language` is empty where nobody said. */
export function codeBlock(code, language) {
  const lines = code.replace(/\n$/, "").split("\n").length;
  const numbers = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
  const text = h("code", {}, ...highlighted(code, language));
  const block = h("pre", { tabindex: "0" }, h("span.numbers", { "aria-hidden": "true", data: { numbers } }), text);
  const copy = button("Copy", async () => {
    copy.textContent = (await copyText(code)) ? "Copied" : "Select it and press Ctrl+C";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  const save = button("Save", () => saveText(code, fileName(language)));
  const head = h("div.code-head", {}, h("span", {}, language || "code"), save, copy);
  const box = h("div.code", {}, head, block);
  if (lines > LONG) foldable(box, lines);
  return box;
}

/** Let the browser write a text to a file in its folder for downloads. */
export function saveText(text, name) {
  const url = URL.createObjectURL(new Blob([text.endsWith("\n") ? text : `${text}\n`], { type: "text/plain" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function fileName(language) {
  const ending = ENDINGS[language.toLowerCase()] ?? language.toLowerCase();
  return `code.${/^[a-z0-9]{1,8}$/.test(ending) ? ending : "txt"}`;
}

function foldable(box, lines) {
  box.classList.add("folded");
  const unfold = button(`Show all ${lines} lines`, () => {
    const folded = box.classList.toggle("folded");
    unfold.textContent = folded ? `Show all ${lines} lines` : "Show less";
    unfold.setAttribute("aria-expanded", String(!folded));
  });
  unfold.setAttribute("aria-expanded", "false");
  unfold.className = "unfold";
  box.append(unfold);
}
