"""Make the pictures of the docs: figures from the code of a page, and screenshots of the report.

    python docs/pictures.py            # the figures of how-to/draw-pictures.md
    python docs/pictures.py --report   # the report as well (needs Chromium and its driver)

The Python block before an image draws its figure; files are PNGs with a palette, to be small.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
from PIL import Image

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "assets" / "pictures"
PAGE = DOCS / "how-to" / "draw-pictures.md"
PARTS = re.compile(
    r"^```python\n(?P<code>.*?)^```$|^!\[.*?\]\(\.\./assets/pictures/(?P<name>[\w.]+)\)",
    re.S | re.M,
)


def save(png: bytes, path: Path, colours: int = 64) -> None:
    """Write a PNG with a palette."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(f"{path.relative_to(DOCS)}: {path.stat().st_size / 1024:.0f} kB")


def figures(page: Path) -> None:
    """Run the blocks of a page in order, and save each figure as the image that follows."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    namespace: dict[str, Any] = {}
    for part in PARTS.finditer(page.read_text(encoding="utf-8")):
        if part["name"]:
            drawn = io.BytesIO()
            plt.gcf().savefig(drawn, dpi=100)
            save(drawn.getvalue(), PICTURES / part["name"])
            plt.close("all")
        elif "savefig" not in part["code"]:
            exec(compile(part["code"], str(page), "exec"), namespace)


def screenshot() -> None:
    """Take screenshots of the report of the sample of 5,000 customers."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    from bankcrm import review
    from bankcrm.datasets import make_book

    book = make_book(5_000, seed=7)
    result = review(book, as_of=book.as_of)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        result.to_html(page)
        browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            browser.set_window_size(1100, 1000)
            browser.get(page.as_uri())
            save(browser.get_screenshot_as_png(), PICTURES / "report.png")
            browser.execute_script(
                "document.documentElement.style.scrollBehavior = 'auto';"
                "document.getElementById('concentration').scrollIntoView()"
            )
            save(browser.get_screenshot_as_png(), PICTURES / "report-concentration.png")
            browser.execute_script(
                "document.querySelector('#attention').scrollIntoView();"
                "location.hash = '#customer=' + arguments[0]",
                str(result.facts.index[result.facts["warning"] == "alarm"][0]),
            )
            save(browser.get_screenshot_as_png(), PICTURES / "report-why.png")
        finally:
            browser.quit()


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--report", action="store_true", help="take screenshots of the report too")
    PICTURES.mkdir(parents=True, exist_ok=True)
    figures(PAGE)
    if reader.parse_args().report:
        screenshot()
