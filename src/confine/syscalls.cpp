#include "confine/syscalls.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <string>

#include <elf.h>
#include <linux/audit.h>

#include "confine/call_table.hpp"

namespace stepdown::confine {

namespace {

#include "calls.inc"

using enum Architecture;

constexpr std::array kArchitectures = {
    ArchitectureFacts{kX86_64, "SCMP_ARCH_X86_64", "amd64", AUDIT_ARCH_X86_64, kX86_64},
    ArchitectureFacts{kX86, "SCMP_ARCH_X86", "x86", AUDIT_ARCH_I386, kX86_64},
    ArchitectureFacts{kX32, "SCMP_ARCH_X32", "x32", AUDIT_ARCH_X86_64, kX86_64},
    ArchitectureFacts{kAarch64, "SCMP_ARCH_AARCH64", "arm64", AUDIT_ARCH_AARCH64, kAarch64},
    ArchitectureFacts{kArm, "SCMP_ARCH_ARM", "arm", AUDIT_ARCH_ARM, kAarch64},
    ArchitectureFacts{kRiscv64, "SCMP_ARCH_RISCV64", "riscv64", AUDIT_ARCH_RISCV64, kRiscv64},
};

// Machines that the specifications know and whose calls can never reach a kernel that stepdown is built for.
constexpr std::string_view kForeignArchitectures =
    "SCMP_ARCH_LOONGARCH64 SCMP_ARCH_M68K SCMP_ARCH_MIPS SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPSEL "
    "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL64N32 SCMP_ARCH_PARISC SCMP_ARCH_PARISC64 SCMP_ARCH_PPC SCMP_ARCH_PPC64 "
    "SCMP_ARCH_PPC64LE SCMP_ARCH_S390 SCMP_ARCH_S390X SCMP_ARCH_SH SCMP_ARCH_SHEB";

constexpr std::string_view kDockerArchitectures =
    "386 amd64 arm arm64 loong64 mips mips64 mips64le mips64n32 mipsel mipsel64 mipsle ppc ppc64 ppc64le s390 s390x "
    "riscv64 x32 x86 mipsel64n32 parisc parisc64";

// Calls newer than libseccomp 2.5.4 may know, and the machines' own. Since Linux 5.1 a new call has the same number
// everywhere.
struct NewCall {
    std::string_view name;
    std::uint32_t number;
    std::optional<Architecture> only_on = {};
};

constexpr std::array kNewCalls = {
    NewCall{"quotactl_fd", 443},       NewCall{"landlock_create_ruleset", 444},
    NewCall{"landlock_add_rule", 445}, NewCall{"landlock_restrict_self", 446},
    NewCall{"memfd_secret", 447},      NewCall{"process_mrelease", 448},
    NewCall{"futex_waitv", 449},       NewCall{"set_mempolicy_home_node", 450},
    NewCall{"cachestat", 451},         NewCall{"fchmodat2", 452},
    NewCall{"map_shadow_stack", 453},  NewCall{"futex_wake", 454},
    NewCall{"futex_wait", 455},        NewCall{"futex_requeue", 456},
    NewCall{"statmount", 457},         NewCall{"listmount", 458},
    NewCall{"lsm_get_self_attr", 459}, NewCall{"lsm_set_self_attr", 460},
    NewCall{"lsm_list_modules", 461},  NewCall{"mseal", 462},
    NewCall{"setxattrat", 463},        NewCall{"getxattrat", 464},
    NewCall{"listxattrat", 465},       NewCall{"removexattrat", 466},
    NewCall{"open_tree_attr", 467},    NewCall{"file_getattr", 468},
    NewCall{"file_setattr", 469},      NewCall{"listns", 470},
    NewCall{"rseq_slice_yield", 471},  NewCall{"uretprobe", 335, kX86_64},
    NewCall{"uprobe", 336, kX86_64},   NewCall{"riscv_hwprobe", 258, kRiscv64},
};

// Calls of machines and of times that libseccomp does not know.
constexpr std::string_view kElsewhere =
    "arc_gettls arc_settls arc_usr_cmpxchg atomic_barrier atomic_cmpxchg_32 dipc exec_with_loader execv getdomainname "
    "getdtablesize gethostname getpagesize getxgid getxpid getxuid kern_features llseek memory_ordering old_adjtimex "
    "oldumount or1k_atomic osf_fstat osf_fstatfs osf_fstatfs64 osf_getdirentries osf_getdomainname osf_getitimer "
    "osf_getrusage osf_getsysinfo osf_gettimeofday osf_lstat osf_mount osf_proplist_syscall osf_select "
    "osf_set_program_attributes osf_setitimer osf_setsysinfo osf_settimeofday osf_shmat osf_sigprocmask osf_sigstack "
    "osf_stat osf_statfs osf_statfs64 osf_swapon osf_syscall osf_sysinfo osf_usleep_thread osf_utimes osf_utsname "
    "osf_wait4 perfctr sched_get_affinity sched_set_affinity sethae setpgrp utrap_install";

// i386 since Linux 4.3 (sockets) and 5.1 (System V IPC). libseccomp names only the multiplexer, as a negative number.
constexpr std::array kI386Direct = {
    NewCall{"socket", 359},      NewCall{"socketpair", 360},  NewCall{"bind", 361},       NewCall{"connect", 362},
    NewCall{"listen", 363},      NewCall{"accept4", 364},     NewCall{"getsockopt", 365}, NewCall{"setsockopt", 366},
    NewCall{"getsockname", 367}, NewCall{"getpeername", 368}, NewCall{"sendto", 369},     NewCall{"sendmsg", 370},
    NewCall{"recvfrom", 371},    NewCall{"recvmsg", 372},     NewCall{"shutdown", 373},   NewCall{"recvmmsg", 337},
    NewCall{"sendmmsg", 345},    NewCall{"semget", 393},      NewCall{"semctl", 394},     NewCall{"shmget", 395},
    NewCall{"shmctl", 396},      NewCall{"shmat", 397},       NewCall{"shmdt", 398},      NewCall{"msgget", 399},
    NewCall{"msgsnd", 400},      NewCall{"msgrcv", 401},      NewCall{"msgctl", 402},
};

// Which parameters the kernel declares, or treats as, shorter than a register: i 32 bits, h 16 (umode_t), - all 64;
// what is not written is 64. Taken from the types in the kernel's own description of its calls (tracefs,
// events/syscalls/*/format), and from the manual pages where the kernel narrows later than in the declaration: clone,
// unshare, ptrace, mmap, mbind, readv and kin.
struct Widths {
    std::string_view pattern;
    std::string_view names;
};

constexpr std::array kWidths = {
    Widths{
        "i",
        "accept alarm arch_prctl clock_adjtime clock_getres clock_gettime clock_settime clone close dup epoll_create "
        "epoll_create1 eventfd exit exit_group fchdir fdatasync fgetxattr flistxattr fremovexattr fstat fstatfs fsync "
        "ftruncate futimesat get_robust_list getgroups getitimer getpeername getpgid getrlimit getrusage getsid "
        "getsockname inotify_init1 io_setup io_uring_setup iopl keyctl memfd_secret migrate_pages mlockall modify_ldt "
        "mq_getsetattr mq_notify mq_timedreceive openat2 personality pkey_free prctl pread64 preadv process_vm_readv "
        "process_vm_writev pselect6 pwrite64 pwritev read readahead readv rt_sigaction rt_sigprocmask "
        "sched_get_priority_max sched_get_priority_min sched_getparam sched_getscheduler sched_rr_get_interval "
        "sched_setparam select set_mempolicy setfsgid setfsuid setgid setgroups setitimer setrlimit setuid signalfd "
        "syncfs sysfs timer_create timer_delete timer_getoverrun timer_gettime timerfd_gettime umask unshare "
        "userfaultfd ustat write writev"},
    Widths{"ii",
           "clock_nanosleep dup2 eventfd2 fallocate fanotify_init fcntl flock getpriority inotify_rm_watch ioctl "
           "ioprio_get kexec_file_load kill landlock_restrict_self listen msgctl msgget pidfd_open prlimit64 "
           "process_mrelease rt_sigqueueinfo sched_getaffinity sched_setaffinity sched_setscheduler seccomp sendfile "
           "setns setpgid setregid setreuid shmctl shutdown timer_settime timerfd_create timerfd_settime tkill"},
    Widths{"iii",
           "close_range dup3 epoll_ctl fchown fsmount getsockopt ioprio_set kcmp membarrier pidfd_getfd quotactl_fd "
           "reboot rt_tgsigqueueinfo semctl semget setpriority setresgid setresuid socket socketpair tgkill"},
    Widths{"iiii", "io_uring_enter"},
    Widths{"iii-i", "setsockopt"},
    Widths{"ii-i", "fanotify_mark io_uring_register landlock_add_rule pidfd_send_signal tee waitid"},
    Widths{"ii--i", "fsconfig"},
    Widths{
        "i-i",
        "bind bpf connect epoll_pwait2 faccessat finit_module fspick getdents getdents64 getxattrat "
        "inotify_add_watch listxattrat lseek mount_setattr open_by_handle_at open_tree open_tree_attr quotactl recvmsg "
        "removexattrat renameat sched_setattr semop semtimedop sendmsg setxattrat shmat shmget syslog unlinkat wait4"},
    Widths{"i-ii", "epoll_pwait epoll_wait faccessat2 lsm_set_self_attr recvmmsg sched_getattr sendmmsg statx"},
    Widths{"i-iii", "fchownat"},
    Widths{"i-i-i", "linkat move_mount renameat2"},
    Widths{"i-i--i", "copy_file_range splice"},
    Widths{"i--i",
           "accept4 cachestat fadvise64 lsm_get_self_attr mq_timedsend msgsnd newfstatat readlinkat recvfrom signalfd4 "
           "sync_file_range utimensat vmsplice"},
    Widths{"i--ii", "process_madvise"},
    Widths{"i--i-i", "sendto"},
    Widths{"i---i", "execveat file_getattr file_setattr fsetxattr msgrcv name_to_handle_at"},
    Widths{"i----i", "move_pages preadv2 pwritev2"},
    Widths{"ih", "fchmod"},
    Widths{"i-h", "fchmodat mkdirat"},
    Widths{"i-hi", "fchmodat2 mknodat"},
    Widths{"i-ih", "openat"},
    Widths{"-i", "access delete_module fsopen memfd_create pipe2 ppoll ptrace setdomainname sethostname swapon "
                 "symlinkat umount2"},
    Widths{"-ii", "chown lchown poll"},
    Widths{"-iii", "futex_requeue perf_event_open rseq"},
    Widths{"-ii-i", "futex_waitv"},
    Widths{"-ii--i", "futex"},
    Widths{"-ih", "mq_open open"},
    Widths{"-h", "chmod creat mkdir"},
    Widths{"-hi", "mknod"},
    Widths{"--i",
           "getrandom ioperm landlock_create_ruleset lsm_list_modules madvise map_shadow_stack mlock2 msync readlink"},
    Widths{"--ii", "futex_wake"},
    Widths{"--i--i", "mbind"},
    Widths{"---i", "listmount pkey_mprotect request_key statmount"},
    Widths{"---i-i", "futex_wait"},
    Widths{"----i", "add_key lsetxattr mmap setxattr"},
};

bool has_word(std::string_view words, std::string_view word) {
    if (word.empty() || word.contains(' ')) {
        return false;
    }
    for (std::size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) {
            return true;
        }
    }
    return false;
}

std::string_view name_of(const CallRow& row) { return kCallNames.substr(row.name, (&row + 1)->name - row.name); }

std::int16_t number_of(const CallRow& row, Architecture architecture) {
    return row.numbers[static_cast<std::size_t>(architecture)];
}

// The last row is no call, but the end of the one before.
constexpr auto kCalls = std::span(kCallRows).first(std::size(kCallRows) - 1);

const CallRow* find_call(std::string_view name) {
    const auto row = std::ranges::lower_bound(kCalls, name, {}, name_of);
    return row != kCalls.end() && name_of(*row) == name ? &*row : nullptr;
}

std::optional<Entry> multiplexed(std::int16_t number) {
    if (number < -100 && number > -200) {
        return Entry{kI386Socketcall, static_cast<std::uint32_t>(-100 - number)};
    }
    if (number < -200 && number > -300) {
        return Entry{kI386Ipc, static_cast<std::uint32_t>(-200 - number)};
    }
    return std::nullopt;
}

} // namespace

std::span<const ArchitectureFacts> architectures() { return kArchitectures; }

const ArchitectureFacts& facts_of(Architecture architecture) {
    return *std::ranges::find(kArchitectures, architecture, &ArchitectureFacts::architecture);
}

bool is_foreign_architecture(std::string_view oci_name) { return has_word(kForeignArchitectures, oci_name); }

bool is_docker_architecture(std::string_view docker_name) { return has_word(kDockerArchitectures, docker_name); }

bool is_capability(std::string_view name) {
    constexpr std::string_view kCapabilities =
        "audit_control audit_read audit_write block_suspend bpf checkpoint_restore chown dac_override dac_read_search "
        "fowner fsetid ipc_lock ipc_owner kill lease linux_immutable mac_admin mac_override mknod net_admin "
        "net_bind_service net_broadcast net_raw perfmon setfcap setgid setpcap setuid sys_admin sys_boot sys_chroot "
        "sys_module sys_nice sys_pacct sys_ptrace sys_rawio sys_resource sys_time sys_tty_config syslog wake_alarm";
    return has_word(kCapabilities, name);
}

Architecture native_architecture() {
#if defined(__x86_64__)
    return kX86_64;
#elif defined(__aarch64__)
    return kAarch64;
#elif defined(__riscv) && __riscv_xlen == 64
    return kRiscv64;
#else
#error "no seccomp facts for this machine: add a row to kArchitectures"
#endif
}

std::vector<Entry> entries_of(std::string_view name, Architecture architecture) {
    const auto fresh = std::ranges::find(kNewCalls, name, &NewCall::name);
    if (fresh != kNewCalls.end()) {
        if (fresh->only_on.value_or(architecture) != architecture) {
            return {};
        }
        return {Entry{fresh->number | (architecture == kX32 ? kX32Bit : 0), {}}};
    }
    const CallRow* const row = find_call(name);
    const std::int16_t number = row == nullptr ? kNoCall : number_of(*row, architecture);
    if (number >= 0) {
        return {Entry{unpacked(number) | (architecture == kX32 ? kX32Bit : 0), {}}};
    }
    std::vector<Entry> entries;
    if (architecture == kX86) {
        if (const auto direct = std::ranges::find(kI386Direct, name, &NewCall::name); direct != kI386Direct.end()) {
            entries.push_back({direct->number, {}});
        }
        if (const std::optional<Entry> entry = multiplexed(number)) {
            entries.push_back(*entry);
        }
    }
    return entries;
}

std::map<std::uint32_t, std::string> calls_of(Architecture architecture) {
    std::map<std::uint32_t, std::string> calls;
    const std::uint32_t base = architecture == kX32 ? kX32Bit : 0;
    for (const CallRow& row : kCalls) {
        if (const std::int16_t number = number_of(row, architecture); number >= 0) {
            calls.emplace(unpacked(number) | base, name_of(row));
        }
    }
    const auto add = [&](const auto& table) {
        for (const NewCall& call : table) {
            if (call.only_on.value_or(architecture) == architecture) {
                calls.emplace(call.number | base, call.name);
            }
        }
    };
    add(kNewCalls);
    if (architecture == kX86) {
        add(kI386Direct);
    }
    return calls;
}

bool hides_arguments(std::string_view name, Architecture architecture) {
    constexpr std::string_view kShortIds = "chown fchown lchown setfsgid setfsuid setgid setregid setresgid setresuid "
                                           "setreuid setuid";
    const bool has_short_ids = architecture == kX86 || architecture == kArm;
    return (has_short_ids && has_word(kShortIds, name)) || (architecture == kX86 && has_word("mmap select", name));
}

bool is_known(std::string_view name) {
    return std::ranges::contains(kNewCalls, name, &NewCall::name) || has_word(kElsewhere, name) ||
           find_call(name) != nullptr;
}

std::uint64_t argument_mask(std::string_view name, unsigned index) {
    const auto row =
        std::ranges::find_if(kWidths, [name](const Widths& widths) { return has_word(widths.names, name); });
    const char width = row != kWidths.end() && index < row->pattern.size() ? row->pattern[index] : '-';
    return width == 'i' ? 0xffffffff : width == 'h' ? 0xffff : ~std::uint64_t{0};
}

} // namespace stepdown::confine
