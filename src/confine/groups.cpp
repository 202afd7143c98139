#include "confine/groups.hpp"

#include <algorithm>
#include <array>

namespace stepdown::confine {

namespace {

constexpr std::array kGroups = {
    Group{"io", "read and write through a descriptor",
          "copy_file_range fadvise64 lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv "
          "sendfile splice tee vmsplice write writev"},
    Group{"descriptors", "make, copy and close descriptors",
          "close close_range creat dup dup2 dup3 fcntl flock memfd_create memfd_secret name_to_handle_at open "
          "openat openat2 pipe pipe2"},
    Group{"file-data", "a file's length, blocks and way to the disk",
          "cachestat fallocate fdatasync fsync ftruncate sync sync_file_range syncfs truncate"},
    Group{"files", "files and directories by name",
          "access chdir faccessat faccessat2 fchdir fstat fstatfs getcwd getdents getdents64 link linkat lstat "
          "mkdir mkdirat mknod mknodat newfstatat readlink readlinkat rename renameat renameat2 rmdir stat statfs "
          "statx symlink symlinkat umask unlink unlinkat"},
    Group{"file-attributes", "owner, mode, times and attributes of a file",
          "chmod chown fchmod fchmodat fchmodat2 fchown fchownat fgetxattr file_getattr file_setattr flistxattr "
          "fremovexattr fsetxattr futimesat getxattr getxattrat lchown lgetxattr listxattr listxattrat llistxattr "
          "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat utime utimensat utimes"},
    Group{"polling", "wait for descriptors; descriptors made for waiting",
          "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 "
          "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll pselect6 select signalfd "
          "signalfd4 timerfd_create timerfd_gettime timerfd_settime"},
    Group{"aio", "asynchronous I/O, the older kind",
          "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit"},
    Group{"memory", "the process's own memory",
          "brk get_mempolicy madvise map_shadow_stack mbind membarrier mincore mlock mlock2 mlockall mmap mprotect "
          "mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise "
          "remap_file_pages set_mempolicy set_mempolicy_home_node"},
    Group{"ipc", "shared memory, semaphores, message queues",
          "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd "
          "semctl semget semop semtimedop shmat shmctl shmdt shmget"},
    Group{"process", "start programs, end, wait for children",
          "arch_prctl execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid prctl rseq "
          "set_tid_address setpgid setsid uprobe uretprobe vfork wait4 waitid"},
    Group{"signals", "send and handle signals",
          "kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask "
          "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill"},
    Group{"locks", "locks between threads",
          "futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list set_robust_list"},
    Group{"credentials", "user and group ids, capabilities",
          "capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid "
          "setgroups setregid setresgid setresuid setreuid setuid"},
    Group{"scheduling", "scheduling, priorities, limits",
          "getcpu getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 sched_get_priority_max "
          "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
          "sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield "
          "setpriority setrlimit"},
    Group{"time", "clocks, timers, sleep",
          "adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep "
          "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime times"},
    Group{"network", "use sockets that are there",
          "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg "
          "sendmsg sendto setsockopt shutdown"},
    Group{"system", "about the system; random numbers", "getrandom riscv_flush_icache riscv_hwprobe sysinfo uname"},
    Group{"sandbox", "confine oneself further",
          "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp"},
    Group{"mount", "mounts and a new root mount",
          "fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree open_tree_attr pivot_root "
          "umount2"},
    Group{"ptrace", "reach into other processes",
          "kcmp migrate_pages move_pages pidfd_getfd process_vm_readv process_vm_writev ptrace"},
    Group{"keyring", "kernel keyrings", "add_key keyctl request_key"},
    Group{"kernel-interfaces", "bpf, performance counters, io_uring, page faults by hand",
          "bpf io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd"},
    Group{"machine", "the machine: modules, clock, swap, names, ports, quotas",
          "acct clock_settime delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load "
          "quotactl quotactl_fd reboot setdomainname sethostname settimeofday swapoff swapon syslog vhangup"},
    Group{"bypass", "ways around permissions and mount points",
          "fanotify_init fanotify_mark lookup_dcookie open_by_handle_at"},
    Group{"introspection", "new ways to ask what /proc tells",
          "listmount listns lsm_get_self_attr lsm_list_modules lsm_set_self_attr process_mrelease statmount"},
    Group{"obsolete", "relics that today's kernels have as a number only",
          "_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getpmsg "
          "modify_ldt nfsservctl putpmsg query_module security set_thread_area sysfs tuxcall uselib ustat vserver"},
    Group{"root-directory", "a new root directory", "chroot"},
    Group{"devices", "requests to a device", "ioctl"},
    Group{"sockets", "make sockets", "socket socketpair"},
    Group{"namespaces", "new processes and threads, and their namespaces", "clone clone3 setns unshare"},
    Group{"personality", "execution domains", "personality"},
    Group{"network-listen", "be a server: of every family", "accept accept4 bind listen"},
    Group{"network-connect", "be a client", "connect"},
    Group{"io-uring", "system calls by ring, which no filter sees", "io_uring_enter io_uring_register io_uring_setup"},
    Group{"bpf", "programs in the kernel", "bpf"},
    Group{"perf", "performance counters", "perf_event_open"},
    Group{"execute", "start programs", "execve execveat"},
    Group{"node", "make FIFOs and devices", "mknod mknodat"},
};

} // namespace

std::span<const Group> groups() { return kGroups; }

const Group* find_group(std::string_view name) {
    const auto found = std::ranges::find(kGroups, name, &Group::name);
    return found == kGroups.end() ? nullptr : &*found;
}

const Group* group_of(std::string_view call) {
    const auto found = std::ranges::find_if(
        kGroups, [call](const Group& group) { return std::ranges::contains(calls_of(group), call); });
    return found == kGroups.end() ? nullptr : &*found;
}

std::vector<std::string> calls_of(const Group& group) {
    std::vector<std::string> calls;
    for (std::string_view rest = group.calls; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        calls.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return calls;
}

} // namespace stepdown::confine
