// The message field: sending, completing, what was typed before, pasting.

import { button, byId, h, iconButton } from "../dom.js";
import { candidates } from "../commands/completion.js";
import { load, save } from "../net/storage.js";
import { Room } from "../state/room.js";
import { shown } from "../state/text.js";

const REMEMBERED = 100; // lines that Up brings back
const OFFERED = 6; // completions that are shown
const PASTED = 3; // lines of a paste from which on it may be code
const SILENCED = {
  muted: "You are muted here",
  frozen: "The room is frozen: /hand asks for the floor",
  read_only: "Only moderators talk here",
};
const NEARLY = 0.9; // of the limit, from where on the characters are counted

export class Composer {
  #app;
  #run;
  #input;
  #offers = h("div.offers");
  #hint = h("div.hint");
  #error = h("p.error", { id: "input-error", role: "alert" });
  #count = h("span.counter", { "aria-hidden": "true" });
  #typed = [];
  #back = 0; // how far Up went
  #cycle = null; // {text, start, found, index} while Tab is pressed again and again
  #place = null;

  /**
   * @param {object} app - what commands work on.
   * @param {function} run - runs a line: returns a promise of "" or why it was not done.
   */
  constructor(app, run) {
    this.#app = app;
    this.#run = run;
    this.#input = h("textarea.input", {
      id: "input",
      rows: "1",
      enterkeyhint: "send",
      autocomplete: "off",
      "aria-describedby": "input-error",
      "aria-label": "Message",
      on: {
        keydown: (event) => this.#key(event),
        input: () => this.#changed(),
        paste: (event) => this.#pasted(event),
      },
    });
    const code = iconButton("code", "Make it a code block", () => this.#makeCode());
    const send = iconButton("send", "Send", () => this.#send(), { class: "icon-button send" });
    const form = byId("composer");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.append(this.#offers, this.#hint, this.#error, h("div.field", {}, code, this.#input, this.#count, send));
    app.store.on("place", () => this.#switch());
    app.store.on("people", () => this.#showSilence());
    addEventListener("pagehide", () => this.#keepDrafts());
    const drafts = load("drafts", {});
    app.store.on("places", () => {
      for (const room of app.store.rooms.values()) {
        if (!(room.key in drafts)) continue;
        room.draft = drafts[room.key];
        delete drafts[room.key];
        if (room === this.#place && !this.#input.value) this.#write(room.draft);
      }
    });
  }

  /** Put the keyboard's focus here. */
  focus() {
    this.#input.focus({ preventScroll: true });
  }

  /** Bring a text back, to be mended. */
  edit(text) {
    const before = this.#input.value;
    this.#write(before ? `${before}\n${text}` : text);
    this.focus();
  }

  /** Put a name where the cursor is. */
  mention(nick) {
    const { value, selectionStart: place } = this.#input;
    const name = `${nick}${place === 0 ? ": " : " "}`;
    this.#write(value.slice(0, place) + name + value.slice(place), place + name.length);
    this.focus();
  }

  #switch() {
    if (this.#place) this.#place.draft = this.#input.value;
    this.#place = this.#app.store.current;
    this.#hint.replaceChildren();
    this.#fail("");
    this.#write(this.#place?.draft ?? "");
    const place = this.#place;
    const name = place instanceof Room ? `#${place.name}` : shown(place?.nick ?? "");
    this.#showSilence();
    this.#input.setAttribute("aria-label", place ? `Message ${name}` : "Message");
  }

  // Whoever may not talk here reads that in the field; commands can still be typed.
  #showSilence() {
    const place = this.#app.store.current;
    const name = place instanceof Room ? `#${place.name}` : shown(place?.nick ?? "");
    const why = place instanceof Room && place.rules?.speak === false ? place.rules.why : "";
    this.#input.placeholder = SILENCED[why] ?? (place ? `Message ${name}` : "/join ROOM");
    byId("composer").classList.toggle("silenced", Boolean(why));
  }

  #keepDrafts() {
    if (this.#place) this.#place.draft = this.#input.value;
    const rooms = [...this.#app.store.rooms.values()].filter((room) => room.draft);
    const drafts = Object.fromEntries(rooms.map((room) => [room.key, room.draft]));
    save("drafts", rooms.length ? drafts : null);
  }

  async #send() {
    const text = this.#input.value;
    if (!text.trim()) return;
    const parsed = this.#isSecret(text);
    if (!parsed && this.#typed.at(-1) !== text) this.#typed.push(text);
    if (this.#typed.length > REMEMBERED) this.#typed.shift();
    this.#back = 0;
    this.#hint.replaceChildren();
    this.#write("");
    this.#fail("");
    this.focus();
    const why = await this.#run(text);
    if (!why) return;
    this.#fail(why);
    if (!this.#input.value && !parsed) this.#write(text);
  }

  // Whether a password stands in the line: it is not to be brought back.
  #isSecret(text) {
    const [, name = ""] = /^\s*\/(\S+)\s+\S/.exec(text) ?? [];
    return Boolean(this.#app.table.find(name)?.secrets.length);
  }

  #fail(text) {
    this.#error.textContent = text;
  }

  #write(text, place = text.length) {
    this.#input.value = text;
    this.#input.setSelectionRange(place, place);
    this.#changed();
  }

  #changed() {
    this.#cycle = this.#cycle?.text === this.#input.value ? this.#cycle : null;
    this.#grow();
    this.#showOffers();
    const longest = this.#app.session.limits.text ?? 4000;
    const length = this.#input.value.length;
    this.#count.textContent = length > longest * NEARLY ? `${length}/${longest}` : "";
    this.#count.classList.toggle("over", length > longest);
    if (!this.#input.value) this.#hint.replaceChildren();
  }

  #grow() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Enter" && plain && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Enter" && event.altKey) {
      event.preventDefault();
      this.#input.setRangeText("\n", this.#input.selectionStart, this.#input.selectionEnd, "end");
      this.#changed();
    } else if (event.key === "Tab" && plain) {
      if (this.#complete(event.shiftKey ? -1 : 1)) event.preventDefault();
    } else if (event.key === "ArrowUp" && plain && !event.shiftKey && this.#mayRecall()) {
      if (this.#recall(1)) event.preventDefault();
    } else if (event.key === "ArrowDown" && plain && this.#back) {
      if (this.#recall(-1)) event.preventDefault();
    } else if ((event.key === "PageUp" || event.key === "PageDown") && plain) {
      event.preventDefault();
      this.#app.log.page(event.key === "PageUp" ? -1 : 1);
    }
  }

  #mayRecall() {
    return !this.#input.value || (this.#back > 0 && this.#input.selectionStart <= this.#input.value.length);
  }

  #recall(step) {
    const place = this.#back + step;
    if (place > this.#typed.length) return true;
    this.#write(place > 0 ? this.#typed.at(-place) : "");
    this.#back = Math.max(0, place);
    return true;
  }

  // -- completing -------------------------------------------------------------------------------

  /** Complete the word before the cursor. Returns false where there is nothing: Tab then goes on. */
  #complete(step) {
    if (!this.#cycle) {
      if (step < 0) return false;
      const before = this.#input.value.slice(0, this.#input.selectionStart);
      const { start, found } = candidates(before, this.#app.store, this.#app.table);
      if (!found.length || !before) return false;
      const rest = this.#input.value.slice(this.#input.selectionStart);
      this.#cycle = { before: before.slice(0, start), rest, found, index: -1, text: null };
    }
    const { found, index } = this.#cycle;
    this.#take((index + step + found.length) % found.length);
    return true;
  }

  #take(index) {
    const cycle = this.#cycle;
    const start = cycle.before + cycle.found[index];
    Object.assign(cycle, { index, text: start + cycle.rest });
    this.#write(cycle.text, start.length);
  }

  // Phones have no Tab: what may be meant can be touched.
  #showOffers() {
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    const cycle = this.#cycle;
    const asks = /(^\/\S*$|(^|\s)@\S*$)/.test(before);
    if (!cycle && !asks) {
      this.#offers.replaceChildren();
      return;
    }
    const { start, found } = cycle ? { found: cycle.found } : candidates(before, this.#app.store, this.#app.table);
    const chips = found.slice(0, OFFERED).map((text, index) => {
      const chip = button(text.trim(), () => {
        const rest = this.#input.value.slice(this.#input.selectionStart);
        this.#cycle ??= { before: before.slice(0, start), rest, found, index: -1, text: null };
        this.#take(index);
        this.#cycle = null;
        this.#showOffers();
        this.focus();
      });
      chip.tabIndex = -1;
      chip.classList.toggle("chosen", cycle?.index === index);
      return chip;
    });
    this.#offers.replaceChildren(...chips);
  }

  // -- code -------------------------------------------------------------------------------------

  #pasted(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const lines = text.replace(/\n$/, "").split("\n").length;
    if (lines < PASTED || this.#input.value.includes("```") || this.#input.value.startsWith("/code")) return;
    const code = button("Send it as a code block", () => this.#makeCode(), { class: "small" });
    this.#hint.replaceChildren(h("span", {}, `${lines} lines pasted: one message. `), code);
  }

  #makeCode() {
    const { value, selectionStart: start, selectionEnd: end } = this.#input;
    if (start === end && this.#place instanceof Room) {
      this.#write(`/code\n${value}`, "/code".length); // where the language is typed
      this.#hint.replaceChildren();
      this.focus();
      return;
    }
    const part = start === end ? value : value.slice(start, end);
    const [before, after] = start === end ? ["", ""] : [value.slice(0, start), value.slice(end)];
    const glue = before && !before.endsWith("\n") ? "\n" : "";
    const head = `${before}${glue}\`\`\`\n${part.replace(/\n$/, "")}`;
    const tail = after && !after.startsWith("\n") ? "\n" : "";
    this.#write(`${head}\n\`\`\`${tail}${after}`, head.length);
    this.#hint.replaceChildren();
    this.focus();
  }
}
