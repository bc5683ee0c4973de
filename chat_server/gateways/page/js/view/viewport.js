// The height that a phone's keyboard leaves. iOS does not tell the layout, but visualViewport does.

/** Keep --height at what can be seen. */
export function followKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  const set = () => {
    document.documentElement.style.setProperty("--height", `${Math.round(view.height)}px`);
    if (view.scale === 1) window.scrollTo(0, 0); // iOS moves the page to show the field
  };
  view.addEventListener("resize", set);
  view.addEventListener("scroll", set);
  set();
}
