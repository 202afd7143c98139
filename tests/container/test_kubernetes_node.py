"""What examples/kubernetes has for a node and a cluster: the DaemonSet run as the node would, its report read by Prometheus's own tool, as
are the alerts about it; the admission policy's expression held against pods."""

import json
import re

import pytest
import yaml

from harness import REPO, run_program
from pods import FOLDER, Pod, documents, images  # noqa: F401: a fixture


def promtool(*argv, **options):
    return run_program(["promtool", *argv], **options)


def rules():
    return [rule for group in documents(FOLDER / "alerts.yaml")[0]["groups"] for rule in group["rules"]]


def test_alerts_and_dashboard_ask_for_what_verify_writes():
    asked = (FOLDER / "alerts.yaml").read_text() + (FOLDER / "dashboard.json").read_text()
    source = (REPO / "src/render/report_prometheus.cpp").read_text()
    names = set(re.findall(r"\bstepdown_[a-z_]+\b", asked))
    assert names and all(f'"{name}"' in source for name in names), names
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(identifiers) == len(set(identifiers)) and all(panel["targets"] for panel in dashboard["panels"])


def test_prometheus_takes_the_rules():
    shown = promtool("check", "rules", FOLDER / "alerts.yaml")
    assert shown.code == 0 and f"{len(rules())} rules found" in shown.out, shown


def test_prometheus_takes_every_question_of_the_dashboard(tmp_path):
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    rules_file = tmp_path / "rules.yaml"
    rules_file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]}]}))
    shown = promtool("check", "rules", rules_file)
    assert shown.code == 0, shown


def test_the_alerts_ring_when_they_should_and_only_then(tmp_path):
    """A container that fails for six minutes, one that passes, a sandbox and a node's own that fail, and a report that nobody renews."""
    node = 'instance="node",job="node"'
    case = {
        "rule_files": [str(FOLDER / "alerts.yaml")],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [
                {"series": f'stepdown_pass{{container="good",{node}}}', "values": "1x30"},
                {"series": f'stepdown_pass{{container="bad",{node}}}', "values": "0x30"},
                {"series": f'stepdown_pass{{container="pause",{node}}}', "values": "0x30"},
                {"series": f'stepdown_pass{{container="proxy",{node}}}', "values": "0x30"},
                *({"series": f'kube_pod_container_info{{container="app",container_id="containerd://{one}",namespace="{space}"}}', "values": "1x30"}
                  for one, space in (("good", "shop"), ("bad", "shop"), ("proxy", "kube-system"))),
                {"series": f'stepdown_unreadable_processes{{{node}}}', "values": "0x15 2x15"},
                {"series": f'node_textfile_mtime_seconds{{file="/textfile/stepdown.prom",{node}}}', "values": "0x30"},
            ],
            "alert_rule_test": [
                {"eval_time": "4m", "alertname": "ContainerNotSteppedDown", "exp_alerts": []},
                {"eval_time": "6m", "alertname": "ContainerNotSteppedDown", "exp_alerts": [{
                    "exp_labels": {"severity": "warning", "container": "bad", "instance": "node", "job": "node"},
                    "exp_annotations": {key: text.replace("{{ $labels.instance }}", "node").replace("{{ $labels.container }}", "bad")
                                        for key, text in rules()[0]["annotations"].items()}}]},
                {"eval_time": "15m", "alertname": "StepdownVerifyBlind", "exp_alerts": []},
                {"eval_time": "25m", "alertname": "StepdownVerifyBlind", "exp_alerts": [{
                    "exp_labels": {"severity": "warning", "instance": "node", "job": "node"},
                    "exp_annotations": {key: text.replace("{{ $labels.instance }}", "node")
                                        for key, text in rules()[2]["annotations"].items()}}]},
                {"eval_time": "30m", "alertname": "StepdownVerifyWithoutNames", "exp_alerts": []},
                {"eval_time": "10m", "alertname": "StepdownVerifyStale", "exp_alerts": []},
                {"eval_time": "17m", "alertname": "StepdownVerifyStale", "exp_alerts": [{
                    "exp_labels": {"severity": "warning", "file": "/textfile/stepdown.prom", "instance": "node", "job": "node"},
                    "exp_annotations": {key: text.replace("{{ $labels.instance }}", "node")
                                        for key, text in rules()[1]["annotations"].items()}}]},
            ],
        }],
    }
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(case))
    shown = promtool("test", "rules", file)
    assert shown.code == 0, shown


def test_the_daemon_set_leaves_what_the_node_exporter_reads(engine, host_folder, images):  # noqa: F811
    judged = engine.start("sleep", "1000")
    judged.until(lambda: len(judged.processes()) == 2, what="the app")
    textfile = host_folder / "collector"
    textfile.mkdir()
    pod = Pod(engine, host_folder, "verify-daemonset.yaml", images,
              {"/proc": "/proc", "/var/lib/node_exporter/textfile_collector": textfile})
    pod.run_init()
    _, container = pod.start()
    written = textfile / "stepdown.prom"
    container.until(written.exists, what="the report")
    text = written.read_text()
    assert re.search(rf'^stepdown_pass{{container="{judged.id}[^}}]*}} 1$', text, flags=re.M), text
    read = promtool("check", "metrics", input=text.encode())
    assert read.code == 0 and not read.all.strip(), read


# --- the admission policy


def admitted(expression, pod):
    """The part of CEL that the policy is written in, as Python."""
    text = " ".join(expression.split())
    every = re.fullmatch(r"(?:!has\(object\.spec\.initContainers\) \|\| )?object\.spec\.(\w+)\.all\(c, (.*)\)", text)
    body = every[2].replace("&&", "and").replace("||", "or").replace("!has", "not has")
    body = re.sub(r"has\(c\.(\w+)\)", r"('\1' in c)", body)
    body = re.sub(r"c\.(\w+)\.size\(\)", r"len(c['\1'])", body)
    body = re.sub(r"\bc\.(\w+)", r"c['\1']", body)
    return all(eval(body, {"__builtins__": {}, "len": len}, {"c": c}) for c in pod["spec"].get(every[1], []))  # noqa: S307: our own file


@pytest.mark.parametrize("commands, wanted", [
    ([["/stepdown", "--user=app", "--", "app"]], True),
    ([["/opt/stepdown/stepdown", "--"]], True),
    ([["/stepdown"], ["sh", "-c", "/stepdown"]], False),
    ([["/stepdown-not"]], False),
    ([[]], False),
    ([None], False),
])
def test_the_policy_asks_every_container_for_the_entrypoint(commands, wanted):
    policy, binding = documents(FOLDER / "admission.yaml")
    validation = policy["spec"]["validations"][0]
    pod = {"spec": {"containers": [{} if command is None else {"command": command} for command in commands]}}
    assert admitted(validation["expression"], pod) is wanted
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]


@pytest.mark.parametrize("init, wanted", [
    ({"command": ["sh"]}, True),
    ({"command": ["sh"], "restartPolicy": "Always"}, False),
    ({"restartPolicy": "Always"}, False),
    ({"command": ["/stepdown", "--", "proxy"], "restartPolicy": "Always"}, True),
])
def test_the_policy_asks_sidecars_too(init, wanted):
    validation = documents(FOLDER / "admission.yaml")[0]["spec"]["validations"][1]
    assert admitted(validation["expression"], {"spec": {"containers": [], "initContainers": [init]}}) is wanted
    assert admitted(validation["expression"], {"spec": {"containers": []}})


def test_the_policy_admits_the_pods_beside_it():
    for validation in documents(FOLDER / "admission.yaml")[0]["spec"]["validations"]:
        assert admitted(validation["expression"], documents(FOLDER / "wrap-pod.yaml")[0])
        assert admitted(validation["expression"], documents(FOLDER / "deployment.yaml")[0]["spec"]["template"])
