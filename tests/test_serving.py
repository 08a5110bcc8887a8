"""The local page and the two commands: what they answer, and what they refuse."""

import contextlib
import http.client
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from html import unescape

import pytest
from counting import calls

from autograd import gradients
from autograd.commands import serving
from autograd.commands.expression import ExpressionError
from autograd.commands.main import main
from autograd.commands.serving import EXAMPLES, HOST, assignments, export, front, stepped
from autograd.seeing import player

pytestmark = pytest.mark.slow

HOSTILE = "</textarea></script><img src=x onerror=alert(1)>"


def numbers_of(page):
    """The data that a player's page holds."""
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )


# ---- an expression as a trace --------------------------------------------------------------------


def test_an_expression_is_traced_with_its_variables_by_name():
    t = stepped("tanh(x*w + b)", {"x": 2.0, "w": -1.0, "b": 1.0})
    assert t.name == "y"
    assert str(t.forward[0]) == "forward 1 of 3: v1 = x * w = 2.0 * (-1.0) = -2.0"
    assert t.find(t.root).g == 1.0


def test_the_result_is_not_called_as_a_variable_is():
    assert stepped("y * f", {"y": 2.0, "f": 3.0}).name == "out"


def test_a_lone_variable_or_number_is_an_expression_too():
    assert stepped("x", {"x": 2.0}).name == "x"
    assert len(stepped("1 + 1", {})) == 1


def test_values_are_names_and_numbers():
    assert assignments(["x=2", "y=pi/2", "z=-1e3"])["z"] == -1000.0
    assert assignments(["y=pi/2"])["y"] == pytest.approx(1.5707963)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x"], "'x' is not name=number"),
        (["2=x"], "is not name=number"),
        (["x=two"], "x: 'two' is not a number"),
        (["x=__import__('os')"], "is not a number"),
        (["x=1", "x=2"], "x is given twice"),
    ],
)
def test_values_that_are_none_are_refused(words, what):
    with pytest.raises(ExpressionError, match=re.escape(what)):
        assignments(words)


@pytest.mark.parametrize(
    ("text", "given", "what"),
    [
        ("x*y", {"x": 1.0}, "no value for y"),
        ("x", {"x": 1.0, "z": 2.0}, "z is not in the expression, which has x"),
        ("__import__('os').system('id')", {}, "quotes and backslashes are not allowed"),
        ("x.__class__", {"x": 1.0}, "a dot between names is not known here"),
        ("(lambda: 1)()", {}, "not allowed"),
        ("", {}, "the expression is empty"),
    ],
)
def test_what_is_no_expression_is_refused_and_nothing_is_run(text, given, what):
    with pytest.raises(ExpressionError, match=re.escape(what)):
        stepped(text, given)


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_holds_the_player_of_the_expression():
    page = front("x*x + y", "x=3 y=1")
    inner = unescape(re.search(r'srcdoc="([^"]*)"', page)[1])
    graph = numbers_of(inner)["live"]
    leaves = [k for k, (row, _) in enumerate(graph["slots"]) if not row]
    assert {graph["names"][k]: graph["data"][k] for k in leaves} == {"x": 3.0, "y": 1.0}
    assert [row for row, _ in graph["slots"] if row] == ["mul", "add"]
    t = stepped("x*x + y", {"x": 3.0, "y": 1.0})
    x = next(s.input for f in t for s in f.shares if s.input.label == "x")
    assert gradients(t.root, [x]) == [6.0]


def test_what_is_wrong_is_said_on_the_page_and_what_was_typed_stays():
    page = front("x*", "x=3")
    assert 'role="alert"' in page
    assert 'value="x*"' in page
    assert "iframe sandbox" not in page


def test_what_is_typed_is_text():
    for page in (front(HOSTILE, "x=1"), front("x", HOSTILE), front(HOSTILE, HOSTILE)):
        assert "<img" not in page
        assert "</textarea" not in page


@pytest.mark.parametrize(
    ("expression", "at"),
    [("x" + "+x" * 2000, "x=1"), ("x", "x=" + "1" * 5000)],
)
def test_what_is_too_long_is_refused(expression, at):
    assert "too long" in front(expression, at)


def test_what_is_too_large_for_a_page_is_refused(monkeypatch):
    monkeypatch.setattr(serving, "MOST_VALUES", 3)
    assert "too much for a page" in front("x*x*x*x", "x=1")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_plays(example):
    text, values, _ = example
    assert "iframe sandbox" in front(text, values)


def test_the_examples_are_files_that_need_no_server(tmp_path):
    index, *pages = export(tmp_path / "new")
    assert len(pages) == len(EXAMPLES)
    links = re.findall('href="([^"]*)"', index.read_text())
    assert links == [page.name for page in pages]
    for page in pages:
        assert numbers_of(page.read_text())["views"][0]["steps"]
        assert "http" not in re.sub(r"http://www.w3.org/2000/svg|http-equiv", "", page.read_text())


# ---- the server ----------------------------------------------------------------------------------


@contextlib.contextmanager
def served():
    made = serving.server(0)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made.server_address
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def address():
    with served() as address:
        yield address


def ask(address, path, method="GET", **headers):
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def test_the_server_is_bound_to_the_loopback_address(address):
    assert address[0] == HOST == "127.0.0.1"


def test_the_server_answers_with_the_page_and_a_strict_policy(address):
    status, headers, text = ask(address, "/?expression=x*x&at=x%3D3")
    assert status == 200
    assert "iframe sandbox" in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_that_a_stranger_pointed_here_is_not_answered(address):
    assert ask(address, "/", Host="evil.example")[0] == 403
    assert ask(address, "/", Host=f"localhost:{address[1]}")[0] == 200


@pytest.mark.parametrize("path", ["/etc/passwd", "/../../etc/passwd", "/favicon.ico", "//x"])
def test_there_is_one_page_and_no_file(address, path):
    assert ask(address, path)[0] == 404


def test_other_methods_and_unreadable_queries_are_refused(address):
    assert ask(address, "/", method="POST")[0] == 501
    assert ask(address, "/?" + "&".join("a=1" for _ in range(50)))[0] == 400
    assert ask(address, "/?expression=" + "x" * 70_000)[0] == 414
    assert 'role="alert"' in ask(address, "/?expression=%FF%FE")[2]


@pytest.mark.parametrize("drip", [b"G", b"GET / HTTP/1.0\r\nX: ", b"", b"GET / HTTP/1.0\r\n"])
def test_a_request_that_trickles_in_is_given_up(address, monkeypatch, drip):
    monkeypatch.setattr(serving.Handler, "timeout", 0.5)

    def trickle():
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(drip)
            with contextlib.suppress(OSError):
                for _ in range(60):
                    connection.sendall(b"x")
                    connection.settimeout(0.05)
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(1):
                            return
            connection.settimeout(10)
            pytest.fail("the connection is still open")

    trickle()
    assert ask(address, "/")[0] == 200


def reached(state: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a state, however busy the machine."""
    end = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_page_that_nobody_takes_is_given_up(address, monkeypatch):
    monkeypatch.setattr(serving.Handler, "timeout", 0.5)
    monkeypatch.setattr(serving, "front", lambda *_: "x" * 50_000_000)
    before = threading.active_count()
    with socket.create_connection(address) as connection:
        host = f"{HOST}:{address[1]}".encode()
        connection.sendall(b"GET / HTTP/1.0\r\nHost: " + host + b"\r\n\r\n")
        reached(lambda: threading.active_count() == before + 1)
        reached(lambda: threading.active_count() == before)


def test_no_more_requests_are_worked_on_at_once_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(serving, "MOST_REQUESTS", 3)
    before = threading.active_count()
    with served() as address:
        waiting = [socket.create_connection(address) for _ in range(3)]
        for _ in range(5):
            assert ask(address, "/")[0] == 503
        assert threading.active_count() == before + 1 + 3
        for connection in waiting:
            connection.close()
        reached(lambda: ask(address, "/")[0] == 200)


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_dot_that_takes_long_is_stopped_and_our_layout_stands_in(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\nwhile :; do :; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(player, "PATIENCE", 0.3)

    class Stuck:
        def __getattr__(self, name):
            raise AssertionError("pygraphviz cannot be stopped")

    monkeypatch.setitem(sys.modules, "pygraphviz", Stuck())
    pages = []
    pages.append(front("a*b + a", "a=2 b=3"))
    assert numbers_of(unescape(re.search(r'srcdoc="([^"]*)"', pages[0])[1]))["views"]


@pytest.mark.parametrize(
    "expression",
    [
        "+".join(["a", "b"] * 100),
        "*".join(["a"] * 200),
        "softmax([" + ",".join("ab" * 95) + "])",
        "logsumexp(softmax([" + ",".join("ab" * 90) + "]))",
        "sum(softmax(log_softmax([" + ",".join("ab" * 40) + "])))",
        "a" + "**2" * 132,
        "((" * 49 + "a" + "+b)*a)" * 49,
    ],
)
def test_no_expression_of_400_characters_keeps_the_server_busy(expression):
    assert len(expression) <= 402
    pages = []
    assert calls(lambda: pages.append(front(expression, "a=1.5 b=0.5"))) < 10_000_000
    assert len(pages[0]) < 5_000_000


# ---- the commands --------------------------------------------------------------------------------


def test_step_writes_a_page(tmp_path, capsys):
    target = tmp_path / "backprop.html"
    assert main(["step", "tanh(x*w)", "x=2", "w=1", "-o", str(target)]) == 0
    assert numbers_of(target.read_text())["root"] == "y"
    assert "open it in a browser" in capsys.readouterr().out


def test_step_prints_every_frame(capsys):
    assert main(["step", "x*x", "x=3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("forward 1 of 1: y = x * x = 3.0 * 3.0 = 9.0\nframe 1 of 2")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["step", "x*y", "x=2"], "no value for y"),
        (["step", "x*"], "cannot read"),
        (["step", "1+1", "-o", "nowhere/b.html"], "there is no directory"),
        (["step", "1+1", "-o", "b.gif"], "its name ends in .html"),
        (["serve", "--port", "99999"], "a port is a number from 0 to 65535"),
    ],
)
def test_what_the_user_has_to_put_right_is_one_line(words, what, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("valuegrad: ")
    assert what in error
    assert error.count("\n") == 1


def test_a_port_that_is_taken_is_said(address, capsys):
    assert main(["serve", "--port", str(address[1])]) == 2
    assert f"cannot use port {address[1]}" in capsys.readouterr().err


def test_serve_exports_the_examples(tmp_path, capsys):
    assert main(["serve", "--export", str(tmp_path / "site")]) == 0
    assert (tmp_path / "site" / "index.html").exists()
    assert capsys.readouterr().out.count("wrote") == len(EXAMPLES) + 1
