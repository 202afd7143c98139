#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/install.hpp"
#include "commands/log.hpp"
#include "sys/fd.hpp"
#include "sys/write.hpp"

namespace stepdown::commands {
namespace {

constexpr std::size_t kLongestName = 24;

// A place in the program's file that an installed copy has its name in. Found again by its first bytes, of which the
// program has no other copy: they are never compared with a literal.
struct Marker {
    char bytes[24];
    char name[kLongestName];
};
volatile constinit Marker marker = {{'\x7f', 's', 't', 'e', 'p', 'd', 'o', 'w', 'n', '-', 'i', 'n',
                                     's',    't', 'a', 'l', 'l', 'e', 'd', '-', 'a', 's', ':', '\x7f'},
                                    {}};

std::unexpected<Error> failed(const std::string& what, const char* call) {
    return call_failed(ExitCode::kSetup, what, call, errno);
}

Result<std::string> own_file() {
    const sys::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (!file) {
        return failed("cannot read this program's file, /proc/self/exe", "open");
    }
    std::string content;
    char buffer[64 * 1024];
    for (ssize_t length; (length = ::read(file.get(), buffer, sizeof buffer)) != 0;) {
        if (length < 0) {
            return failed("cannot read this program's file, /proc/self/exe", "read");
        }
        content.append(buffer, static_cast<std::size_t>(length));
    }
    return content;
}

Result<> write_name(std::string& content, std::string_view name) {
    char bytes[sizeof marker.bytes];
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
        bytes[i] = marker.bytes[i];
    }
    const std::size_t at = content.find(std::string_view(bytes, sizeof bytes));
    if (at == std::string::npos || at + sizeof(Marker) > content.size()) {
        return fail(ExitCode::kInternal, "this program's file has no place for a name");
    }
    content.replace(at + sizeof bytes, kLongestName, kLongestName, '\0');
    content.replace(at + sizeof bytes, name.size(), name);
    return {};
}

// Under another name first: whoever executes path finds the old file or the new one, whole.
Result<> put(const std::string& path, const std::string& content) {
    constexpr mode_t kMode = 0755;
    const std::string beside = path + ".new-" + std::to_string(::getpid());
    const sys::Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700));
    if (!file) {
        return failed("cannot make a file beside " + path, "open");
    }
    const char* call = nullptr;
    if (const auto written = sys::write_whole(file.get(), content); !written) {
        errno = written.error();
        call = "write";
    } else if (::fchmod(file.get(), kMode) < 0) {
        call = "fchmod";
    } else if (::fsync(file.get()) < 0) {
        call = "fsync";
    } else if (::rename(beside.c_str(), path.c_str()) < 0) {
        call = "rename";
    }
    if (call == nullptr) {
        return {};
    }
    const auto error = failed("cannot install " + path, call);
    ::unlink(beside.c_str());
    return error;
}

// A directory stands for a file in it.
std::string target_of(const cli::Parsed& parsed) {
    std::string path = parsed.plan.command.front();
    struct stat found{};
    if (::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
        path.append(path.ends_with('/') ? "" : "/").append(parsed.install_as.empty() ? "stepdown" : parsed.install_as);
    }
    return path;
}

} // namespace

std::string_view installed_as() {
    static char name[kLongestName];
    std::size_t length = 0;
    for (; length < kLongestName && marker.name[length] != '\0'; ++length) {
        name[length] = marker.name[length];
    }
    return {name, length};
}

int install(const cli::Parsed& parsed) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    if (parsed.plan.command.size() != 1) {
        return log.failed({ExitCode::kUsage, "install takes one path: stepdown install [--as=NAME] PATH"});
    }
    Result<std::string> content = own_file();
    Result<> done = content ? write_name(*content, parsed.install_as) : std::unexpected(content.error());
    done = done ? put(target_of(parsed), *content) : done;
    return done ? to_status(ExitCode::kSuccess) : log.failed(done.error());
}

} // namespace stepdown::commands
