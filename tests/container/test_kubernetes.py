"""examples/kubernetes and examples/compose: each manifest held to a schema, each container's command run under Docker with the ids,
capabilities, read-only root and volumes that its manifest gives it."""

import json

import jsonschema
import pytest
import yaml

from harness import REPO, assert_tree_stepped_down, run_program
from pods import FOLDER, Pod, documents, images, pod_spec  # noqa: F401: a fixture

SCHEMA = json.loads((REPO / "tests/container/kubernetes.schema.json").read_text())
MANIFESTS = sorted(FOLDER.glob("*.yaml"))
COMPOSE = REPO / "examples/compose/compose.yaml"
WWW_DATA, APP = 33, 10001


# --- the files


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_manifest_is_valid(path):
    for document in documents(path):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_schema_refuses_what_the_api_server_refuses():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    pod = documents(FOLDER / "wrap-pod.yaml")[0]
    for change in (lambda p: p["spec"]["containers"][0].update(comand=["x"]),
                   lambda p: p["spec"]["containers"][0]["securityContext"]["capabilities"].update(add=["CAP_CHOWN"]),
                   lambda p: p["metadata"].update(name="Upper"),
                   lambda p: p["spec"].update(containers=[])):
        broken = json.loads(json.dumps(pod))
        change(broken)
        assert not validator.is_valid(broken), broken


def containers_of(path):
    for document in documents(path):
        if document.get("kind") in ("Pod", "Deployment", "DaemonSet"):
            spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
            yield from spec["containers"] + spec.get("initContainers", [])


def test_the_kustomization_takes_files_that_are_there():
    kustomization = documents(FOLDER / "kustomization.yaml")[0]
    for name in kustomization["resources"]:
        assert (FOLDER / name).exists(), name
    named = {container["image"].rpartition(":")[0] for path in MANIFESTS for container in containers_of(path)}
    assert {image["name"] for image in kustomization["images"]} <= named, "an image that no manifest has"


def test_every_volume_that_is_mounted_exists_and_selectors_match():
    for path in MANIFESTS:
        for document in documents(path):
            if document.get("kind") not in ("Pod", "Deployment", "DaemonSet"):
                continue
            spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
            names = {volume["name"] for volume in spec.get("volumes", [])}
            for container in spec["containers"] + spec.get("initContainers", []):
                assert {mount["name"] for mount in container.get("volumeMounts", [])} <= names, path
            if document["kind"] != "Pod":
                labels = document["spec"]["template"]["metadata"]["labels"]
                assert document["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_deployment_is_what_pod_security_restricted_asks_for():
    spec = pod_spec("deployment.yaml")
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert not spec.get("hostPID") and all(set(volume) <= {"name", "emptyDir"} for volume in spec["volumes"])
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False and context["capabilities"] == {"drop": ["ALL"]}
    grace = spec["terminationGracePeriodSeconds"]
    assert int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]) < grace


# --- run


def probe_until_it_passes(described, container):
    container.until_answers(*described["startupProbe"]["exec"]["command"])


def test_an_image_as_it_is_is_wrapped_by_an_init_container(engine, host_folder, images, filters):
    pod = Pod(engine, host_folder, "wrap-pod.yaml", images)
    pod.run_init()
    described, container = pod.start()
    probe_until_it_passes(described, container)
    assert_tree_stepped_down(container.processes(), uid=WWW_DATA, filters=filters)
    assert container.exec("stat", "-c", "%U", "/var/cache").out == "www-data\n"


def test_the_deployment_starts_unprivileged_and_stops_by_its_pre_stop(engine, host_folder, images, filters):
    described, container = Pod(engine, host_folder, "deployment.yaml", images).start()
    probe_until_it_passes(described, container)
    for process in container.processes():
        assert process["uid"] == [APP] * 4 and process["no_new_privs"] == 1 and process["filters"] == filters, process
        assert set(process["capabilities"].values()) == {0}, process
    before = described["lifecycle"]["preStop"]["exec"]["command"]
    assert container.exec(*before, user=str(APP)).code == 0
    seconds, code = container.stop()
    assert seconds < 8 and code == 143


# --- Docker Compose


def test_the_compose_file_is_valid(engine):
    shown = run_program(["docker-compose", "-f", COMPOSE, "config", "--quiet"])
    assert shown.code == 0, shown.all


def test_the_compose_files_service_runs_as_it_says(engine, filters):
    service = yaml.safe_load(COMPOSE.read_text())["services"]["web"]
    image = engine.build((REPO / service["build"]["dockerfile"]).read_text(),
                         {"build/release/stepdown": (engine.binary.read_bytes(), 0o755)}, "example", network="host")
    options = [f"--cap-drop={name}" for name in service["cap_drop"]] + [f"--cap-add={name}" for name in service["cap_add"]]
    options += ["--security-opt=no-new-privileges"] + [f"--env={key}={value}" for key, value in service["environment"].items()]
    container = engine.start(image=image, stepdown=(), docker=options)
    assert service["healthcheck"]["test"][0] == "CMD"
    container.until_answers(*service["healthcheck"]["test"][1:])
    assert_tree_stepped_down(container.processes(), uid=WWW_DATA, filters=filters)
