// What the theme leaves out for people who use a keyboard or a screen reader.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");

function reach() {
  // what scrolls must be reachable by keyboard; what does not scroll is no stop on the way
  document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code").forEach((part) => {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  });
  document.querySelectorAll(".md-code__nav").forEach((bar, i) => {
    bar.setAttribute("aria-label", `Code block ${i + 1}`);
  });
}

// the theme wraps wide tables and adds its buttons after loading
addEventListener("load", () => setTimeout(reach, 300));
addEventListener("resize", reach);
