// What the theme leaves out for people who use a keyboard or a screen reader.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
window.addEventListener("load", () =>
  setTimeout(() => {
    // the theme wraps wide tables after loading; what scrolls must be reachable by keyboard
    document.querySelectorAll(".md-typeset__scrollwrap").forEach((wrap) => {
      wrap.tabIndex = 0;
    });
  }, 300),
);
