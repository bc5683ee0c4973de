// What this browser keeps for this server, in localStorage, or in sessionStorage for one tab alone.
// Where the browser refuses (private windows, full disks), it is kept until the page is closed.

const PREFIX = "backchannel.";
const memory = new Map();

/** Return what was kept under a name, or `otherwise`. */
export function load(name, otherwise = null) {
  const text = read("localStorage", PREFIX + name);
  if (text === null) return otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return otherwise; // somebody wrote something else there
  }
}

/** Keep a value; null forgets it. */
export function save(name, value) {
  write("localStorage", PREFIX + name, value === null ? null : JSON.stringify(value));
}

/** Return the text that was kept under a name for this tab, or "". */
export function loadForTab(name) {
  return read("sessionStorage", PREFIX + name) ?? "";
}

/** Keep a text until this tab is closed. */
export function saveForTab(name, text) {
  write("sessionStorage", PREFIX + name, text);
}

function read(area, key) {
  try {
    return window[area].getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

function write(area, key, text) {
  if (text === null) memory.delete(key);
  else memory.set(key, text);
  try {
    if (text === null) window[area].removeItem(key);
    else window[area].setItem(key, text);
  } catch {
    // It stays in `memory`.
  }
}
