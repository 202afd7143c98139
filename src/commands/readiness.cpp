#include <algorithm>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "commands/readiness.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {
namespace {

sys::Sys<sys::Fd> directory_of(sys::Kernel& kernel, std::string_view path) {
    return kernel.open_at(AT_FDCWD, std::string(path.substr(0, path.rfind('/'))).c_str(), O_PATH | O_DIRECTORY);
}

const char* name_in(std::string_view path) { return path.data() + path.rfind('/') + 1; } // of a literal

// Of a start before this one, which the container's restart has left: nothing would say any more that the app is ready.
// A start that is not PID 1 may be one beside the app.
void forget_ready_file(sys::Kernel& kernel) {
    for (const std::string_view path : supervise::kReadyFiles) {
        if (::getpid() != 1 || ::access(path.data(), F_OK) < 0) {
            continue;
        }
        if (const auto directory = directory_of(kernel, path)) {
            [[maybe_unused]] const auto removed = kernel.remove_at(directory->get(), name_in(path), 0);
        }
    }
}

sys::Sys<> make_file(sys::Kernel& kernel, std::string_view path, const Start& start) {
    constexpr mode_t kMode = 0644;
    const auto directory = directory_of(kernel, path);
    if (!directory) {
        return std::unexpected(directory.error());
    }
    const char* const name = name_in(path);
    [[maybe_unused]] const auto removed = kernel.remove_at(directory->get(), name, 0); // of an earlier start
    const auto file = kernel.open_at(directory->get(), name, O_WRONLY | O_CREAT | O_EXCL, kMode);
    if (!file) {
        return std::unexpected(file.error());
    }
    sys::Sys<> done = kernel.change_mode(file->get(), kMode);
    done = done ? sys::write_whole(file->get(), in_words(start.plan.supervision.ready) + "\n") : done;
    if (done && (start.wanted.uid != start.before.uid || start.wanted.gid != start.before.gid)) {
        done = kernel.change_owner_at(file->get(), "", start.wanted.uid->front(), start.wanted.gid->front());
    }
    return done;
}

} // namespace

Result<std::string> leave_ready_file(sys::Kernel& kernel, const Start& start) {
    if (start.plan.supervision.ready.kind == Readiness::Kind::kNone) {
        forget_ready_file(kernel);
        return std::string();
    }
    int error = 0;
    for (const std::string_view path : supervise::kReadyFiles) {
        if (const auto made = make_file(kernel, path, start)) {
            return std::string(path);
        } else if (error == 0) {
            error = made.error();
        }
    }
    return call_failed(ExitCode::kSetup, "cannot leave " + std::string(supervise::kReadyFiles[0]) + " for --ready",
                       "openat2", error, "mount a tmpfs at /run");
}

void add_variables(Program& program, const supervise::Accounts& accounts, const Supervision& asked,
                   std::vector<std::string>& texts) {
    if (accounts.socket_name().empty()) {
        return;
    }
    texts.push_back("NOTIFY_SOCKET=" + accounts.socket_name());
    if (asked.watchdog) {
        texts.push_back("WATCHDOG_USEC=" + std::to_string(asked.watchdog->count() * 1000));
    }
    std::erase_if(program.envp, [](const char* entry) {
        constexpr std::string_view kNames[] = {"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="};
        return entry == nullptr || std::ranges::any_of(kNames, [entry](std::string_view name) {
                   return std::string_view(entry).starts_with(name);
               });
    });
    for (std::string& text : texts) {
        program.envp.push_back(text.data());
    }
    program.envp.push_back(nullptr);
}

} // namespace stepdown::commands
