"""Check the built docs: no broken link inside the site, and the search index knows the terms."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

TERMS = (
    *("dormant", "沉睡", "Gini", "投诉", "fingerprint"),
    *("CLV", "Export results", "Explain a decision"),
)


class Links(HTMLParser):
    """The targets and anchors of one page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag points at and what can be pointed at."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(site: Path) -> list[str]:
    """Every link of the site that leads nowhere inside it."""
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html")}
    broken = []
    for page, links in pages.items():
        if page.name == "404.html":
            continue
        for target in links.targets:
            address, anchor = urldefrag(target)
            if urlsplit(address).scheme or address.startswith("//"):
                continue
            path = (page.parent / unquote(urlsplit(address).path)).resolve() if address else page
            path = path / "index.html" if path.is_dir() else path
            missing = not path.is_file()
            lost = not missing and anchor and path in pages and anchor not in pages[path].anchors
            if missing or (lost and not anchor.startswith("__")):
                broken.append(f"{page.relative_to(site.resolve())} -> {target}")
    return broken


def missing_terms(site: Path) -> list[str]:
    """Terms that the search index does not hold."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = " ".join(f"{entry['title']} {entry['text']}" for entry in index["docs"])
    words = text.replace("\u200b", " ")
    return [term for term in TERMS if term not in words]


if __name__ == "__main__":
    root = Path(sys.argv[1])
    faults = [f"broken link: {link}" for link in broken_links(root)]
    faults += [f"not in the search index: {term}" for term in missing_terms(root)]
    sys.stdout.write("\n".join(faults) + "\n")
    sys.exit(bool(faults))
