"""The API answers as its description says, whatever it is asked; schemathesis asks."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.test_browser import HANDLERS
from tests.integration.cli.test_metrics import fetch, free_port

pytestmark = [pytest.mark.extra, pytest.mark.timeout(400)]

# Which text is a page's end, or a condition, no schema says.
NOT_CHECKED = "positive_data_acceptance"


def test_the_api_answers_as_it_is_described(project: Any, until: Any):
    project.write("handlers.py", HANDLERS)
    project.process("dispatch", "waiting", "{}", "--handlers", "handlers.py")
    port = free_port()
    server = project.start("serve", "--port", str(port))
    until(lambda: fetch(port, "/health")[0] == 200)
    options = ["--exclude-checks", NOT_CHECKED, "--max-examples", "8", "--no-color"]
    options += ["--generation-deterministic", "--phases", "coverage,fuzzing"]

    said = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"http://127.0.0.1:{port}/api/v1/openapi.json",
            *options,
        ],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=350,
        check=False,
    )

    assert said.returncode == 0, said.stdout
    server.send_signal(signal.SIGTERM)
    server.wait(10)
