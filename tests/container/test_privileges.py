"""What the app could do, tried from inside by the probe (tests/payload), each try in a process of its own."""

import pytest

UNCONFINED = "--security-opt=seccomp=unconfined"


def can(engine, docker, stepdown=("--user=app",)):
    """Every try by name: ok, an errno's name, or the signal that ended it."""
    shown = engine.run("/probe", "can", image="probe", docker=docker, stepdown=stepdown)
    assert shown.code == 0, shown
    told = dict(line.strip().split(": ", 1) for line in shown.out.splitlines())
    assert len(told) >= 24, told
    return told


STARTS = {
    "root": [],
    "engine_seccomp_off": [UNCONFINED],
    "more_capabilities": [UNCONFINED, "--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", "--cap-add=NET_RAW"],
    "user": ["--user=10001:10001", UNCONFINED],
    "terminal": ["--tty", UNCONFINED],
}


@pytest.mark.parametrize("start", STARTS)
def test_nothing_that_root_could_do_is_left(engine, start):
    told = can(engine, STARTS[start])
    assert [name for name, answer in told.items() if answer == "ok"] == [], told
    assert all(answer.isupper() for answer in told.values()), told  # refused by an errno that has a name, none killed


ROOT_CAN = [
    "setuid0", "setgid0", "setgroups", "raw-socket", "packet-socket", "mount", "unshare-user", "clone-user",
    "open-memory-1", "environment-1", "keyring", "personality", "chroot", "unlock-securebits",
]  # fmt: skip


def test_the_same_tries_succeed_without_stepdown(engine):
    """A test that cannot fail proves nothing: in the same image root can. (Not ptrace-1: it would stop PID 1 for good.)"""
    loop = "for what; do /probe try $what; done"
    docker = [UNCONFINED, "--cap-add=SYS_ADMIN"]
    shown = engine.run("sh", "-c", loop, "sh", *ROOT_CAN, image="probe", docker=docker, stepdown=None)
    assert shown.out.splitlines() == [f"{what}: ok" for what in ROOT_CAN], shown


def test_tiocsti_is_refused_at_a_terminal_by_the_filter(engine):
    told = can(engine, ["--tty", UNCONFINED])
    assert (told["tiocsti"], told["dirty-tiocsti"]) == ("EPERM", "EPERM"), told


def test_without_init_nothing_is_left_but_itself(engine):
    """Without an init PID 1 is the app, and a process may of course look at its own kind."""
    told = can(engine, [UNCONFINED], stepdown=["--user=app", "--no-init"])
    own = {"open-memory-1", "environment-1"}
    assert {name for name, answer in told.items() if answer == "ok"} <= own, told


def test_allowed_root_can_do_nothing_of_roots_either(engine):
    told = can(engine, [UNCONFINED], stepdown=["--user=root", "--allow-root"])
    assert {name for name, answer in told.items() if answer == "ok"} <= {"setuid0", "setgid0"}, told


def test_a_program_with_file_capabilities_gains_nothing(engine):
    """Its exec fails or it runs without them; what it must never do is run with them."""
    image = engine.build(
        f"FROM {engine.image('apps')}\nRUN cp /bin/cat /cat && python3 -c \"import os; os.setxattr('/cat', "
        "'security.capability', bytes.fromhex('0100000200000020000000000000000000000000'))\""
    )
    status = engine.run("/cat", "/proc/self/status", image=image)
    assert "CapEff:\t0000000000000000" in status.out or status.code == 126, status


def sets_of(shown):
    return dict(line.split() for line in shown.out.splitlines())


def test_the_five_sets_are_empty_but_for_what_is_kept(engine):
    empty = sets_of(engine.run("/probe", "caps", image="probe", stepdown=("--user=10001:10001",)))
    assert len(empty) == 5 and set(empty.values()) == {"0" * 16}, empty
    kept = sets_of(engine.run("/probe", "caps", image="probe", stepdown=("--user=10001:10001", "--keep-cap=net_bind_service")))
    assert set(kept.values()) == {f"{1 << 10:016x}"}, kept


def test_a_daemon_stays_stepped_down_in_a_session_of_its_own(engine):
    container = engine.start("/probe", "daemonize", "600", image="probe", stepdown=("--user=10001:10001", "--forking"))
    container.until(lambda: [one["name"] for one in container.processes()] == ["stepdown", "probe"], what="the daemon alone")
    daemon = container.processes()[1]
    assert daemon["parent"] == 1 and daemon["uid"] == [10001] * 4 and not any(daemon["capabilities"].values()), daemon


def test_landlock_leaves_the_granted_port_and_no_signal(engine):
    rules = ("--user=10001:10001", "--bind=8080")
    for port, said in (("8080", "bind: ok"), ("8081", "bind: EACCES")):
        assert engine.run("/probe", "bind", port, image="probe", stepdown=rules).out.strip() == said
    for scope, said in (((), "signal-1: ok"), (("--scope=signals",), "signal-1: EPERM")):
        shown = engine.run("/probe", "signal-1", image="probe", stepdown=("--user=10001:10001", *scope))
        assert shown.out.strip() == said, shown


def test_an_owner_is_not_changed_unless_root_is_emulated(engine):
    own = ("--user=10001:10001", "--mkdir=/srv/data")
    for emulated, said in (((), "chown: EPERM"), (("--emulate-root=full",), "chown: ok")):
        shown = engine.run("/probe", "chown", "/srv/data", "0", image="probe", stepdown=(*own, *emulated))
        assert shown.out.strip() == said, shown
