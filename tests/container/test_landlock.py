"""What the app may reach, tried from inside a container with the engine's own profile in force."""


def run(engine, *command, stepdown, image="debian"):
    return engine.run(*command, image=image, stepdown=["--user=app", "--landlock=require", *stepdown])


def test_a_read_only_root_leaves_state_and_temporary_files(engine):
    script = "for p in /tmp /var/tmp /dev/shm /srv/state /srv /etc /home; do (: > $p/probe) 2>/dev/null && echo $p; done; echo > /dev/null"
    image = engine.build(f"FROM {engine.image('debian')}\nRUN chmod 0777 /etc /srv /home")
    words = ["--rootfs=ro", "--mkdir=/srv/state"]
    shown = run(engine, "sh", "-c", script, stepdown=words, image=image)
    assert (shown.code, shown.out.split()) == (0, ["/tmp", "/var/tmp", "/dev/shm", "/srv/state"]), shown
    without = run(engine, "sh", "-c", script, stepdown=["--mkdir=/srv/state"], image=image)
    assert "/etc" in without.out and "/srv" in without.out.split(), without


def test_only_what_is_granted_can_be_read_and_executed(engine):
    words = ["--exec=/usr", "--ro=/etc/passwd"]
    shown = run(engine, "/usr/bin/cat", "/etc/passwd", stepdown=words)
    assert shown.code == 0 and "root:" in shown.out, shown
    shown = run(engine, "/usr/bin/cat", "/etc/group", stepdown=words)
    assert shown.code == 1 and "Permission denied" in shown.err, shown
    shown = run(engine, "/usr/bin/cat", "/etc/passwd", stepdown=["--ro=/etc"])
    assert shown.code == 126, shown
    shown = run(engine, "/usr/bin/cat", "/etc/passwd", stepdown=["--ro=/"])
    assert shown.code == 100 and "the whole file system" in shown.err, shown


def test_a_signal_stays_inside_but_pid_1_still_forwards(engine):
    container = engine.start(
        "sh",
        "-c",
        "kill -0 1 2>/dev/null && echo reached; echo ready; trap 'echo term; exit 7' TERM; while :; do sleep 0.1; done",
        stepdown=["--user=app", "--scope=signals", "--landlock=require"],
    )
    container.until_says("ready")
    container.kill("TERM")
    assert container.wait() == 7
    assert "reached" not in container.logs() and "term" in container.logs()


def test_exec_is_held_to_the_same_rules(engine):
    container = engine.start("sleep", "1000", stepdown=["--user=app", "--rootfs=ro", "--landlock=require"])
    shown = container.exec("/stepdown", "exec", "--", "sh", "-c", "echo x > /dev/null && cat /proc/self/status")
    assert shown.code == 0, shown
    shown = container.exec("/stepdown", "exec", "--", "sh", "-c", ": > /run/lock/probe")
    assert shown.code != 0 and "Permission denied" in shown.err, shown


def test_a_path_that_is_not_there_ends_the_start(engine):
    shown = run(engine, "echo", "ran", stepdown=["--ro=/no/such"])
    assert shown.code == 100 and "/no/such" in shown.err and "ran" not in shown.out, shown


def test_a_plan_says_what_is_left(engine):
    words = ["--user=app", "--ro=/etc", "--connect=443", "--", "true"]
    shown = engine.run("plan", *words, stepdown=())
    assert "leave the app of files: read /etc" in shown.out, shown
    assert "leave the app of TCP: connect to port 443" in shown.out, shown
