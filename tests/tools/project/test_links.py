"""The laws of tools/project/links.py: what does not answer is named, and nothing else fails."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]


class Site(BaseHTTPRequestHandler):
    """A page, a page that has moved, and none at any other address."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/there")
        else:
            self.send_response(200 if self.path == "/there" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *ignored: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def check(root: Path, *links: str) -> subprocess.CompletedProcess[str]:
    (root / "_config.yml").write_text("title: A small book\n")
    (root / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    lines = "\n\n".join(f"[link {i}]({link})" for i, link in enumerate(links))
    (root / "index.md").write_text(f"# A small book\n\n{lines}\n")
    command = [sys.executable, "-m", "tools.project.links", str(root)]
    return subprocess.run(command, capture_output=True, text=True)


def test_links_that_answer_pass(tmp_path: Path, address: str) -> None:
    answer = check(tmp_path, f"{address}/there", f"{address}/moved")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_link_that_does_not_answer_is_named_with_its_place(tmp_path: Path, address: str) -> None:
    answer = check(tmp_path, f"{address}/there", f"{address}/gone")
    assert answer.returncode == 1
    assert re.search(rf"index.md:5:.*{address}/gone.*404", answer.stderr)
    assert f"{address}/there" not in answer.stderr


def test_links_are_asked_each_week_and_on_demand() -> None:
    text = (ROOT / ".github" / "workflows" / "links.yml").read_text()
    workflow = yaml.safe_load(text)
    when = workflow[True]  # the key `on` is a truth value in YAML 1.1
    assert len(when["schedule"][0]["cron"].split()) == 5 and "workflow_dispatch" in when
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step.get("run") for step in workflow["jobs"]["links"]["steps"]]
    assert "make links" in steps
