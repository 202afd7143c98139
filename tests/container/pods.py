"""The manifests of examples/kubernetes, and a pod's containers run under Docker with the ids, capabilities, read-only root and
volumes that its manifest gives them."""

import pytest
import yaml

from harness import REPO, Container

FOLDER = REPO / "examples/kubernetes"


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def pod_spec(name):
    document = documents(FOLDER / name)[0]
    return document["spec"]["template"]["spec"] if document["kind"] != "Pod" else document["spec"]


class Pod:
    """A pod's containers as Docker runs them: emptyDir and hostPath are folders of the test's."""

    def __init__(self, engine, folder, name, images, host_paths=None):
        self.engine, self.folder, self.images = engine, folder, images
        self.spec = pod_spec(name)
        self.host_paths = host_paths or {}

    def _volume(self, name):
        volume = next(volume for volume in self.spec["volumes"] if volume["name"] == name)
        if "hostPath" in volume and volume["hostPath"]["path"] in self.host_paths:
            return self.host_paths[volume["hostPath"]["path"]]
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # as an emptyDir is
        return folder

    def words(self, container):
        """docker's options, then image and command."""
        context = {**self.spec.get("securityContext", {}), **container.get("securityContext", {})}
        options = ["--network=none"]
        if "runAsUser" in context:
            options.append(f"--user={context['runAsUser']}:{context.get('runAsGroup', 0)}")
        if context.get("readOnlyRootFilesystem"):
            options.append("--read-only")
        if context.get("allowPrivilegeEscalation") is False:
            options.append("--security-opt=no-new-privileges")
        for change, names in context.get("capabilities", {}).items():
            options += [f"--cap-{change}={name}" for name in names]
        if self.spec.get("hostPID"):
            options.append("--pid=host")
        for mount in container.get("volumeMounts", []):
            end = ":ro" if mount.get("readOnly") else ""
            options.append(f"--volume={self._volume(mount['name'])}:{mount['mountPath']}{end}")
        return [*options, f"--entrypoint={container['command'][0]}", self.images[container["image"]],
                *container["command"][1:], *container.get("args", [])]

    def run_init(self):
        for container in self.spec["initContainers"]:
            self.engine.must("run", "--rm", *self.words(container))

    def start(self):
        [container] = self.spec["containers"]
        started = Container(self.engine, self.engine.must("run", "-d", *self.words(container)).out.strip())
        self.engine.containers.append(started)
        return container, started


@pytest.fixture(scope="module")
def images(engine_of_session):
    engine = engine_of_session
    binary = {"stepdown": (engine.binary.read_bytes(), 0o755)}
    return {
        "stepdown:0.1.0": engine.build('FROM scratch\nCOPY stepdown /\nENTRYPOINT ["/stepdown"]', binary, "scratch"),
        "app:1": engine.image("busybox"),
        "busybox:1": "stepdown-test/busybox",
        "debian:bookworm": "stepdown-test/debian:bookworm",
    }
