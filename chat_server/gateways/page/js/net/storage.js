// What this browser keeps for this server, in localStorage. Where the browser refuses (private
// windows, full disks), it is kept until the page is closed.

const PREFIX = "backchannel.";
const memory = new Map();

/** Return what was kept under a name, or `otherwise`. */
export function load(name, otherwise = null) {
  const text = read(PREFIX + name);
  if (text === null) return otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return otherwise; // somebody wrote something else there
  }
}

/** Keep a value; null forgets it. */
export function save(name, value) {
  const key = PREFIX + name;
  const text = JSON.stringify(value);
  if (value === null) memory.delete(key);
  else memory.set(key, text);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // It stays in `memory`.
  }
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}
