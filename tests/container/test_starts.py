"""However a container is started, PID 1 and the app end up the same: in the kernel's words, nothing left to give up."""

import pytest

from harness import assert_tree_stepped_down

UNCONFINED = "--security-opt=seccomp=unconfined"
STARTS = {
    "root": [],
    "user": ["--user=10001:10001"],
    "user_without_capabilities": ["--user=10001:10001", "--cap-drop=ALL"],
    "read_only": ["--read-only"],
    "no_new_privileges": ["--security-opt=no-new-privileges"],
    "user_with_no_new_privileges": ["--user=10001:10001", "--security-opt=no-new-privileges"],
    "engine_seccomp_off": [UNCONFINED],
    "more_capabilities": ["--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", "--cap-add=NET_ADMIN", "--cap-add=SYSLOG"],
    "only_what_the_drop_needs": ["--cap-drop=ALL", "--cap-add=SETUID", "--cap-add=SETGID", "--cap-add=SETPCAP"],
    "more_groups": ["--group-add=42", "--group-add=0"],
    "terminal": ["--tty"],
    "engines_init": ["--init"],
}


def wanted_of(engine, docker):
    """The app's user, one filter more than the engine's, and nothing kept; but who is started as a user already has not
    the right to change its groups and its bounding set, so those stay as the engine made them."""
    given = engine.without_stepdown(*docker)
    kept = {} if given["uid"][0] == 0 else {"groups": given["groups"], "bounding": given["capabilities"]["CapBnd"]}
    return {"uid": 10001, "filters": given["filters"] + 1, **kept}


@pytest.mark.parametrize("base", ["debian", "busybox"])
@pytest.mark.parametrize("start", [name for name in STARTS if name != "engines_init"])
def test_every_process_is_stepped_down_when_started(engine, base, start):
    container = engine.start("sleep", "1000", image=base, docker=STARTS[start])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    assert [process["name"] for process in container.processes()] == ["stepdown", "sleep"]
    assert_tree_stepped_down(container.processes(), **wanted_of(engine, STARTS[start]))


@pytest.mark.parametrize("base", ["debian", "busybox"])
def test_a_good_start_says_nothing(run_container, base):
    result = run_container("echo", "hello", image=base)
    assert (result.code, result.out, result.err) == (0, "hello\n", "")


def test_log_level_info_tells_each_stage_on_standard_error(run_container):
    result = run_container("echo", "hello", stepdown=["--user=app", "--log-level=info"])
    assert (result.code, result.out) == (0, "hello\n")
    assert len(result.err.splitlines()) >= 3, result.err


def test_root_without_capabilities_cannot_step_down_and_says_which_it_lacks(run_container):
    result = run_container("echo", "ran", docker=["--cap-drop=ALL"])
    assert result.code == 102, result
    assert "ran" not in result.out
    assert len(result.err.splitlines()) == 1 and "CAP_SET" in result.err, result.err


def test_root_without_setpcap_is_refused_rather_than_keep_its_bounding_set(run_container):
    result = run_container("echo", "ran", docker=["--cap-drop=SETPCAP"])
    assert result.code == 102, result
    assert "ran" not in result.out and "CAP_SETPCAP" in result.err, result


def test_identity_is_in_the_environment(run_container):
    result = run_container("env", docker=["--env=HOME=/root", "--env=USER=root", "--env=KEPT=yes"])
    told = dict(line.split("=", 1) for line in result.out.splitlines())
    assert {key: told[key] for key in ("HOME", "USER", "LOGNAME", "KEPT")} == {
        "HOME": "/home/app", "USER": "app", "LOGNAME": "app", "KEPT": "yes",
    }  # fmt: skip


def test_a_number_without_account_gets_its_own_group_never_roots(run_container):
    result = run_container("sh", "-c", "id -u; id -g; id -G; echo $HOME", stepdown=["--user=4711"])
    assert result.out.split() == ["4711", "4711", "4711", "/"], result


def test_an_image_without_passwd_is_fine_for_numbers(engine):
    image = engine.build(f"FROM {engine.image('busybox')}\nRUN [\"/bin/rm\", \"/etc/passwd\", \"/etc/group\"]")
    result = engine.run("sh", "-c", "id -u; id -g", image=image, stepdown=["--user=10001"])
    assert result.out.split() == ["10001", "10001"], result
    assert engine.run("echo", "ran", image=image, stepdown=["--user=app"]).code == 100


@pytest.mark.parametrize("start", ["root", "user", "read_only"])
def test_no_init_becomes_the_app(engine, start):
    container = engine.start("sleep", "1000", stepdown=["--user=app", "--no-init"], docker=STARTS[start])
    container.until(lambda: container.processes()[0]["name"] == "sleep", what="the app")
    assert len(container.processes()) == 1
    assert_tree_stepped_down(container.processes(), **wanted_of(engine, STARTS[start]))


def test_beside_the_engines_own_init_it_still_steps_down(engine, filters):
    container = engine.start("sleep", "1000", docker=STARTS["engines_init"], stepdown=["--user=app", "--no-init"])
    container.until(lambda: container.processes()[-1]["name"] == "sleep", what="the app")
    init, app = container.processes()
    assert init["uid"] == [0] * 4
    assert_tree_stepped_down([{**app, "pid": 1}], uid=10001, filters=filters)


def test_seccomp_off_leaves_the_engines_filters_alone(engine, filters):
    container = engine.start("sleep", "1000", stepdown=["--user=app", "--seccomp=off"])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    init, app = container.processes()
    assert (init["filters"], app["filters"]) == (filters, filters - 1)
