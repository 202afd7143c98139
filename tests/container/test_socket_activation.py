"""--listen with a server that other people wrote: gunicorn takes its socket by the protocol of sd_listen_fds(3)."""

import pytest

from harness import assert_tree_stepped_down

APP = b"""def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [open("/proc/self/status", "rb").read()]
"""
# The engine opens low ports to everybody; closed again, nobody but root opens them.
CLOSED = ["--sysctl=net.ipv4.ip_unprivileged_port_start=1024"]
GUNICORN = ["gunicorn", "--chdir=/srv", "--worker-tmp-dir=/dev/shm", "app:application"]
ASK = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:80/', timeout=5).status)"
ASK_UNIX = """
import socket
client = socket.socket(socket.AF_UNIX)
client.connect("/run/app/sock")
client.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
print(client.recv(12).decode())
"""


@pytest.fixture(scope="module")
def image(engine_of_session):
    lines = (
        f"FROM {engine_of_session.image('debian')}\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends gunicorn && rm -rf /var/lib/apt/lists/*\n"
        "COPY app.py /srv/"
    )
    return engine_of_session.build(lines, {"app.py": (APP, 0o644)}, "gunicorn", network="host")


def answers(container, script, wanted):
    return container.exec("python3", "-c", script).out.strip() == wanted


def test_a_port_below_1024_needs_no_capability(engine, image, filters):
    container = engine.start(*GUNICORN, image=image, stepdown=["--user=app", "--listen=tcp:0.0.0.0:80"], docker=CLOSED)
    container.until(lambda: answers(container, ASK, "200"), what="an answer")
    processes = container.processes()
    assert [process["name"] for process in processes].count("gunicorn") >= 2
    assert_tree_stepped_down(processes, uid=10001, filters=filters)
    assert container.exec("/stepdown", "verify").code == 0


def test_the_server_alone_may_not_open_it(engine, image):
    result = engine.run(*GUNICORN, "--bind=0.0.0.0:80", image=image, docker=CLOSED)
    assert result.code != 0 and "Can't connect to ('0.0.0.0', 80)" in result.all, result


def test_a_unix_socket_is_the_apps(engine, image):
    options = ["--user=app", "--mkdir=/run/app", "--listen=unix:/run/app/sock,mode=0660"]
    container = engine.start(*GUNICORN, image=image, stepdown=options)
    container.until(lambda: answers(container, ASK_UNIX, "HTTP/1.0 200"), what="an answer")
    assert container.exec("stat", "-c", "%U %a", "/run/app/sock").out == "app 660\n"


def test_several_sockets_at_once(engine, image):
    options = ["--user=app", "--mkdir=/run/app", "--listen=tcp:0.0.0.0:80", "--listen=unix:/run/app/sock"]
    container = engine.start(*GUNICORN, image=image, stepdown=options, docker=CLOSED)
    container.until(lambda: answers(container, ASK, "200"), what="an answer")
    container.until(lambda: answers(container, ASK_UNIX, "HTTP/1.0 200"), what="an answer")
