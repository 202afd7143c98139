"""Dockerfile.example: a third-party image that runs as root, wrapped in four lines."""

import pytest

from harness import REPO, assert_tree_stepped_down

WWW_DATA = 33


@pytest.fixture(scope="module")
def image(engine_of_session):
    files = {"build/release/stepdown": (engine_of_session.binary.read_bytes(), 0o755)}
    return engine_of_session.build((REPO / "Dockerfile.example").read_text(), files, "example", network="host")


@pytest.fixture
def served(engine, image):
    def start(**options):
        container = engine.start(image=image, stepdown=(), **options)
        container.until(lambda: "Welcome to nginx" in page(engine, container), what="the page")
        return container

    return start


def page(engine, container):
    """From a sibling in the container's network namespace: the image itself has nothing to ask with."""
    ask = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 5 nc 127.0.0.1 80"
    return engine.docker(
        "run", "--rm", f"--network=container:{container.id}", "stepdown-test/busybox", "sh", "-c", ask
    ).out


def test_it_is_four_lines():
    lines = (REPO / "Dockerfile.example").read_text().split("# --- the four lines ---\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["COPY", "RUN", "ENTRYPOINT", "CMD"]


def test_the_wrapped_image_runs_as_root_without_them(engine, image):
    container = engine.start("nginx", "-g", "daemon off;", image=image, stepdown=None)
    container.until(lambda: "Welcome to nginx" in page(engine, container), what="the page")
    assert container.processes()[0]["uid"] == [0] * 4


def test_it_serves_its_page_and_every_process_is_stepped_down(served, filters):
    container = served()
    processes = container.processes()
    assert processes[0]["name"] == "stepdown" and [p["name"] for p in processes].count("nginx") >= 2
    assert_tree_stepped_down(processes, uid=WWW_DATA, filters=filters)
    assert container.exec("/stepdown", "verify").code == 0


def test_it_stops_with_nginxs_own_code_at_once(served):
    seconds, code = served().stop()
    assert code == 0 and seconds < 2


def test_it_serves_again_after_a_restart(engine, served):
    container = served()
    engine.must("restart", "--time=10", container.id)
    container.until(lambda: "Welcome to nginx" in page(engine, container), what="the page")
    assert container.exec("/stepdown", "verify").code == 0
