// A dialog: a title, what is in it, and a way out. The browser keeps the focus inside.

import { button, h, iconButton } from "../dom.js";

/**
 * Open a dialog.
 *
 * @param {string} title - its name.
 * @param {...Node} content - what is in it.
 * @returns {HTMLDialogElement} it emits `close`; `close()` ends it.
 */
export function openDialog(title, ...content) {
  const close = iconButton("close", "Close", () => dialog.close());
  const head = h("header", {}, h("h2", { id: "dialog-title" }, title), close);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, head, h("div.content", {}, ...content));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Make a form: `onSubmit` is called with its values, and returns why not, or "". */
export function form(fields, submit, onSubmit, { inline = false } = {}) {
  const error = h("p.error", { role: "alert" });
  const send = h("button.primary", { type: "submit" }, submit);
  const element = h("form", { class: inline ? "stack inline" : "stack" }, ...fields, error, h("div.actions", {}, send));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    error.textContent = "";
    error.textContent = (await onSubmit(values(element))) ?? "";
    send.disabled = false;
  });
  return element;
}

/** Make a field with its label. */
export function field(label, name, attributes = {}, hint = "") {
  const input = h("input", { name, id: `field-${name}`, autocomplete: "off", ...attributes });
  const below = hint ? h("small", { id: `hint-${name}` }, hint) : null;
  if (hint) input.setAttribute("aria-describedby", `hint-${name}`);
  return h("div.labelled", {}, h("label", { for: `field-${name}` }, label), input, below);
}

/** Make a choice with its label. `options` are [value, text] pairs. */
export function choice(label, name, options, value) {
  const entries = options.map(([each, text]) => h("option", { value: each, selected: each === value }, text));
  const select = h("select", { name, id: `field-${name}` }, ...entries);
  return h("div.labelled", {}, h("label", { for: `field-${name}` }, label), select);
}

/** Make a switch with its label. */
export function toggle(label, checked, onChange, why = "") {
  const input = h("input", { type: "checkbox", checked, disabled: Boolean(why) });
  input.addEventListener("change", () => onChange(input.checked));
  return h("label.toggle", { class: why ? "toggle off" : "toggle" }, input, h("span", {}, label, why ? h("small", {}, why) : null));
}

/** Ask for a password. Returns a promise of it; "" if the user changed their mind. */
export function askPassword(title, { twice = false } = {}) {
  return new Promise((resolve) => {
    let password = "";
    const fields = [passwordField("Password", "password")];
    if (twice) fields.push(passwordField("The same once more", "again"));
    if (!window.isSecureContext) fields.push(h("p.warning", {}, OPEN));
    const dialog = openDialog(
      title,
      form(fields, "OK", (typed) => {
        if (twice && typed.password !== typed.again) return "The two are not the same.";
        password = typed.password;
        dialog.close();
        return "";
      }),
    );
    dialog.addEventListener("close", () => resolve(password));
  });
}

/** What is said wherever a password is asked for without encryption. */
export const OPEN = "This connection is not encrypted: others on the network could read a password. Use none that you use elsewhere.";

export function passwordField(label, name) {
  return field(label, name, { type: "password", required: true, maxlength: "200" });
}

/** Make a row of buttons. `entries` are [text, action] pairs; each closes `dialog()`. */
export function choices(entries, dialog) {
  const buttons = entries.map(([text, action, properties = {}]) =>
    button(
      text,
      () => {
        dialog().close();
        action();
      },
      properties,
    ),
  );
  return h("div.choices", {}, ...buttons);
}

function values(element) {
  return Object.fromEntries(new FormData(element).entries());
}
