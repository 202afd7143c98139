#include "verify/probe_landlock.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "verify/mounts.hpp"

namespace stepdown::verify {
namespace {

constexpr std::string_view kAlwaysWritable[] = {"/tmp", "/var/tmp", "/dev/shm", "/dev/null"};

bool lets_read(const Landlock& asked, std::string_view path) {
    return asked.read_only_root ||
           std::ranges::any_of(asked.files, [path](const FileGrant& grant) { return is_below(path, grant.path); });
}

// ---- attempts

int open_target(const Trial& trial) {
    struct open_how how{};
    how.flags = static_cast<std::uint64_t>(trial.flags) | O_CLOEXEC | O_NONBLOCK;
    how.mode = (trial.flags & O_TMPFILE) == O_TMPFILE ? 0600 : 0;
    how.resolve = RESOLVE_NO_SYMLINKS; // a link may lead to what is granted
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, trial.target.c_str(), &how, sizeof how);
    if (fd < 0) {
        return errno;
    }
    ::close(static_cast<int>(fd));
    return 0;
}

// What comes after the rules have let it through, is no refusal.
int use_port(const Trial& trial, int (*call)(int, const sockaddr*, socklen_t), int passed) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, trial.protocol);
    if (fd < 0) {
        return errno;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(trial.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int error = call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    ::close(fd);
    return error == passed || error == EINPROGRESS ? 0 : error;
}

// tcp(7), TCP_FASTOPEN_CONNECT and before it this: connects on the way.
int send_at_once(int fd, const sockaddr* address, socklen_t length) {
    return ::sendto(fd, "", 1, MSG_FASTOPEN | MSG_NOSIGNAL, address, length) < 0 ? -1 : 0;
}

int connect_to_port(const Trial& trial) { return use_port(trial, ::connect, ECONNREFUSED); }
int send_to_port(const Trial& trial) { return use_port(trial, send_at_once, ECONNREFUSED); }
int bind_port(const Trial& trial) { return use_port(trial, ::bind, EADDRINUSE); }

socklen_t abstract_address(sockaddr_un& address, std::string_view name) {
    address.sun_family = AF_UNIX;
    const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path + 1, name.data(), length);
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
}

int connect_to_abstract(const Trial& trial) {
    sockaddr_un address{};
    const socklen_t length = abstract_address(address, trial.target);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    const int error = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 ? 0 : errno;
    ::close(fd);
    return error == EAGAIN ? 0 : error; // its queue is full
}

int signal_init(const Trial&) { return ::kill(1, 0) == 0 ? 0 : errno; } // 0: only whether it might

// ---- which

std::uint16_t port_beside(const std::vector<std::uint16_t>& granted, std::uint16_t from) {
    while (std::ranges::contains(granted, from)) {
        ++from;
    }
    return from;
}

void add_files(std::vector<Trial>& trials, const Landlock& asked, std::span<const std::string> state,
               std::string_view home) {
    constexpr std::string_view kFolders[] = {"/tmp", "/var/tmp", "/dev/shm", "/run/lock"};
    const auto add_writing = [&](std::string_view path, int flags) {
        if (!lets_write(asked, state, path)) {
            trials.push_back({.id = "probe.landlock.write",
                              .title = "write where the Landlock rules grant nothing",
                              .attempt = open_target,
                              .target = std::string(path),
                              .flags = flags});
        }
    };
    add_writing(home, O_TMPFILE | O_WRONLY); // a file without a name, gone when it is closed
    for (const std::string_view folder : kFolders) {
        add_writing(folder, O_TMPFILE | O_WRONLY);
    }
    add_writing("/dev/null", O_WRONLY);
    for (const std::string_view path : {"/etc/passwd", "/proc/version", "/"}) {
        if (!lets_read(asked, path)) {
            trials.push_back({.id = "probe.landlock.read",
                              .title = "read where the Landlock rules grant nothing",
                              .attempt = open_target,
                              .target = std::string(path),
                              .flags = O_RDONLY});
        }
    }
}

// By Multipath TCP and TCP Fast Open too, which Landlock lets through and the filter refuses.
void add_ports(std::vector<Trial>& trials, const Landlock& asked) {
    constexpr int kMultipathTcp = 262; // IPPROTO_MPTCP; the headers of the build may be older
    const auto add = [&trials](std::string_view id, std::string_view title, int (*attempt)(const Trial&),
                               std::uint16_t port, int protocol) {
        trials.push_back({.id = id, .title = title, .attempt = attempt, .port = port, .protocol = protocol});
    };
    for (const int protocol : {0, kMultipathTcp}) {
        if (!asked.connect.empty()) {
            add("probe.landlock.connect", "connect to a port that is not granted", connect_to_port,
                port_beside(asked.connect, 1), protocol);
        }
        if (!asked.bind.empty()) {
            add("probe.landlock.bind", "listen on a port that is not granted", bind_port,
                port_beside(asked.bind, 61000), protocol);
        }
    }
    if (!asked.connect.empty()) {
        add("probe.landlock.connect", "connect to a port that is not granted", send_to_port,
            port_beside(asked.connect, 1), 0);
    }
}

Finding finding_of(const Trial& trial, bool told, int outcome) {
    Finding finding{.check = std::string(trial.id),
                    .verdict = !told          ? Verdict::kSkipped
                               : outcome == 0 ? Verdict::kFail
                                              : Verdict::kPass,
                    .expected = "refused",
                    .observed = !told          ? "not told: nothing was found here that only Landlock refuses"
                                : outcome == 0 ? "it could"
                                               : std::strerror(outcome),
                    .severity = Severity::kHigh,
                    .title = trial.title,
                    .references = "OWASP-Docker-D04"};
    if (finding.verdict == Verdict::kFail) {
        finding.observed += trial.target.empty() ? "" : ": " + trial.target;
        finding.remedy = "this kernel does not enforce the rules: find out what it knows, --landlock=require";
    }
    return finding;
}

} // namespace

bool lets_write(const Landlock& asked, std::span<const std::string> state, std::string_view path) {
    const auto covers = [path](std::string_view folder) { return is_below(path, folder); };
    return std::ranges::any_of(asked.files,
                               [covers](const FileGrant& grant) {
                                   return grant.kind == FileGrantKind::kWrite && covers(grant.path);
                               }) ||
           (asked.read_only_root &&
            (std::ranges::any_of(kAlwaysWritable, covers) || std::ranges::any_of(state, covers)));
}

std::vector<Trial> landlock_trials(const Landlock& asked, std::span<const std::string> state, std::string_view home,
                                   std::string_view abstract) {
    std::vector<Trial> trials;
    if (asked.mode == LandlockMode::kOff) {
        return trials;
    }
    if (asked.restricts_files()) {
        add_files(trials, asked, state, home);
    }
    add_ports(trials, asked);
    if (asked.scope_abstract_sockets && !abstract.empty()) {
        trials.push_back({.id = "probe.landlock.abstract",
                          .title = "connect to an abstract socket outside",
                          .attempt = connect_to_abstract,
                          .target = std::string(abstract)});
    }
    if (asked.scope_signals) {
        trials.push_back({.id = "probe.landlock.signal", .title = "send PID 1 a signal", .attempt = signal_init});
    }
    return trials;
}

sys::Fd listen_abstract(std::string& name) {
    sys::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t); // unix(7), "autobind"
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::listen(fd.get(), 4) != 0) {
        return {};
    }
    length = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
    name.assign(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
    return fd;
}

std::vector<Finding> trial_findings(std::span<const Trial> trials, std::span<const int> before,
                                    std::span<const int> after) {
    std::vector<Finding> findings;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        Finding finding = finding_of(trials[i], before[i] == 0, after[i]);
        const auto same = std::ranges::find(findings, finding.check, &Finding::check);
        if (same == findings.end()) {
            findings.push_back(std::move(finding));
        } else if (finding.verdict == Verdict::kFail || same->verdict == Verdict::kSkipped) {
            *same = std::move(finding);
        }
    }
    return findings;
}

} // namespace stepdown::verify
