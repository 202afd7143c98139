"""`stepdown record` in a stock container: the profile of a real program lets the same program do the same work without one
denial, and holds nothing that was not seen."""

import json

import pytest

ALWAYS = {
    *("execve", "exit", "exit_group", "pread64", "prctl", "read", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn"),
    *("restart_syscall", "write"),
}


@pytest.fixture
def out(tmp_path):
    tmp_path.chmod(0o755)
    return tmp_path


def mounted(out):
    return [f"--volume={out}:/out"]


def profile_in(out, name="profile.json"):
    return json.loads((out / name).read_text())


def allowed(profile):
    return [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]


def names_of(rules):
    return {name for rule in rules for name in rule["names"]}


def values_of(profile, call, index=0):
    rules = [rule for rule in allowed(profile) if call in rule["names"]]
    return {arg.get("valueTwo", arg["value"]) for rule in rules for arg in rule["args"] if arg["index"] == index}


# --- programs: how each is started, and its load


class Program:
    def __init__(self, *command, user, load, own=(), mkdir=(), lines="", files=None):
        self.command, self.user, self.load = command, user, load
        self.options = [f"--user={user}", *(f"--mkdir={path}" for path in mkdir), *(f"--own={path}" for path in own)]
        self.lines, self.files = lines, files or {}


def load_nginx(container):
    container.until_answers("curl", "-fsS", "http://127.0.0.1:80/")
    script = "for i in $(seq 40); do curl -fsS http://127.0.0.1:80/ >/dev/null || exit 1; done; curl -sS http://127.0.0.1/none"
    assert container.exec("bash", "-c", script).code == 0


def load_redis(container):
    container.until_answers("redis-cli", "ping")
    script = "for i in $(seq 40); do redis-cli set k$i v$i; redis-cli get k$i; done; redis-cli bgsave"
    assert container.exec("bash", "-c", script).code == 0
    container.until_answers("test", "-s", "/var/lib/redis/dump.rdb")


def load_postgres(container):
    query = ["psql", "-h", "/data", "-Atc"]
    container.until(lambda: container.exec(*query, "select 1", user="postgres").code == 0, what="an answer")
    create = "create table if not exists t as select g from generate_series(1, 10000) g; analyze t; checkpoint"
    for statement in (*create.split("; "), "select sum(g) from t"):
        done = container.exec(*query, statement, user="postgres")
        assert done.code == 0, done
    assert done.out == "50005000\n"


def load_webhook(container):
    container.until_answers("curl", "-fsS", "http://127.0.0.1:9000/hooks/say")
    script = "for i in $(seq 20); do curl -fsS http://127.0.0.1:9000/hooks/say || exit 1; done"
    assert "uid=10001(app)" in container.exec("bash", "-c", script).out


def load_rmiregistry(container):
    container.until_answers("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1099")
    script = "for i in $(seq 20); do exec 3<>/dev/tcp/127.0.0.1/1099; printf 'JRMI\\0\\2K' >&3; head -c 1 <&3; exec 3>&-; done"
    assert container.exec("bash", "-c", script).code == 0


def load_python(container):
    container.until_answers("curl", "-fsS", "http://127.0.0.1:8000/")
    assert container.exec("bash", "-c", "for i in $(seq 20); do curl -fsS http://127.0.0.1:8000/ >/dev/null; done").code == 0


POSTGRES = (
    "PATH=$PATH:/usr/lib/postgresql/15/bin; initdb --no-sync -A trust -D /data/db >/dev/null && "
    "exec postgres -D /data/db -c unix_socket_directories=/data"
)
HOOKS = b'[{"id": "say", "execute-command": "/usr/bin/id", "include-command-output-in-response": true}]'
NGINX_OWN = ["/var/lib/nginx", "/var/log/nginx", "/run/nginx.pid"]

PROGRAMS = {
    "nginx": Program(
        *("nginx", "-g", "daemon off;"), user="www-data", own=NGINX_OWN, lines="RUN touch /run/nginx.pid", load=load_nginx
    ),
    "redis": Program(
        *("redis-server", "--dir", "/var/lib/redis", "--appendonly", "yes"),
        user="redis",
        own=["/var/lib/redis"],
        load=load_redis,
    ),
    "postgres": Program("bash", "-c", POSTGRES, user="postgres", mkdir=["/data:0700"], load=load_postgres),
    "python": Program("python3", "-m", "http.server", "8000", user="app", load=load_python),
    "go": Program(
        *("webhook", "-hooks", "/etc/hooks.json", "-port", "9000"),
        user="app",
        lines="COPY hooks.json /etc/hooks.json",
        files={"hooks.json": (HOOKS, 0o644)},
        load=load_webhook,
    ),
    "java": Program("rmiregistry", "-J-Xmx128m", "1099", user="app", load=load_rmiregistry),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_recorded_profile_serves_the_same_load_without_a_denial(engine, out, name):
    program = PROGRAMS[name]
    image = engine.image("apps")
    if program.lines:
        image = engine.build(f"FROM {image}\n{program.lines}", program.files, f"record-{name}")

    def serve(words):
        container = engine.start(*program.command, image=image, stepdown=[*words, *program.options], docker=mounted(out))
        program.load(container)
        return container

    recorded = serve(["record", "-o", "/out/profile.json"])
    recorded.stop(grace=30)
    assert recorded.exit_code in (0, 143), recorded.logs()
    profile = profile_in(out)
    assert "mount" not in names_of(allowed(profile)) and "ptrace" not in names_of(allowed(profile))
    assert names_of(rule for rule in allowed(profile) if rule["comment"].startswith("start-up"))

    enforced = serve(["--seccomp=/out/profile.json", "--seccomp-report"])
    report = json.loads(enforced.exec("cat", "/run/stepdown.denials.json").out)
    assert report["total"] == 0, report
    enforced.stop(grace=30)
    assert enforced.exit_code in (0, 143) and "denied" not in enforced.logs(), enforced.logs()
    assert engine.run("profile", "lint", "/out/profile.json", stepdown=(), docker=mounted(out)).code == 0

    plain = serve(["--seccomp=/out/profile.json"])
    plain.stop(grace=30)
    assert plain.exit_code in (0, 143), plain.logs()


def record(engine, out, *command, name="profile.json", options=("--user=app",)):
    words = ["record", "-o", f"/out/{name}", *options]
    done = engine.run(*command, image="apps", stepdown=words, docker=mounted(out))
    assert done.code == 0, done
    return profile_in(out, name)


SOCKET = "import socket; socket.socket(socket.{}).close(); print('opened')"


def test_arguments_are_recorded_where_a_rule_can_use_them(engine, out):
    profile = record(engine, out, "python3", "-c", SOCKET.format("AF_UNIX"))
    assert values_of(profile, "socket") == {1}

    def opens(family):
        words = ["--user=app", "--seccomp=/out/profile.json"]
        return engine.run("python3", "-c", SOCKET.format(family), image="apps", stepdown=words, docker=mounted(out))

    assert opens("AF_UNIX").out == "opened\n"
    refused = opens("AF_INET")
    assert refused.code == 1 and "Function not implemented" in refused.all, refused


def test_what_was_refused_stays_refused_in_the_same_way(engine, out):
    script = "import socket\ntry: socket.socket(socket.AF_ALG, 5)\nexcept OSError as error: print(error.errno)"
    record(engine, out, "python3", "-c", script)
    words = ["--user=app", "--seccomp=/out/profile.json"]
    said = engine.run("python3", "-c", script, image="apps", stepdown=words, docker=mounted(out))
    assert said.out == "97\n", said


def test_the_profile_of_a_small_program_is_small(engine, out):
    done = engine.run("true", image="busybox", stepdown=["record", "-o", "/out/p.json", "--user=1000:1000"], docker=mounted(out))
    assert done.code == 0, done
    names = names_of(allowed(profile_in(out, "p.json")))
    assert ALWAYS <= names
    # What a static C library asks for before main(), and stepdown on its way along PATH.
    assert names - ALWAYS <= {
        *("arch_prctl", "brk", "getrandom", "mprotect", "mmap", "prlimit64", "readlink", "readlinkat", "rseq", "set_robust_list"),
        *("set_tid_address", "uname", "newfstatat", "stat", "getuid", "setuid", "setgid", "getgid", "geteuid", "getegid"),
    }, names


def test_recordings_merge(engine, out):
    first = record(engine, out, "python3", "-c", SOCKET.format("AF_UNIX"), name="a.json")
    second = record(engine, out, "sh", "-c", "sleep 0.1 & wait", name="b.json")
    words = ["record", "--merge", "/out/a.json", "/out/b.json", "-o", "/out/both.json"]
    merged = engine.run(*words, image="apps", stepdown=(), docker=mounted(out))
    assert merged.code == 0, merged
    both = profile_in(out, "both.json")
    assert names_of(allowed(both)) == names_of(allowed(first)) | names_of(allowed(second))
    assert values_of(both, "socket") == {1}
    for command in (("python3", "-c", SOCKET.format("AF_UNIX")), ("sh", "-c", "sleep 0.1 & wait; echo opened")):
        words = ["--user=app", "--seccomp=/out/both.json", "--seccomp-report"]
        done = engine.run(*command, image="apps", stepdown=words, docker=mounted(out))
        assert done.code == 0 and done.out == "opened\n" and "denied" not in done.all, done


def test_it_is_told_where_to_write_and_cannot_do_without_pid_1(engine, out):
    nowhere = engine.run("true", stepdown=["record", "--user=app"])
    assert nowhere.code == 100 and "-o FILE" in nowhere.all
    unwritable = engine.run("true", stepdown=["record", "-o", "/none/p.json", "--user=app"])
    assert unwritable.code == 100 and "cannot write /none/p.json" in unwritable.all
    alone = engine.run("true", stepdown=["record", "-o", "/tmp/p.json", "--no-init", "--user=app"])
    assert alone.code == 100 and "--no-init leaves none" in alone.all
