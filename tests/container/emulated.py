"""The folders of examples/: daemons that insist on root, each with a Dockerfile, a stepdown.toml and a check by a client."""

import re
import time
from dataclasses import dataclass

from harness import REPO

EXAMPLES = sorted(path.parent.name for path in REPO.glob("examples/*/check"))
INSTALL = re.compile(r"^FROM debian:bookworm\nRUN apt-get update && apt-get install -y --no-install-recommends (.*?) && rm .*\n", re.M)


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


@dataclass
class Trial:
    works: bool
    said: str  # by the client, then by the daemon
    container: object


def trial(engine, name, level=None, patience=20):
    """Starts the example, at another level than its own if one is named, and lets its client ask until it is content."""
    docker = [] if level is None else [f"--env=STEPDOWN_EMULATE_ROOT={level}"]
    container = engine.start(image=image_of(engine, name), stepdown=(), docker=docker)
    check = (REPO / "examples" / name / "check").read_text()
    deadline = time.monotonic() + (patience + 65 if name == "cron" else patience)
    while True:
        asked = container.exec("sh", "-c", check)
        if asked.code == 0 or not container.running or time.monotonic() > deadline:
            return Trial(asked.code == 0, asked.all + container.logs(), container)
        time.sleep(0.2)
