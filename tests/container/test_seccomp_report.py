"""--seccomp-report and --seccomp-learn in a stock container: what the filter denies is told once, with PID 1 as unprivileged as
ever, and the app sees what it would see without."""

import json

import pytest

from harness import assert_stepped_down

# 111 is ECONNREFUSED, which no kernel answers to mkdir.
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 111}],
}
OWN = ["--user=app", "--seccomp=/profile.json"]
DENIALS = "/run/stepdown.denials.json"


@pytest.fixture
def image(engine):
    files = {"profile.json": (json.dumps(PROFILE).encode(), 0o644)}
    return engine.build(f"FROM {engine.image('debian')}\nCOPY profile.json /", files, "report")


def test_a_denied_call_is_told_once_and_its_errno_stays(engine, image):
    script = "for i in 1 2 3; do mkdir /tmp/a; done; mkdir /tmp/a 2>&1"
    plain = engine.run("sh", "-c", script, image=image, stepdown=OWN)
    told = engine.run("sh", "-c", script, image=image, stepdown=[*OWN, "--seccomp-report"])
    assert plain.code == told.code == 1
    assert plain.all.count("Connection refused") == told.all.count("Connection refused") == 4
    assert "seccomp:" not in plain.all
    assert told.all.count("denied mkdir = ECONNREFUSED to pid") == 1, told
    assert "4 times in all" in told.all and "denied 4 calls in all, of 1 kinds; see " + DENIALS in told.all, told


def test_the_list_lies_beside_the_receipt_while_the_app_runs(engine, image):
    container = engine.start("sh", "-c", "mkdir /tmp/a; sleep 100", image=image, stepdown=[*OWN, "--seccomp-report"])
    container.until_says("denied mkdir")
    report = json.loads(container.exec("cat", DENIALS).out)
    assert report["total"] == 1 and report["not_listed"] == 0 and report["let_through"] is False
    (denial,) = report["denials"]
    assert denial["call"] == "mkdir" and denial["errno"] == "ECONNREFUSED" and denial["count"] == 1
    assert denial["comm"] == "mkdir" and denial["program"] == "/usr/bin/mkdir" and len(denial["arguments"]) == 6
    assert container.exec("test", "-w", DENIALS, user="app").code != 0
    plain = engine.without_stepdown()["filters"]
    for process in container.processes():
        assert_stepped_down(process, uid=10001, filters=plain + 1)
    judged = container.exec("/stepdown", "verify")
    assert judged.code == 0, judged


def test_nothing_denied_is_told_as_nothing(engine, image):
    container = engine.start("sleep", "100", image=image, stepdown=["--user=app", "--seccomp-report"])
    container.until_answers("pidof", "sleep")
    assert json.loads(container.exec("cat", DENIALS).out)["denials"] == []
    container.stop()
    assert "seccomp" not in container.logs()


def test_learning_lets_through_and_verify_says_so(engine, image):
    script = "mkdir /tmp/a && echo made; sleep 100"
    container = engine.start("sh", "-c", script, image=image, stepdown=[*OWN, "--seccomp-learn"])
    container.until_says("made")
    assert "UNSAFE" in container.logs() and "would have denied mkdir = ECONNREFUSED" in container.logs()
    judged = container.exec("/stepdown", "verify", "--format=json")
    (finding,) = [found for found in json.loads(judged.out)["container"] if found["check"] == "seccomp.enforced"]
    assert judged.code == 1 and finding["verdict"] == "fail" and finding["severity"] == "high", judged


def test_a_base_image_can_forbid_learning(engine, image):
    files = {"stepdown.toml": (b'lock = ["seccomp-learn"]\n', 0o644)}
    locked = engine.build(f"FROM {image}\nCOPY stepdown.toml /etc/", files, "locked")
    refused = engine.run("true", image=locked, stepdown=[*OWN, "--seccomp-learn"])
    assert refused.code == 100 and "would loosen" in refused.all, refused
    assert engine.run("true", image=locked, stepdown=[*OWN, "--seccomp-report"]).code == 0


def test_a_filter_that_refuses_the_hand_over_of_its_own_descriptor(engine):
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["sendmsg", "seccomp", "clone", "sched_yield"], "action": "SCMP_ACT_ERRNO"}],
    }
    files = {"profile.json": (json.dumps(profile).encode(), 0o644)}
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY profile.json /", files, "report-hand-over")
    said = engine.run("echo", "here", image=image, stepdown=[*OWN, "--seccomp-report"])
    assert said.code == 0 and said.out == "here\n", said
