// Measures what a wrapper adds to the start of an app. The cases come on standard input, one a line: a name,
// then the words of the command, all separated by tabs; the app's path is appended. Every round runs every case
// twice (bench/true.c: spawn to exit; bench/stamp.c: exec to the app's first instruction), in a new random order,
// so that a noisy moment of the machine is spread over all cases. The result is one line a case on standard output.
//
//   startup --apps=DIR [--rounds=N] [--pidns] [--fresh=PATH]
//
// --fresh names what is removed before every run: what the last start left there is not there at a first one.
// A run that does not exit 0, or that does not reach the app, ends the measurement: a failure is not a fast start.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Nanoseconds = std::int64_t;

struct Case {
    std::string name;
    std::vector<std::string> words;
    std::vector<Nanoseconds> total; // spawn (with --pidns: exec) to exit of `true`
    std::vector<Nanoseconds> first; // exec to the first instruction of `stamp`
    std::string said;               // first line on standard error, if any run said something
};

struct Settings {
    std::string apps;
    int rounds = 300;
    bool pidns = false;
    std::string fresh;
};

// Shared with the child, which runs in our memory until it execs (CLONE_VM | CLONE_VFORK).
struct Launch {
    char* const* argv;
    char* const* envp;
    int out;
    int err;
    bool pidns;
    Nanoseconds exec_at;
    int failed_errno;
    const char* failed_call;
};

constexpr int kWarmUp = 5;
constexpr unsigned kDeadlineSeconds = 20; // a run takes milliseconds

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "startup: %s\n", why.c_str());
    std::exit(1);
}

int must(int result, const char* call) {
    if (result < 0) {
        die(std::string(call) + ": " + std::strerror(errno));
    }
    return result;
}

Nanoseconds nanoseconds(const timespec& at) { return static_cast<Nanoseconds>(at.tv_sec) * 1'000'000'000 + at.tv_nsec; }

Nanoseconds now() {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    return nanoseconds(at);
}

int fail_in_child(Launch& launch, const char* call) {
    launch.failed_errno = errno;
    launch.failed_call = call;
    _exit(125);
}

int child(void* argument) {
    auto& launch = *static_cast<Launch*>(argument);
    if (launch.pidns) {
        if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
            return fail_in_child(launch, "mount a fresh /proc");
        }
    }
    if (dup2(launch.out, 1) < 0 || dup2(launch.err, 2) < 0) {
        return fail_in_child(launch, "dup2");
    }
    launch.exec_at = now();
    execve(launch.argv[0], launch.argv, launch.envp);
    return fail_in_child(launch, "execve");
}

// Only there to interrupt waitpid.
void on_alarm(int) {}

class Bench {
  public:
    explicit Bench(Settings settings) : settings_(std::move(settings)) {
        int ends[2];
        must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2");
        pipe_read_ = ends[0];
        pipe_write_ = ends[1];
        said_ = must(memfd_create("stderr", MFD_CLOEXEC), "memfd_create");
        must(fcntl(said_, F_SETFL, O_APPEND), "fcntl");
        const int null = must(open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
        must(dup2(null, 0), "dup2");
        struct sigaction action{};
        action.sa_handler = on_alarm;
        must(sigaction(SIGALRM, &action, nullptr), "sigaction");
    }

    void run(std::vector<Case>& cases) {
        std::vector<std::pair<Case*, bool>> order;
        for (auto& one : cases) {
            order.emplace_back(&one, false);
            order.emplace_back(&one, true);
        }
        std::mt19937 random(20240229); // fixed: two runs of the bench visit the cases alike
        for (int round = -kWarmUp; round < settings_.rounds; ++round) {
            std::shuffle(order.begin(), order.end(), random);
            for (const auto& [one, stamped] : order) {
                measure(*one, stamped, round >= 0);
            }
            if (round > 0 && round % 100 == 0) {
                std::fprintf(stderr, "  %d of %d rounds\n", round, settings_.rounds);
            }
        }
    }

  private:
    void measure(Case& one, bool stamped, bool counts) {
        std::vector<char*> argv;
        std::string app = settings_.apps + (stamped ? "/stamp" : "/true");
        for (auto& word : one.words) {
            argv.push_back(word.data());
        }
        argv.push_back(app.data());
        argv.push_back(nullptr);
        char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        char* const envp[] = {path, nullptr};
        Launch launch{argv.data(), envp, pipe_write_, said_, settings_.pidns, 0, 0, nullptr};

        const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (settings_.pidns ? CLONE_NEWPID | CLONE_NEWNS : 0);
        if (!settings_.fresh.empty()) {
            std::filesystem::remove_all(settings_.fresh);
        }
        alarm(kDeadlineSeconds);
        const Nanoseconds spawned_at = now();
        const pid_t pid = must(clone(child, stack_ + sizeof stack_, flags, &launch), "clone");
        int status = 0;
        if (waitpid(pid, &status, 0) < 0) {
            kill(pid, SIGKILL);
            die(one.name + ": did not end within " + std::to_string(kDeadlineSeconds) + " s");
        }
        const Nanoseconds ended_at = now();
        alarm(0);

        if (launch.failed_call != nullptr) {
            die(one.name + ": " + launch.failed_call + ": " + std::strerror(launch.failed_errno));
        }
        listen(one);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            die(one.name + ": " +
                (WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                                   : "signal " + std::to_string(WTERMSIG(status))) +
                " in place of exit status 0; it said: " + (one.said.empty() ? "nothing" : one.said));
        }
        timespec stamp{};
        const ssize_t got = read(pipe_read_, &stamp, sizeof stamp);
        if (stamped ? got != static_cast<ssize_t>(sizeof stamp) : got > 0) {
            die(one.name + ": exited 0, but the app was not the one that ran");
        }
        if (counts && stamped) {
            one.first.push_back(nanoseconds(stamp) - launch.exec_at);
        } else if (counts) {
            one.total.push_back(ended_at - (settings_.pidns ? launch.exec_at : spawned_at));
        }
    }

    // Keeps the first line a case wrote to standard error: a wrapper that warns at every start should be seen to.
    void listen(Case& one) {
        char text[300];
        const ssize_t got = pread(said_, text, sizeof text, 0);
        if (got <= 0) {
            return;
        }
        must(ftruncate(said_, 0), "ftruncate");
        if (one.said.empty()) {
            const std::string_view all(text, static_cast<std::size_t>(got));
            one.said = all.substr(0, all.find('\n'));
            std::replace(one.said.begin(), one.said.end(), '\t', ' ');
        }
    }

    Settings settings_;
    int pipe_read_ = -1;
    int pipe_write_ = -1;
    int said_ = -1;
    alignas(16) char stack_[256 * 1024];
};

std::vector<Case> read_cases() {
    std::vector<Case> cases;
    std::string line;
    for (int c = std::getchar(); c != EOF; c = std::getchar()) {
        if (c != '\n') {
            line.push_back(static_cast<char>(c));
            continue;
        }
        std::vector<std::string> fields(1);
        for (const char letter : line) {
            if (letter == '\t') {
                fields.emplace_back();
            } else {
                fields.back().push_back(letter);
            }
        }
        cases.push_back({fields.front(), {fields.begin() + 1, fields.end()}, {}, {}, {}});
        line.clear();
    }
    return cases;
}

void print_quantiles(std::vector<Nanoseconds> times) {
    std::sort(times.begin(), times.end());
    for (const double share : {0.1, 0.5, 0.9}) {
        const auto at = static_cast<std::size_t>(std::lround(share * static_cast<double>(times.size() - 1)));
        std::printf("\t%.1f", static_cast<double>(times[at]) / 1000.0);
    }
}

std::optional<Settings> read_settings(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word.starts_with("--apps=")) {
            settings.apps = word.substr(7);
        } else if (word.starts_with("--rounds=")) {
            const auto digits = word.substr(9);
            const auto end = digits.data() + digits.size();
            const auto [rest, error] = std::from_chars(digits.data(), end, settings.rounds);
            if (error != std::errc() || rest != end || settings.rounds < 1) {
                return std::nullopt;
            }
        } else if (word.starts_with("--fresh=")) {
            settings.fresh = word.substr(8);
        } else if (word == "--pidns") {
            settings.pidns = true;
        } else {
            return std::nullopt;
        }
    }
    return settings.apps.empty() ? std::nullopt : std::optional(settings);
}

} // namespace

int main(int argc, char** argv) {
    const auto settings = read_settings(argc, argv);
    if (!settings) {
        die("usage: startup --apps=DIR [--rounds=N] [--pidns] [--fresh=PATH] < CASES");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto cases = read_cases();
    if (cases.empty()) {
        die("no cases on standard input");
    }
    Bench bench(*settings);
    bench.run(cases);
    for (const auto& one : cases) {
        std::printf("%s", one.name.c_str());
        print_quantiles(one.total);
        print_quantiles(one.first);
        std::printf("\t%s\n", one.said.c_str());
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}
