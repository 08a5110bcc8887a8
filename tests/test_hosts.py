"""The player where notebooks are shown: each host is driven in a real Chromium, with no network."""

import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from browsing import BROWSER

from autograd.seeing.wording import number

nbformat = pytest.importorskip("nbformat")
playwright = pytest.importorskip("playwright.sync_api")
ROOT = Path(__file__).parents[1]
pytestmark = [*BROWSER, pytest.mark.slow]

# The frames in which two editors show an output, by their sandbox flags.
FRAMES = {
    "Colab": "allow-downloads allow-forms allow-pointer-lock allow-popups allow-same-origin "
    "allow-popups-to-escape-sandbox allow-scripts allow-storage-access-by-user-activation",
    "VS Code": "allow-scripts allow-same-origin allow-forms allow-pointer-lock allow-downloads",
    "scripts alone": "allow-scripts",
}
PYTHON = """\
from autograd import Value, trace
a, b = Value(2.0, label="a"), Value(-3.0, label="b")
loss = (a * b + a.tanh()) ** 2
loss.label = "loss"
trace(loss)
"""
MARIMO = """\
import marimo
app = marimo.App()

@app.cell
def _():
    {}
    return

if __name__ == "__main__":
    app.run()
"""


def traced():
    scope: dict[str, object] = {}
    *body, last = PYTHON.splitlines()
    exec("\n".join(body), scope)
    return eval(last, scope)


@pytest.fixture
def page(chromium):
    """A page that may ask this machine alone."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    context.route(lambda url: "//127.0.0.1" not in url and url.startswith("http"), refused)
    yield context.new_page()
    context.close()


def refused(route):
    route.abort()


def drive(frame, tab):
    """Step, play to the end, and change a number: what every host must let a reader do."""
    expect, place = playwright.expect, frame.locator("#scrub")
    frame.locator("#next").click(timeout=60_000)
    expect(place).to_have_value("1")
    frame.locator("#speed").select_option("75")
    frame.locator("#play").click()
    expect(frame.locator("#next")).to_be_disabled(timeout=20_000)
    frame.locator("#grads input").first.fill("1")
    frame.locator("#grads input").first.press("Enter")
    expect(frame.locator("#grads")).to_contain_text(number((math.tanh(1.0) - 3.0) ** 2))
    frame.locator("#prev").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    expect(place).to_have_value("1")
    if picture := os.environ.get("VALUEGRAD_SCREENSHOT"):
        tab.screenshot(path=picture)


def is_still(image):
    """Whether an image is there, in its size."""
    image.wait_for(timeout=60_000)
    return image.evaluate("e => e.complete && e.naturalWidth > 300")


# ---- notebooks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a notebook that is trusted, and one that is not; and an environment."""
    folder = tmp_path_factory.mktemp("notebooks")
    html = trace_html(traced())
    output = nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "a trace"})
    cell = nbformat.v4.new_code_cell(PYTHON, outputs=[output], execution_count=1, id="cell")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "trusted.ipynb")
    notebook.cells.append(nbformat.v4.new_markdown_cell("A stranger's.", id="text"))
    nbformat.write(notebook, folder / "untrusted.ipynb")
    return folder


def trace_html(t):
    return t._repr_mimebundle_()["text/html"]


@pytest.fixture(scope="module")
def environment(folder):
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME", "IPYTHONDIR")
    homes = {name: str(folder / name.lower()) for name in names}
    environment = os.environ | homes | {"PYTHONPATH": str(ROOT)}
    trust = "from nbformat.sign import TrustNotebookApp; TrustNotebookApp.launch_instance()"
    command = [sys.executable, "-c", trust, "trusted.ipynb"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return environment


@contextmanager
def served(command, folder, environment, ready="/api"):
    """The address of a server, which is started and ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *(part.format(port=port) for part in command)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=folder, env=environment, **quiet)
    try:
        wait_for(f"http://127.0.0.1:{port}{ready}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(address):
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


JUPYTER = {
    "jupyterlab": ("/lab/tree/{}?reset", ".jp-OutputArea-output"),
    "nbclassic": ("/notebooks/{}", ".output_area"),
}


@pytest.mark.parametrize("host", JUPYTER)
def test_a_jupyter_plays_what_is_trusted_and_shows_a_picture_of_what_is_not(
    host, page, folder, environment
):
    pytest.importorskip(host)
    command = [
        host, "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    place, output = JUPYTER[host]
    with served(command, folder, environment) as address:
        page.goto(address + place.format("trusted.ipynb"))
        drive(page.frame_locator(f"{output} iframe.valuegrad").first, page)
        page.goto(address + place.format("untrusted.ipynb"))
        assert is_still(page.locator(f"{output} img").first)
        assert page.locator(f"{output} iframe").count() == 0


def test_nbconvert_writes_a_page_that_plays(page, folder):
    nbconvert = pytest.importorskip("nbconvert")
    html, _ = nbconvert.HTMLExporter().from_filename(folder / "trusted.ipynb")
    target = folder / "converted.html"
    target.write_text(html)
    page.goto(target.as_uri())
    drive(page.frame_locator("iframe.valuegrad"), page)


def test_marimo_plays(page, folder, environment):
    pytest.importorskip("marimo")
    (folder / "app.py").write_text(MARIMO.format(PYTHON.strip().replace("\n", "\n    ")))
    command = ["marimo", "run", "app.py", "--headless", "--port={port}", "--host=127.0.0.1"]
    with served(command, folder, environment, "/health") as address:
        page.goto(address)
        drive(page.frame_locator("iframe.valuegrad"), page)


# ---- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("editor", FRAMES)
def test_the_player_lives_in_a_frame_with_the_flags_of_an_editor(editor, page, tmp_path):
    html = trace_html(traced()).replace("&", "&amp;").replace('"', "&quot;")
    path = tmp_path / "editor.html"
    path.write_text(
        f'<!DOCTYPE html><iframe id="editor" width="1200" height="900" sandbox="{FRAMES[editor]}"'
        f' srcdoc="{html}"></iframe>'
    )
    page.goto(path.as_uri())
    drive(page.frame_locator("#editor").frame_locator("iframe.valuegrad"), page)
