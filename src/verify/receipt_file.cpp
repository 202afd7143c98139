#include "verify/receipt_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "sys/write.hpp"
#include "verify/user_namespace.hpp"

namespace stepdown::verify {
namespace {

constexpr std::array<std::string_view, 2> kPlaces = {"/run/stepdown.receipt", "/dev/shm/stepdown/receipt"};

// More than any start writes; less than would hurt to read.
constexpr off_t kLargest = 1 << 20;

struct Place {
    std::string directory;
    std::string name; // the file's
};

std::optional<Place> place_of(std::string_view path) {
    if (!path.starts_with('/') || path.ends_with('/')) {
        return std::nullopt;
    }
    const std::size_t slash = path.rfind('/');
    return Place{.directory = std::string(path.substr(0, std::max<std::size_t>(slash, 1))),
                 .name = std::string(path.substr(slash + 1))};
}

std::span<const std::string_view> places(const std::string_view& where) {
    return where == "auto" ? std::span(kPlaces) : std::span(&where, 1);
}

std::string reason(int error, std::string_view call) { return fmt::format("{} ({})", std::strerror(error), call); }

bool others_may_write(const struct stat& status) { return (status.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

// A trouble in words is this room's error until the last place has failed.
using Attempt = std::expected<void, std::string>;

sys::Sys<sys::Fd> make_directory(sys::Kernel& kernel, std::string_view path) {
    const std::size_t slash = path.rfind('/');
    const std::string above(path.substr(0, std::max<std::size_t>(slash, 1)));
    const std::string name(path.substr(slash + 1));
    const auto parent = kernel.open_at(AT_FDCWD, above.c_str(), O_PATH | O_DIRECTORY);
    if (!parent) {
        return std::unexpected(parent.error());
    }
    if (const auto made = kernel.make_directory_at(parent->get(), name.c_str(), 0755);
        !made && made.error() != EEXIST) {
        return std::unexpected(made.error());
    }
    return kernel.open_at(parent->get(), name.c_str(), O_RDONLY | O_DIRECTORY);
}

Attempt check_directory(sys::Kernel& kernel, const sys::Fd& directory) {
    const auto status = kernel.stat_at(directory.get(), "");
    if (!status) {
        return std::unexpected(reason(status.error(), "fstatat"));
    }
    if (status->st_uid != ::geteuid()) {
        return std::unexpected(fmt::format("belongs to uid {}", status->st_uid));
    }
    if (others_may_write(*status)) {
        return std::unexpected(fmt::format("others may write to it (mode {:04o})", status->st_mode & 07777));
    }
    return {};
}

sys::Sys<sys::Fd> create_new(sys::Kernel& kernel, int directory, const char* name) {
    constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL;
    auto file = kernel.open_at(directory, name, kNew, 0444);
    if (!file && file.error() == EEXIST) { // an earlier start's
        if (const auto removed = kernel.remove_at(directory, name, 0); !removed) {
            return std::unexpected(removed.error());
        }
        file = kernel.open_at(directory, name, kNew, 0444);
    }
    return file;
}

// What is made is as public as it says, whatever umask the engine gave.
class PlainUmask {
  public:
    PlainUmask() : given_(::umask(022)) {}
    PlainUmask(const PlainUmask&) = delete;
    PlainUmask& operator=(const PlainUmask&) = delete;
    ~PlainUmask() { ::umask(given_); }

  private:
    mode_t given_;
};

// Not by rename(2) over an old one: some file systems flush to the disk then, a hundred times what all the rest costs,
// and nobody reads a receipt before its start is done.
Attempt fill(sys::Kernel& kernel, int directory, const char* name, std::string_view text) {
    auto file = create_new(kernel, directory, name);
    if (!file) {
        return std::unexpected(reason(file.error(), "openat2"));
    }
    if (const sys::Sys<> written = sys::write_whole(file->get(), text); !written) {
        (void)kernel.remove_at(directory, name, 0);
        return std::unexpected(reason(written.error(), "write"));
    }
    return {};
}

Attempt write_at(sys::Kernel& kernel, std::string_view path, std::string_view text) {
    const auto place = place_of(path);
    if (!place) {
        return std::unexpected(fmt::format("{}: is not an absolute path of a file", path));
    }
    const PlainUmask umask;
    auto directory = kernel.open_at(AT_FDCWD, place->directory.c_str(), O_RDONLY | O_DIRECTORY);
    if (!directory && directory.error() == ENOENT) {
        directory = make_directory(kernel, place->directory);
    }
    if (!directory) {
        return std::unexpected(fmt::format("{}: {}", place->directory, reason(directory.error(), "openat2")));
    }
    if (const Attempt good = check_directory(kernel, *directory); !good) {
        return std::unexpected(fmt::format("{}: {}", place->directory, good.error()));
    }
    if (const auto done = fill(kernel, directory->get(), place->name.c_str(), text); !done) {
        return std::unexpected(fmt::format("{}: {}", path, done.error()));
    }
    return {};
}

// ---- Reading.

std::string exposure(const struct stat& status, std::string_view what, uid_t owner) {
    if (status.st_uid != owner) {
        return fmt::format("the {} belongs to uid {}, not to root", what, status.st_uid);
    }
    if (others_may_write(status)) {
        return fmt::format("others may write to the {} (mode {:04o})", what, status.st_mode & 07777);
    }
    return {};
}

ReceiptFile failed(ReceiptFile file, ReceiptFile::State state, std::string trouble) {
    file.state = state;
    file.trouble = std::move(trouble);
    return file;
}

ReceiptFile trouble_of(ReceiptFile file, int error) {
    const bool missing = error == ENOENT || error == ENOTDIR;
    return failed(std::move(file), missing ? ReceiptFile::State::kMissing : ReceiptFile::State::kUnreadable,
                  std::strerror(error));
}

ReceiptFile read_at(sys::Kernel& kernel, std::string_view path, int root, uid_t owner) {
    ReceiptFile found;
    found.path = path;
    const auto place = place_of(path);
    if (!place) {
        return failed(std::move(found), ReceiptFile::State::kUnreadable, "not an absolute path of a file");
    }
    const char* const below = place->directory.size() == 1 ? "." : place->directory.c_str() + 1;
    const auto directory = root < 0 ? kernel.open_at(AT_FDCWD, place->directory.c_str(), O_PATH | O_DIRECTORY)
                                    : kernel.open_at(root, below, O_PATH | O_DIRECTORY);
    if (!directory) {
        return trouble_of(std::move(found), directory.error());
    }
    const auto file = kernel.open_at(directory->get(), place->name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) {
        return trouble_of(std::move(found), file.error());
    }
    const auto directory_status = kernel.stat_at(directory->get(), "");
    const auto status = kernel.stat_at(file->get(), "");
    if (!directory_status || !status) {
        return trouble_of(std::move(found), status ? directory_status.error() : status.error());
    }
    if (!S_ISREG(status->st_mode)) {
        return failed(std::move(found), ReceiptFile::State::kMalformed, "not a regular file");
    }
    if (status->st_size > kLargest) {
        return failed(std::move(found), ReceiptFile::State::kMalformed, "larger than any start writes");
    }
    const auto text = kernel.read_whole(*file);
    if (!text) {
        return trouble_of(std::move(found), text.error());
    }
    auto receipt = parse_receipt(*text);
    if (!receipt) {
        return failed(std::move(found), ReceiptFile::State::kMalformed, receipt.error().line);
    }
    found.state = ReceiptFile::State::kRead;
    found.exposed = exposure(*directory_status, "directory", owner);
    if (found.exposed.empty()) {
        found.exposed = exposure(*status, "file", owner);
    }
    found.of_one_user = status->st_uid != owner && status->st_uid == directory_status->st_uid &&
                        !others_may_write(*status) && !others_may_write(*directory_status);
    found.receipt = std::move(*receipt);
    for (Setting& setting : found.receipt.settings) {
        setting.source.where = found.path;
    }
    return found;
}

} // namespace

Result<std::string> write_receipt_file(sys::Kernel& kernel, std::string_view text, std::string_view where) {
    std::string troubles;
    for (const std::string_view path : places(where)) {
        const Attempt written = write_at(kernel, path, text);
        if (written) {
            return std::string(path);
        }
        troubles += fmt::format("{}{}", troubles.empty() ? "" : "; ", written.error());
    }
    return fail(ExitCode::kSetup, fmt::format("no receipt could be written: {} (--receipt=PATH names another place, "
                                              "--receipt=off does without)",
                                              troubles));
}

Result<sys::Fd> make_file_as_receipt(sys::Kernel& kernel, std::string_view path) {
    const auto refuse = [path](const std::string& why) {
        return fail(ExitCode::kSetup, fmt::format("cannot make {}: {}", path, why));
    };
    const auto place = place_of(path);
    if (!place) {
        return refuse("is not an absolute path of a file");
    }
    const PlainUmask umask;
    const auto directory = kernel.open_at(AT_FDCWD, place->directory.c_str(), O_RDONLY | O_DIRECTORY);
    if (!directory) {
        return refuse(reason(directory.error(), "openat2"));
    }
    if (const Attempt good = check_directory(kernel, *directory); !good) {
        return refuse(good.error());
    }
    auto file = create_new(kernel, directory->get(), place->name.c_str());
    return file ? Result<sys::Fd>(std::move(*file)) : refuse(reason(file.error(), "openat2"));
}

ReceiptFile find_receipt(sys::Kernel& kernel, std::string_view where, int root, uid_t owner) {
    std::optional<ReceiptFile> best;
    for (const std::string_view path : places(where)) {
        ReceiptFile found = read_at(kernel, path, root, owner);
        if (found.state == ReceiptFile::State::kRead && found.exposed.empty()) {
            return found;
        }
        if (!best || best->state == ReceiptFile::State::kMissing) {
            best = std::move(found);
        }
    }
    return std::move(*best);
}

ReceiptFile find_receipt_of(sys::Kernel& kernel, std::string_view where, const std::string& process) {
    const sys::Fd root(::open((process + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) {
        return trouble_of({.path = process + "/root"}, errno);
    }
    const auto map = id_map_of(kernel, process + "/uid_map");
    return find_receipt(kernel, where, root.get(), map ? outside_id(*map, 0).value_or(0) : 0);
}

} // namespace stepdown::verify
