// Makes elements. Text becomes text nodes, never markup: there is no other way in which the page
// makes an element.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * @param {string} tag - its name, with classes behind dots: "li.day".
 * @param {object} properties - attributes; `on` holds event handlers, `data` a dataset. `true` is
 *   an empty attribute; null, undefined and false leave an attribute out.
 * @param {...(Node|string|null)} children - strings become text.
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  const { on = {}, data = {}, ...attributes } = properties;
  for (const [event, handler] of Object.entries(on)) element.addEventListener(event, handler);
  for (const [key, value] of Object.entries(data)) element.dataset[key] = value;
  for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set an attribute, or take it away. See `h` for the values. */
export function setAttribute(element, key, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else element.setAttribute(key, value === true ? "" : value);
}

/** Make an icon; index.html has the drawings. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Make a button with a text. */
export function button(text, onClick, properties = {}) {
  return h("button", { type: "button", on: { click: onClick }, ...properties }, text);
}

/** Make a button with an icon. `label` is what a screen reader says and a tooltip shows. */
export function iconButton(name, label, onClick, properties = {}) {
  return h(
    "button.icon-button",
    { type: "button", "aria-label": label, title: label, on: { click: onClick }, ...properties },
    icon(name),
  );
}

/** Return the element with an id. index.html and wall.html have those that are asked for. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make a list show `items`, and keep the elements of those that it showed before, so that the
 * keyboard's focus stays where it is.
 *
 * @param {HTMLElement} list - the list. It keeps its elements by key in `list.rows`.
 * @param {Array} items - what is to be shown, in order.
 * @param {function} key - returns an item's key.
 * @param {function} make - makes the element for an item.
 * @param {function} update - brings an element up to date: (element, item).
 */
export function keyedList(list, items, key, make, update) {
  const before = list.rows ?? new Map();
  const rows = new Map();
  let place = list.firstChild;
  for (const item of items) {
    const row = before.get(key(item)) ?? make(item);
    update(row, item);
    rows.set(key(item), row);
    if (row === place) place = place.nextSibling;
    else list.insertBefore(row, place);
  }
  for (const [each, row] of before) if (!rows.has(each)) row.remove();
  list.rows = rows;
}

/** Return a function that calls `work` once before the next frame, however often it is called. */
export function onceAFrame(work) {
  let waiting = false;
  const run = () => {
    waiting = false;
    work();
  };
  return () => {
    if (waiting) return;
    waiting = true;
    // A hidden tab has no frames.
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
}
