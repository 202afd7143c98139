"""Real programs, unchanged, under the built-in filter: each does its work and is stepped down to its last process."""

import pytest

from harness import assert_tree_stepped_down


@pytest.fixture
def serve(engine, filters):
    """Starts a server of the apps image; at the end of the test all its processes are looked at once more."""
    started = []

    def start(*command, user, own=(), mkdir=(), image="apps"):
        options = [f"--user={user}", *(f"--mkdir={path}" for path in mkdir), *(f"--own={path}" for path in own)]
        container = engine.start(*command, image=image, stepdown=options)
        started.append((container, user))
        return container

    yield start
    for container, user in started:
        uid, gid = (int(container.exec("id", flag, user).out) for flag in ("-u", "-g"))
        processes = container.processes()
        assert len(processes) >= 2
        assert_tree_stepped_down(processes, uid=uid, gid=gid, filters=filters)
        assert container.exec("/stepdown", "verify").code == 0
        container.stop()
        assert container.exit_code in (0, 143), container.logs()


@pytest.fixture
def run_app(engine):
    """Runs a program of the apps image to its end."""

    def run(*command, timeout=120):
        result = engine.run(*command, image="apps", timeout=timeout)
        assert result.code == 0, result
        return result.out

    return run


def fetch(container, port, path="/"):
    address = f"http://127.0.0.1:{port}{path}"
    container.until_answers("curl", "-fsS", address)
    return container.exec("curl", "-fsS", address).out


def test_nginx_serves_with_its_workers(serve, engine):
    image = engine.build(f"FROM {engine.image('apps')}\nRUN touch /run/nginx.pid", name="nginx")
    own = ["/var/lib/nginx", "/var/log/nginx", "/run/nginx.pid"]
    container = serve("nginx", "-g", "daemon off;", user="www-data", own=own, image=image)
    assert "html" in fetch(container, 80)
    names = [process["name"] for process in container.processes()]
    assert names.count("nginx") >= 2


def test_apache2_serves_with_its_workers(serve):
    folders = ["/run/apache2", "/run/lock/apache2"]
    script = ". /etc/apache2/envvars; exec apache2 -DFOREGROUND"
    container = serve("sh", "-c", script, user="www-data", mkdir=folders, own=["/var/log/apache2"])
    assert "html" in fetch(container, 80)
    assert [process["name"] for process in container.processes()].count("apache2") >= 2


def test_postgres_initialises_and_answers(serve):
    script = (
        "PATH=$PATH:/usr/lib/postgresql/15/bin; initdb --no-sync -A trust -D /data/db >/dev/null && "
        "exec postgres -D /data/db -c unix_socket_directories=/data"
    )
    container = serve("bash", "-c", script, user="postgres", mkdir=["/data:0700"])
    query = ["psql", "-h", "/data", "-Atc"]
    container.until(lambda: container.exec(*query, "select 1", user="postgres").code == 0, what="an answer")
    create = "create table t as select g from generate_series(1, 10000) g; create index on t (g); vacuum analyze t;"
    for statement in create.split(";")[:-1]:
        done = container.exec(*query, statement, user="postgres")
        assert done.code == 0, done
    assert container.exec(*query, "select sum(g) from t", user="postgres").out == "50005000\n"


def test_redis_answers_and_saves_in_the_background(serve):
    words = ["redis-server", "--dir", "/var/lib/redis", "--appendonly", "yes"]
    container = serve(*words, user="redis", own=["/var/lib/redis"])
    container.until_answers("redis-cli", "ping")
    assert container.exec("redis-cli", "set", "key", "value").out == "OK\n"
    container.exec("redis-cli", "bgsave")
    container.until_answers("test", "-s", "/var/lib/redis/dump.rdb")
    assert container.exec("redis-cli", "get", "key").out == "value\n"


def test_mariadb_answers(serve):
    container = serve("mariadbd", user="mysql", own=["/var/lib/mysql"], mkdir=["/run/mysqld"])
    container.until_answers("mariadb", "-e", "select 1")
    script = "create database d; create table d.t (n int); insert into d.t values (1), (2); select sum(n) from d.t"
    assert container.exec("mariadb", "-Ne", script).out == "3\n"


def test_memcached_which_refuses_to_be_root_answers(serve):
    container = serve("memcached", "-l", "127.0.0.1", user="app")
    say = ["bash", "-c", r"exec 3<>/dev/tcp/127.0.0.1/11211 && printf 'set k 0 0 5\r\nvalue\r\nget k\r\nquit\r\n' >&3 && cat <&3"]
    container.until_answers(*say)
    assert container.exec(*say).out.split() == ["STORED", "VALUE", "k", "0", "5", "value", "END"]


def test_a_go_server_answers_and_runs_commands(serve, engine):
    hooks = b'[{"id": "say", "execute-command": "/usr/bin/id", "include-command-output-in-response": true}]'
    lines = f"FROM {engine.image('apps')}\nCOPY hooks.json /etc/hooks.json"
    image = engine.build(lines, {"hooks.json": (hooks, 0o644)}, "webhook")
    container = serve("webhook", "-hooks", "/etc/hooks.json", "-port", "9000", user="app", image=image)
    assert "uid=10001(app)" in fetch(container, 9000, "/hooks/say")


def test_python_threads_processes_sockets_and_files(run_app):
    script = """
import asyncio, hashlib, mmap, multiprocessing, os, selectors, socket, sqlite3, subprocess, tempfile, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

with ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(abs, range(100))) == 4950
with ProcessPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
with tempfile.TemporaryDirectory() as folder:
    base = sqlite3.connect(folder + "/db")
    base.execute("create table t (n)")
    base.execute("insert into t values (1)")
    base.commit()

async def talk():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    process = await asyncio.create_subprocess_exec("echo", "x", stdout=subprocess.PIPE)
    assert (await process.communicate())[0] == b"x\\n"

asyncio.run(talk())
memory = mmap.mmap(-1, 4096)
memory[:5] = b"hello"
os.sched_getaffinity(0), os.getrandom(8), os.memfd_create("m"), os.eventfd(0), os.pipe2(0)
print("python works")
"""
    assert run_app("python3", "-c", script) == "python works\n"


def test_node_workers_children_and_http(run_app):
    script = """
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { execFileSync } = require('child_process');
const { createServer, get } = require('http');
const fs = require('fs'), crypto = require('crypto'), zlib = require('zlib');
const worker = new Worker("require('worker_threads').parentPort.postMessage(7)", { eval: true });
worker.on('message', (seven) => {
  fs.writeFileSync('/tmp/f', zlib.gzipSync(crypto.randomBytes(1 << 16)));
  fs.watch('/tmp').close();
  const uid = execFileSync('id', ['-u']).toString().trim();
  const server = createServer((request, response) => response.end('page')).listen(0, '127.0.0.1', () => {
    get({ port: server.address().port, host: '127.0.0.1' }, (response) => {
      response.on('data', (page) => { console.log(seven, uid, page.toString()); server.close(); });
    });
  });
});
"""
    assert run_app("node", "-e", script) == "7 10001 page\n"


@pytest.mark.parametrize("collector", ["UseSerialGC", "UseG1GC", "UseZGC"])
def test_a_jvm_starts_with_every_collector_and_does_cryptography(run_app, collector):
    words = ["keytool", f"-J-XX:+{collector}", "-J-Xmx256m", "-genseckey", "-keyalg", "AES", "-keysize", "256"]
    words += ["-alias", "a", "-storepass", "changeit", "-keystore", "/tmp/store"]
    run_app("sh", "-c", '"$@" && test -s /tmp/store', "sh", *words, timeout=300)


def test_a_jvm_server_listens(serve):
    container = serve("rmiregistry", "-J-Xmx128m", "1099", user="app")
    container.until_answers("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1099")


def test_perl_forks_and_talks(run_app):
    script = """
use strict; use IO::Socket::INET; use IPC::Open3; use File::Temp; use Time::HiRes; use Digest::SHA; use POSIX;
my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $port = $server->sockport; my $pid = fork;
if (!$pid) { my $c = IO::Socket::INET->new("127.0.0.1:$port") or exit 1; print $c "hello\\n"; exit 0 }
my $line = $server->accept->getline; waitpid $pid, 0; die if $?;
my ($in, $out); my $child = open3($in, $out, undef, 'id', '-u'); my $uid = <$out>; waitpid $child, 0;
my $file = File::Temp->new; print $file "x"; setlocale(LC_ALL, "C");
print $line, $uid;
"""
    assert run_app("perl", "-e", script) == "hello\n10001\n"


def test_bash_jobs_pipes_and_limits(run_app):
    script = r"""
set -euo pipefail
sleep 0.2 & wait $!
diff <(seq 100 | sort -n) <(seq 100) && printf 'a b\n' | while read -r x y; do echo "$y $x"; done
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
ulimit -c 0; ulimit -n 256; trap 'echo term' TERM; kill -TERM $$; umask 077; cd /tmp && mkdir d && rmdir d
"""
    assert run_app("bash", "-c", script) == "b a\nthrough\nterm\n"


def test_debian_userland(run_app):
    script = r"""
set -e
cd "$(mktemp -d)"
mkdir -p a/b; echo one >a/b/f; ln -s f a/b/l; ln a/b/f a/b/h; cp -a a c; mv c d; tar czf t.tgz a; tar xzf t.tgz -C d
dd if=/dev/zero of=z bs=4096 count=16 status=none; truncate -s 1M z; sync z; chmod 0600 z; touch -d yesterday z
find . -type f -print0 | sort -z | xargs -0 sha256sum >/tmp/sums; sha256sum -c --quiet /tmp/sums
sed -i s/one/two/ a/b/f; awk '{ print $1 }' a/b/f; grep -c two a/b/f
gzip -k z; mkfifo p; (echo fifo >p &) ; cat p; timeout 5 sleep 0.1; nice -n 5 true; nohup true 2>/dev/null
setsid -w true; for look in 'stat z' 'df .' 'du -s .' 'ps ax' free uptime who 'date +%Y' nproc; do $look >/dev/null; done; id -un
flock z true; split -n 4 z; shred -n 1 xaa; install -m 0755 /bin/true t; ./t; tty >/dev/null || true; stdbuf -oL true
ldd /bin/ls >/dev/null; getent passwd app | cut -d: -f1; hostname >/dev/null; dpkg -s bash >/dev/null; rm -rf a d
"""
    assert run_app("bash", "-c", script) == "two\n1\nfifo\napp\napp\n"


def test_debian_starts_no_program_with_a_setuid_bit_as_root(run_app):
    script = "for program in $(find / -xdev -perm /6000 -type f); do test -x $program && echo $program; done; true"
    listed = run_app("bash", "-c", script).split()
    assert "/usr/bin/su" in listed
    copied = "cp /usr/bin/id /tmp/id && chmod 6755 /tmp/id && /tmp/id -u && cat /proc/self/status | grep NoNewPrivs"
    assert run_app("bash", "-c", copied).split() == ["10001", "NoNewPrivs:", "1"]
