"""What lies in ``contrib`` speaks of metrics that there are, and of commands that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from paigeant.app.observing.monitor import Monitor
from paigeant.model.stored.overview import QueueView
from paigeant.telemetry.metrics.instruments import Histogram
from paigeant.telemetry.metrics.text import prometheus_text

CONTRIB = Path(__file__).parents[4] / "contrib"
GUIDE = CONTRIB.parent / "docs/howto/observe.md"


def known() -> set[str]:
    instruments = Monitor().instruments
    families = set(re.findall(r"# TYPE (\S+)", prometheus_text(instruments)))
    histograms = {name for name in families for each in instruments if isinstance(each, Histogram)}
    return families | {f"{name}{end}" for name in histograms for end in ("_bucket", "_sum", "_count")}


@pytest.mark.parametrize("name", ["alerts.yaml", "alerts.test.yaml", "grafana.json"])
def test_each_metric_that_is_asked_for_is_one_that_there_is(name: str):
    asked = set(re.findall(r"\bpaigeant_[a-z_]+", (CONTRIB / name).read_text()))

    assert asked
    assert asked - known() == set()


def test_the_guide_lists_every_metric_with_its_labels():
    rows = re.findall(r"^\| (`[a-z_]+`.*?) \| (.*?)\|", GUIDE.read_text("utf-8"), re.MULTILINE)
    listed = {name: labels for names, labels in rows for name in re.findall(r"`([a-z_]+)`", names)}

    for each in Monitor().instruments:
        [family] = re.findall(r"# TYPE paigeant_(\S+)", prometheus_text([each]))
        labels = [label.replace(".", "_") for label in each.labels]
        assert listed[family].partition(":")[0].strip() == ", ".join(labels), family


def test_the_dashboard_and_the_manifests_are_what_they_should_be():
    board = json.loads((CONTRIB / "grafana.json").read_text())
    kinds = [each["kind"] for each in yaml.safe_load_all((CONTRIB / "kubernetes/worker.yaml").read_text())]
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(CONTRIB / "systemd/paigeant.service")

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert kinds == ["Deployment", "Service", "ScaledObject"]
    assert "paigeant run --processes 2 --metrics-port 9464" in unit["Service"]["ExecStart"]


def test_the_autoscaler_reads_what_the_workers_say_of_their_activity():
    [scaler] = [
        each
        for each in yaml.safe_load_all((CONTRIB / "kubernetes/worker.yaml").read_text())
        if each["kind"] == "ScaledObject"
    ]
    place = scaler["spec"]["triggers"][0]["metadata"]["valueLocation"]
    found = re.fullmatch(r'(\w+)\.#\((\w+)=="charge"\)\.(\w+)', place)  # a query of gjson, as KEDA has it
    page = Monitor().page("/queues")
    shown = {**QueueView(activity="charge").model_dump(), "slots": 1, "wanted": 0}

    assert page is not None
    assert found is not None
    assert found[1] in json.loads(page.body)
    assert {found[2], found[3]} <= shown.keys()


def test_the_alerts_fire_when_they_should():
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: .ci/services brings it; on Debian: apt install prometheus"

    command = [promtool, "test", "rules", "alerts.test.yaml"]
    tested = subprocess.run(command, check=False, cwd=CONTRIB, capture_output=True, text=True)

    assert tested.returncode == 0, tested.stdout + tested.stderr
