"""The showcase notebooks: they run, what they show is saved in them, and JupyterLab plays it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
UNTRUSTED = "untrusted.ipynb"
PLAYER = "2_stepping_through_backprop.ipynb"


def cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a cell shows as text, without what may differ between machines."""
    out = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "".join(out)


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """A kernel that is this Python, with this package, whatever kernels are installed."""
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(
        '{"display_name": "Python 3", "language": "python", "argv": '
        f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]}}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS][:2] == ["1_meet_the_value.ipynb", PLAYER]


@pytest.mark.filterwarnings("default")  # of Jupyter's own libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_saved_in_it(path, kernels):
    saved = nbformat.read(path, as_version=4)
    fresh = nbformat.from_dict(saved)
    nbclient.NotebookClient(fresh, timeout=120, kernel_name="python3").execute()
    assert [shown(cell) for cell in cells(fresh)] == [shown(cell) for cell in cells(saved)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_with_its_outputs_and_nothing_of_the_machine(path):
    text = path.read_text()
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert sum(bool(cell.outputs) for cell in cells(notebook)) >= len(cells(notebook)) - 1
    assert [cell.execution_count for cell in cells(notebook)] == [
        i + 1 for i in range(len(cells(notebook)))
    ]
    assert "data:image/svg+xml;base64," in text
    assert not re.search(r"/tmp/|/home/|/root/|ipykernel_\d", text)
    assert path.stat().st_size < 200_000


# ---- in JupyterLab -------------------------------------------------------------------------------


@pytest.fixture
def lab(kernels):
    """A JupyterLab of its own, with a copy of the notebooks; its address."""
    pytest.importorskip("jupyterlab")
    folder = kernels / "work"
    folder.mkdir()
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
    stranger = (folder / PLAYER).read_text().replace("# Stepping", "# A stranger's stepping")
    (folder / UNTRUSTED).write_text(stranger)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homes = {name: str(kernels / name.lower()) for name in (
        "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME",
    )}  # fmt: skip
    environment = os.environ | homes
    trust = [sys.executable, "-m", "jupyter", "trust", PLAYER]
    subprocess.run(trust, cwd=folder, env=environment, check=True, capture_output=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
         f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
         f"--ServerApp.root_dir={folder}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(address):
    """Until somebody answers there."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt install chromium")
def test_jupyterlab_plays_the_notebook_and_shows_a_picture_in_one_it_does_not_trust(lab):
    playwright = pytest.importorskip("playwright.sync_api")
    from browsing import FLAGS

    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 1000})
        tab.goto(f"{lab}/lab/tree/{PLAYER}?reset")
        frame = tab.frame_locator(".jp-OutputArea-output iframe").first
        frame.locator("#play").click(timeout=60_000)
        frame.locator("#speed").select_option("75")
        playwright.expect(frame.locator("#count")).to_have_text("step 15 of 15", timeout=20_000)
        frame.locator("#last").focus()
        tab.keyboard.press("Home")
        tab.keyboard.press("ArrowRight")
        playwright.expect(frame.locator("#count")).to_have_text("step 1 of 15")
        stranger = browser.new_page()
        stranger.goto(f"{lab}/lab/tree/{UNTRUSTED}?reset")
        still = stranger.locator(".jp-OutputArea-output img").first
        still.wait_for(timeout=60_000)
        assert still.evaluate("e => e.complete && e.naturalWidth > 300")
        assert stranger.locator(".jp-OutputArea-output iframe").count() == 0
        if picture := os.environ.get("VALUEGRAD_SCREENSHOT"):
            tab.screenshot(path=picture)
        browser.close()
