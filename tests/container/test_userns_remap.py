"""An engine with userns-remap: the container's root is none of the host's, and everything holds all the same."""

import os

import pytest

from harness import assert_tree_stepped_down


@pytest.fixture(params=["debian", "busybox"])
def cat_secret(request, remapped_engine, root_file):
    def run(stepdown, *docker):
        mounted = (f"--volume={root_file}:/secret:ro", *docker)
        return remapped_engine.run("cat", "/secret", image=request.param, stepdown=stepdown, docker=mounted)

    return run


def first_of_map(engine):
    """The host's id of the container's root."""
    return int(engine.run("cat", "/proc/self/uid_map", stepdown=None).out.split()[1])


def give_to_containers_root(engine, path):
    first = first_of_map(engine)
    assert first >= 100000
    os.chown(path, first, first)


def test_the_mapped_roots_file_is_printed_without_stepdown(remapped_engine, cat_secret, root_file):
    give_to_containers_root(remapped_engine, root_file)
    assert cat_secret(None).out == "the secret\n"


@pytest.mark.parametrize(
    "stepdown, docker",
    [(["--user=app"], []), (["--log-level=warn"], ["--env=STEPDOWN_USER=app"]), ((), ["--user=10001:10001"])],
    ids=["flag", "env", "docker_run"],
)
def test_the_mapped_roots_file_is_denied_with_stepdown(remapped_engine, cat_secret, root_file, stepdown, docker):
    give_to_containers_root(remapped_engine, root_file)
    result = cat_secret(stepdown, *docker)
    assert result.code == 1 and "Permission denied" in result.err and "the secret" not in result.all, result


def test_the_hosts_root_file_is_denied_either_way(cat_secret):
    for stepdown in (None, ["--user=app"]):
        result = cat_secret(stepdown)
        assert result.code == 1 and "Permission denied" in result.err, result


@pytest.mark.parametrize("docker", [[], ["--user=10001:10001"], ["--cap-drop=ALL", "--user=10001:10001"]])
def test_every_process_is_stepped_down(remapped_engine, docker):
    given = remapped_engine.without_stepdown(*docker)
    kept = {"groups": given["groups"], "bounding": given["capabilities"]["CapBnd"]} if docker else {}
    container = remapped_engine.start("sleep", "1000", docker=docker)
    container.until(lambda: len(container.processes()) == 2, what="the app")
    assert_tree_stepped_down(container.processes(), uid=10001, filters=given["filters"] + 1, **kept)


def test_verify_shows_the_map(remapped_engine):
    container = remapped_engine.start("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")
    shown = container.exec("/stepdown", "verify")
    assert shown.code == 0, shown
    assert str(first_of_map(remapped_engine)) in shown.out, shown


def test_an_id_outside_the_map_is_refused(remapped_engine):
    result = remapped_engine.run("echo", "ran", stepdown=["--user=70000"])
    assert result.code in (100, 102) and "ran" not in result.out and "70000" in result.err, result


def test_own_works_on_a_volume_of_the_mapped_roots(remapped_engine, host_folder):
    first = first_of_map(remapped_engine)
    os.chown(host_folder, first, first)
    options = ["--user=app", "--own=/data"]
    result = remapped_engine.run("touch", "/data/file", stepdown=options, docker=[f"--volume={host_folder}:/data"])
    assert result.code == 0, result
    assert (host_folder / "file").stat().st_uid == first + 10001


def test_own_of_the_hosts_roots_volume_fails_and_names_the_path(remapped_engine, host_folder):
    options = ["--user=app", "--own=/data"]
    result = remapped_engine.run("echo", "ran", stepdown=options, docker=[f"--volume={host_folder}:/data"])
    assert result.code == 101 and "ran" not in result.out and "/data" in result.err, result
