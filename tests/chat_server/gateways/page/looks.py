"""What is asked of a page's looks: contrast, names, nothing that sticks out."""

from tests.support.browser import Page

# WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text (24 px, or 18.66 px and bold). Colours are drawn
# on a canvas, so that every way to write one counts.
_CONTRAST = """
(() => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const paint = canvas.getContext('2d', { willReadFrequently: true });
  const over = (colour, ground) => {
    paint.globalAlpha = 1;
    paint.fillStyle = `rgb(${ground.join()})`;
    paint.fillRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const ground = (element) => {
    const below = element.parentElement ? ground(element.parentElement) : [255, 255, 255];
    return over(getComputedStyle(element).backgroundColor, below);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const failed = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    const seen = { opacityProperty: true, visibilityProperty: true };
    if (!text || !element.checkVisibility(seen)) continue;
    if (element.closest('[aria-hidden=true], noscript, script, option, :disabled')) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const behind = ground(element);
    const [high, low] = [light(over(style.color, behind)), light(behind)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const told = `${ratio.toFixed(2)} ${element.className}: ${text.slice(0, 40)}`;
    if (ratio < (large ? 3 : 4.5)) failed.push(told);
  }
  return failed;
})()
"""

# Elements that reach beyond the window's right edge, and are not cut off before it.
_STICKING_OUT = """
[...document.querySelectorAll('body *')]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .filter((each) => !each.closest('pre, .offers, .drawings, .skip, .continued .who, .topic'))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => `${each.tagName} ${each.className}`)
"""

_TOUCHED = """
[...document.querySelectorAll('button, input, select, textarea, a, [tabindex="0"]')]
  .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((each) => !each.closest('.text, .skip, .continued .who') && !each.matches('.name'))
  .map((each) => [each, each.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 20)
  .map(([each]) => each.outerHTML.slice(0, 80))
"""


def poor_contrasts(page: Page) -> list[str]:
    """Texts that stand out too little from their ground."""
    found: list[str] = page.run(_CONTRAST)
    return found


def sticking_out(page: Page) -> list[str]:
    """What one cannot see because the window is too narrow."""
    found: list[str] = page.run(_STICKING_OUT)
    assert page.run("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    return found


def too_small(page: Page) -> list[str]:
    """What a finger would miss (WCAG 2.2, 2.5.8)."""
    found: list[str] = page.run(_TOUCHED)
    return found


def nameless(page: Page) -> list[str]:
    """Controls that a screen reader could not name."""
    roles = {
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "checkbox",
        "dialog",
        "log",
        "img",
    }
    return [
        f"{role} {node}" for node, role, name in page.accessible() if role in roles and not name
    ]
