"""What the app may still ask of the kernel. The engine's own seccomp is off here, so that every refusal is stepdown's."""

import errno
import json

import pytest

UNCONFINED = ["--security-opt=seccomp=unconfined"]

# Raw system calls of x86-64 by number, each with arguments that would do no harm; run by python, told as JSON.
ASK = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    return 0 if result >= 0 else ctypes.get_errno()

def in_child(number, *arguments):
    pid = os.fork()
    if pid == 0:
        os._exit(min(call(number, *arguments), 255))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

print(json.dumps({name: in_child(*words) for name, words in json.loads(sys.argv[1]).items()}))
"""

NEWUSER, NEWNS, SIGCHLD = 0x10000000, 0x20000, 17
REFUSED = {
    "unshare a user namespace": (272, NEWUSER),
    "unshare a mount namespace": (272, NEWNS),
    "clone into a user namespace": (56, NEWUSER | SIGCHLD, 0, 0, 0, 0),
    "setns": (308, -1, 0),
    "ptrace PID 1": (101, 16, 1, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "add_key": (248, 0, 0, 0, 0, -2),
    "keyctl": (250, 0, -3, 0, 0, 0),
    "request_key": (249, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 1),
    "io_uring_setup": (425, 1, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 0),
    "open_tree": (428, -100, 0, 0),
    "move_mount": (429, -1, 0, -1, 0, 0),
    "fsopen": (430, 0, 0),
    "pivot_root": (155, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, -1, 0, 0),
    "delete_module": (176, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "personality READ_IMPLIES_EXEC": (135, 0x0400000),
    "TIOCSTI": (16, 0, 0x5412, 0),
    "TIOCSTI with high bits set": (16, 0, 0x100005412, 0),
    "TIOCLINUX": (16, 0, 0x541C, 0),
}
UNKNOWN = {"clone3": (435, 0, 0), "a call of the future": (1000, 0)}
ALLOWED = {
    "getpid": (39,),
    "personality query": (135, 0xFFFFFFFF),
    "clone without namespaces": (56, SIGCHLD, 0, 0, 0, 0),
    "getrandom": (318, 0, 0, 0),
    "memfd_create": (319, 0, 0),
}
KERNELS_ANSWERS = {**dict.fromkeys(ALLOWED, 0), "memfd_create": errno.EFAULT}  # its name is a null pointer here
X32_GETPID = {"x32": (0x40000000 | 39,)}


def ask(engine, calls, **options):
    shown = engine.run("python3", "-c", ASK, json.dumps(calls), image="apps", docker=UNCONFINED, **options)
    assert shown.code == 0, shown
    return json.loads(shown.out)


def test_what_an_app_could_misuse_is_refused_with_eperm(engine):
    assert ask(engine, REFUSED) == dict.fromkeys(REFUSED, errno.EPERM)


def test_what_is_newer_than_the_profile_is_enosys_so_that_libraries_fall_back(engine):
    assert ask(engine, UNKNOWN) == dict.fromkeys(UNKNOWN, errno.ENOSYS)


def test_what_every_app_needs_is_allowed(engine):
    assert ask(engine, ALLOWED) == KERNELS_ANSWERS


def test_a_call_in_the_x32_way_kills_the_process(engine):
    assert ask(engine, X32_GETPID) == {"x32": -31}


def test_a_call_in_the_32_bit_way_kills_the_process(engine):
    script = """
import ctypes, mmap
code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20 (getpid); int 0x80; ret
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    without = engine.run("python3", "-c", script, image="apps", docker=UNCONFINED, stepdown=None)
    shown = engine.run("python3", "-c", script, image="apps", docker=UNCONFINED)
    if without.code == 128 + 11:  # a kernel without CONFIG_IA32_EMULATION has no way in
        assert (shown.code, shown.out) == (without.code, ""), shown
    else:
        assert without.code == 0 and int(without.out) > 0, without
        assert (shown.code, shown.out) == (128 + 31, ""), shown


@pytest.mark.parametrize("stepdown, code", [(["--user=app"], 1), (["--user=app", "--seccomp=off"], 0)])
def test_only_the_filter_keeps_an_app_from_full_capabilities_in_a_namespace_of_its_own(engine, stepdown, code):
    """uid 10001, an empty bounding set and no_new_privs are not enough: unshare -Ur gives every capability there is."""
    words = ["unshare", "-Ur", "grep", "CapEff", "/proc/self/status"]
    shown = engine.run(*words, image="apps", docker=UNCONFINED, stepdown=stepdown)
    assert shown.code == code, shown
    assert code != 0 or int(shown.out.split()[1], 16) > 0, shown


def test_the_engines_filter_alone_would_leave_io_uring(engine):
    """Why a filter of our own though the engine has one: what that one allows is not what an app needs."""
    calls = json.dumps({"io_uring_setup": (425, 1, 0)})
    by_engine = engine.run("python3", "-c", ASK, calls, image="apps", stepdown=None)
    assert json.loads(by_engine.out)["io_uring_setup"] != errno.EPERM
    ours = engine.run("python3", "-c", ASK, calls, image="apps")
    assert json.loads(ours.out)["io_uring_setup"] == errno.EPERM


def test_a_profile_of_the_users_replaces_the_built_in_one(engine):
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93}],
    }
    files = {"profile.json": (json.dumps(profile).encode(), 0o644)}
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY profile.json /profile.json", files)
    shown = engine.run("mkdir", "/tmp/d", image=image, stepdown=["--user=app", "--seccomp=/profile.json"])
    assert shown.code == 1 and "Protocol not supported" in shown.err, shown


def test_a_broken_profile_stops_the_start(engine):
    files = {"profile.json": (b'{"defaultAction": "SCMP_ACT_LOUD"}', 0o644)}
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY profile.json /profile.json", files)
    shown = engine.run("echo", "ran", image=image, stepdown=["--user=app", "--seccomp=/profile.json"])
    assert shown.code == 100 and "ran" not in shown.out and "SCMP_ACT_LOUD" in shown.err, shown


def test_a_filter_compiled_at_the_images_build_needs_no_profile_at_the_start(engine):
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93}],
    }
    files = {"profile.json": (json.dumps(profile).encode(), 0o644)}
    lines = [
        f"FROM {engine.image('debian')}",
        "COPY profile.json /profile.json",
        "RUN /stepdown profile compile /profile.json -o /profile.bpf && rm /profile.json",
    ]
    image = engine.build("\n".join(lines), files)
    shown = engine.run("mkdir", "/tmp/d", image=image, stepdown=["--user=app", "--seccomp=/profile.bpf"])
    assert shown.code == 1 and "Protocol not supported" in shown.err, shown


def test_a_built_in_filter_is_changed_by_a_variable(engine):
    calls = {"ptrace": (101, 16, -1, 0, 0), "mkdir": (83, 0, 0), "AF_INET6": (41, 10, 1, 0)}
    changes = ["-e", "STEPDOWN_SECCOMP_ALLOW=@ptrace", "-e", "STEPDOWN_SECCOMP_DENY=mkdir,socket:AF_INET6"]
    shown = engine.run("python3", "-c", ASK, json.dumps(calls), image="apps", docker=UNCONFINED + changes)
    assert shown.code == 0, shown
    expected = {"ptrace": errno.ESRCH, "mkdir": errno.EPERM, "AF_INET6": errno.EAFNOSUPPORT}
    assert json.loads(shown.out) == expected


def test_the_strict_filter_lets_a_service_serve_and_no_code_be_written(engine):
    assert engine.run("python3", "-c", "print('ran')", image="apps", stepdown=["--user=app", "--seccomp=strict"]).code == 0
    calls = {"mmap both": (9, 0, 4096, 7, 34, -1, 0), "setuid": (105, 10001), "memfd_create": (319, 0, 0)}
    shown = engine.run(
        "python3", "-c", ASK, json.dumps(calls), image="apps", stepdown=["--user=app", "--seccomp=strict"]
    )
    assert shown.code == 0, shown
    expected = {"mmap both": errno.EPERM, "setuid": errno.EPERM, "memfd_create": errno.ENOSYS}
    assert json.loads(shown.out) == expected
