"""--connect and --bind: ports that are not granted are out of reach, by plain TCP and by what reaches them beside it."""

import socket
import sys

import pytest

USER = ["--user=10001:10001", "--receipt=off", "--landlock=require"]

TRY = """
import errno, socket, sys
port, protocol, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    if way == "send":
        s.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))
    elif way == "connect":
        s.connect(("127.0.0.1", port))
    else:
        s.bind(("127.0.0.1", port)); s.listen()
    print("reached")
except OSError as error:
    print(errno.errorcode[error.errno])
"""

PLAIN, MULTIPATH = 0, 262


@pytest.fixture(name="port")
def fixture_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def tried(ours, options, port, protocol, way):
    ended = ours["stepdown"].run(*USER, *options, "--", sys.executable, "-c", TRY, str(port), str(protocol), way, as_pid_1=True)
    assert ended.code == 0, ended
    return ended.out.strip()


@pytest.mark.parametrize("protocol,way,refused", [(PLAIN, "connect", "EACCES"), (PLAIN, "send", "ENOTSUP"),
                                                  (MULTIPATH, "connect", "EPROTONOSUPPORT")])
def test_a_port_that_is_not_granted_is_not_connected_to_in_any_way(ours, port, protocol, way, refused):
    free = port + 1 if port < 65535 else port - 1
    assert tried(ours, [], port, protocol, way) in ("reached", refused), "as a kernel that lacks it answers anyway"
    assert tried(ours, [f"--connect={free}"], port, protocol, way) == refused
    assert tried(ours, [f"--connect={port}"], port, PLAIN, "connect") == "reached"


@pytest.mark.parametrize("protocol,refused", [(PLAIN, "EACCES"), (MULTIPATH, "EPROTONOSUPPORT")])
def test_a_port_that_is_not_granted_is_not_listened_on_in_any_way(ours, protocol, refused):
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert tried(ours, [], free, protocol, "listen") in ("reached", refused), "as a kernel that lacks it answers anyway"
    assert tried(ours, ["--bind=1"], free, protocol, "listen") == refused
    assert tried(ours, [f"--bind={free}"], free, PLAIN, "listen") == "reached"


def test_without_a_filter_it_is_said_what_passes(ours):
    ended = ours["stepdown"].run("--user=10001:10001", "--receipt=off", "--seccomp=off", "--connect=443", "--", "true", as_pid_1=True)
    assert ended.code == 0 and "Multipath TCP" in ended.err, ended
    ended = ours["stepdown"].run(*USER, "--seccomp=off", "--connect=443", "--", "true", as_pid_1=True)
    assert ended.code == 103 and ended.err.count("\n") == 1 and "Multipath TCP" in ended.err, ended
