#include <cerrno>

#include <fcntl.h>

#include "commands/account_files.hpp"

namespace stepdown::commands {
namespace {

Result<std::string> read_account_file(sys::Kernel& kernel, const char* path) {
    const sys::Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) {
        return errno == ENOENT ? Result<std::string>(std::string())
                               : call_failed(ExitCode::kUsage, std::string("cannot read ") + path, "open", errno);
    }
    auto text = kernel.read_whole(file);
    if (!text) {
        return call_failed(ExitCode::kUsage, std::string("cannot read ") + path, "read", text.error());
    }
    return std::move(*text);
}

} // namespace

const Result<std::string>& AccountFiles::read_once(std::optional<Result<std::string>>& text, const char* path) {
    if (!text) {
        text = read_account_file(kernel_, path);
    }
    return *text;
}

} // namespace stepdown::commands
