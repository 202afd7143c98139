"""The folders of examples/: daemons that insist on root, each with a Dockerfile, a stepdown.toml and a check by a client."""

import contextlib
import io
import pathlib
import re
import socket
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass

from harness import REPO

EXAMPLES = sorted(path.parent.name for path in REPO.glob("examples/*/check"))
INSTALL = re.compile(
    r"^FROM debian:bookworm\nRUN apt-get update && apt-get install -y --no-install-recommends (.*?) && rm .*\n", re.M
)


def image_of(engine, name):
    """As its Dockerfile says, on the one image that has the packages of all of them."""
    folder = REPO / "examples" / name
    text = (folder / "Dockerfile").read_text()
    packages = INSTALL.search(text).group(1).split()
    files = {
        "build/release/stepdown": (engine.binary.read_bytes(), 0o755),
        f"examples/{name}/stepdown.toml": ((folder / "stepdown.toml").read_bytes(), 0o644),
    }
    installed = engine.run("dpkg", "-s", *packages, image="stepdown-test/daemons", stepdown=None)
    assert installed.code == 0, f"{name}: not in the image daemons (scripts/images): {installed.err}"
    return engine.build(INSTALL.sub("FROM stepdown-test/daemons\n", text), files, f"example-{name}")


@contextlib.contextmanager
def syslog():
    """A host's /dev/log: the socket's path, to be mounted there, and what has been said to it."""
    said = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = pathlib.Path(folder) / "log"
        listener.bind(str(path))
        path.chmod(0o666)
        listener.settimeout(0.1)
        ended = threading.Event()

        def listen():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    said.append(re.sub(r"^<\d+>\w{3} +\d+ [\d:]+ ", "", listener.recv(8192).decode(errors="replace")))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield path, said
        finally:
            ended.set()
            thread.join()


def log_files(container):
    """What it has written below /var/log since it was started."""
    words = []
    began = time.time() - 300
    copied = container.engine.docker_bytes("cp", f"{container.id}:/var/log", "-")
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(copied)) as archive:
        for entry in archive:
            if entry.isfile() and entry.mtime > began:
                words.append(archive.extractfile(entry).read().decode(errors="replace"))
    return "\n".join(words)


@dataclass
class Trial:
    works: bool
    said: str  # by the daemon: to its output, to syslog, in its log files; then by the client
    container: object


def trial(engine, name, level=None, patience=20, docker=()):
    """Starts the example, at another level than its own if one is named, and lets its client ask until it is content."""
    docker = [*docker, *([f"--env=STEPDOWN_EMULATE_ROOT={level}"] if level else [])]
    if level in ("off", "ids"):
        docker.append("--env=STEPDOWN_EMULATE_OWNERS=false")
    check = (REPO / "examples" / name / "check").read_text()
    image = image_of(engine, name)
    with syslog() as (path, told):
        container = engine.start(image=image, stepdown=(), docker=[*docker, f"--volume={path}:/dev/log"])
        deadline = time.monotonic() + (patience + 65 if name == "cron" else patience)
        while True:
            asked = container.exec("sh", "-c", check)
            if asked.code == 0 or not container.running or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        said = [container.logs(), *told, log_files(container), asked.all]
        return Trial(asked.code == 0, "\n".join(said), container)
