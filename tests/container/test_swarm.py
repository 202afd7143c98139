"""examples/swarm, really deployed: the engine becomes a swarm of one node for as long as the test takes."""

import time

import pytest
import yaml

from harness import REPO, Container, assert_tree_stepped_down

STACK = REPO / "examples/swarm/stack.yaml"
NAME = "stepdown-test"
WWW_DATA = 33


@pytest.fixture
def swarm(engine):
    """The engine, as a swarm's manager. One that is in a swarm already stays there."""
    before = engine.must("info", "--format={{.Swarm.LocalNodeState}}").out.strip()
    if before == "inactive":
        engine.must("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:0")
    yield engine
    engine.docker("stack", "rm", NAME)
    if before == "inactive":
        engine.must("swarm", "leave", "--force")
        engine.docker("network", "disconnect", "--force", "docker_gwbridge", "gateway_ingress-sbox")
        engine.docker("network", "rm", "docker_gwbridge")  # what it made for its overlay networks, and does not take away


@pytest.fixture
def image(engine):
    built = engine.build((REPO / "Dockerfile.example").read_text(),
                         {"build/release/stepdown": (engine.binary.read_bytes(), 0o755)}, "example", network="host")
    engine.must("tag", built, yaml.safe_load(STACK.read_text())["services"]["web"]["image"])


def tasks_of(swarm):
    return swarm.must("ps", "--quiet", f"--filter=label=com.docker.swarm.service.name={NAME}_web").out.split()


def until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"no {what} after a minute"
        time.sleep(0.2)


def test_the_stack_is_deployed_healthy_and_stepped_down(swarm, image, filters):
    swarm.must("stack", "deploy", "--resolve-image=never", f"--compose-file={STACK}", NAME)
    until(lambda: tasks_of(swarm), "task of the service")
    task = Container(swarm, tasks_of(swarm)[0])
    task.until(lambda: task.inspect("{{.State.Health.Status}}") == "healthy", what="the verdict")
    assert_tree_stepped_down(task.processes(), uid=WWW_DATA, filters=filters)
    swarm.must("stack", "rm", NAME)
    until(lambda: not tasks_of(swarm), "end of the task")
