"""Build the site: `python docs/build.py` writes `docs/_build/html`; a warning is an error.

It needs `pip install ".[docs]"`. The pages of this folder and the notebooks are copied beside what
is written here: the reference, the table of contents of the course, and `try.html`, which needs npm
for Pyodide (without it, that page says so). At the end every link is checked, and that no page
loads anything from another host.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = HERE / "_build"
SOURCE, SITE, NPM = BUILD / "source", BUILD / "html", BUILD / "npm"
TRIED = ("02_a_value_and_its_graph", "03_the_chain_rule_step_by_step")  # need no NumPy
PYODIDE = (
    "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json",
)  # fmt: skip


def gather() -> None:
    """Lay the pages together: those of this folder, the course, and the reference."""
    sys.path[:0] = [str(HERE), str(ROOT)]
    import reference

    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(HERE, SOURCE, ignore=shutil.ignore_patterns("_build", "__pycache__", "*.py"))
    shutil.copy(HERE / "conf.py", SOURCE)
    course = ROOT / "notebooks"
    for language in ("en", "ko"):
        shutil.copytree(course / language, SOURCE / "tutorial" / language)
    shutil.copy(course / "glossary.md", SOURCE / "tutorial")
    contents = (course / "README.md").read_text("utf-8")
    tree = "\n".join(
        f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n:glob:\n\n{language}/*\n```"
        for language, caption in (("en", "English"), ("ko", "한국어"))
    )
    contents += f"{tree}\n\n```{{toctree}}\n:hidden:\n\nglossary\n```\n"
    (SOURCE / "tutorial" / "README.md").write_text(contents, "utf-8")
    picture = SOURCE / "_static" / "neuron.svg"
    shutil.copy(course / "neuron.svg", picture)
    with (SOURCE / "reference" / "command-line.md").open("a", encoding="utf-8") as page:
        page.write(reference.command_line())
    for folder, pages in (("reference", reference.pages()), ("source", reference.sources())):
        (SOURCE / folder).mkdir(exist_ok=True)
        for name, text in pages.items():
            (SOURCE / folder / f"{name}.md").write_text(text, "utf-8")


def cells() -> list[dict[str, str]]:
    """The code of the lessons for `try.html`, each with the heading it stands under."""
    found = []
    for name in TRIED:
        title = ""
        for cell in json.loads((ROOT / "notebooks/en" / f"{name}.ipynb").read_text("utf-8"))[
            "cells"
        ]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "code":
                found.append({"title": title, "source": text})
                title = ""
            elif heading := re.findall(r"^##? (.+)", text, re.MULTILINE):
                title = heading[-1]
    return found


def write_try() -> None:
    """What `try.md` needs: the cells, Pyodide, and the wheel that runs anywhere."""
    page = SOURCE / "try.md"
    text = json.dumps(cells()).replace("</", "<\\/")
    page.write_text(page.read_text("utf-8").replace("CELLS", text), "utf-8")
    pyodide = NPM / "node_modules" / "pyodide"
    if not pyodide.exists() and (npm := shutil.which("npm")):
        NPM.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "install", "--silent", "--prefix", str(NPM), "pyodide"], check=False)
    if not pyodide.exists():
        print("npm has no pyodide here: try.html will say that it is missing")
        return
    static = SOURCE / "_static"
    (static / "pyodide").mkdir()
    for name in PYODIDE:
        shutil.copy(pyodide / name, static / "pyodide")
    wheels = BUILD / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    subprocess.run([sys.executable, ROOT / ".ci/wheels.py", "--pure", wheels], check=True)
    (wheel,) = wheels.glob("*-none-any.whl")
    shutil.copy(wheel, static / "valuegrad.whl")


class Links(HTMLParser):
    """The links of a page, what it loads, and the places that a link may lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names."""
        named = {name: value or "" for name, value in attrs}
        self.places |= {named[key] for key in ("id", "name") if key in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        elif tag == "link" and named.get("rel") not in ("canonical", "index", "search"):
            self.loads.append(named.get("href", ""))
        elif tag not in ("a", "link"):
            self.loads += [named[key] for key in ("src", "data", "poster") if key in named]


def faults(site: Path) -> list[str]:
    """Links that lead nowhere, and what is loaded from another host, in every page of a site."""
    pages: dict[Path, Links] = {}
    for path in site.rglob("*.html"):
        pages[path.resolve()] = page = Links()
        page.feed(path.read_text("utf-8"))
    found = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                if link in page.loads or not re.fullmatch(r"https?", parts.scheme):
                    found.append(f"{path.name} loads {link}")
                elif "." not in parts.netloc:
                    found.append(f"{path.name}: {link} is no address")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                found.append(f"{path.name}: {link} leads nowhere")
            elif target in pages and unquote(parts.fragment) not in pages[target].places:
                found.append(f"{path.name}: {link} leads to no place on its page")
    for sheet in site.rglob("*.css"):
        urls = re.findall(r"url\(['\"]?(https?:|//)[^)]*|@import", sheet.read_text("utf-8"))
        found += [f"{sheet.name} loads from another host"] * bool(urls)
    return found


def main() -> int:
    """Build the site and check it; 0 if all is well."""
    gather()
    write_try()
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-j", "auto"]
    if code := subprocess.run([*command, "-b", "html", str(SOURCE), str(SITE)]).returncode:
        return code
    found = faults(SITE)
    print("\n".join(found) or f"{SITE / 'index.html'}: every link leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
