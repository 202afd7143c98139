#include "verify/receipt_file.hpp"
#include "sys/write.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace stepdown::verify {
namespace {

constexpr std::array<std::string_view, 2> kPlaces = {"/run/stepdown/receipt", "/dev/shm/stepdown/receipt"};

// More than any start writes; less than would hurt to read.
constexpr off_t kLargest = 1 << 20;

struct Place {
    std::string parent; // of the directory; exists
    std::string leaf;   // the directory's name; empty: parent itself is the directory
    std::string name;   // the file's
};

std::optional<Place> place_of(std::string_view path) {
    if (!path.starts_with('/') || path.ends_with('/')) {
        return std::nullopt;
    }
    const std::size_t slash = path.rfind('/');
    const std::string_view directory = path.substr(0, slash);
    const std::size_t above = directory.rfind('/');
    Place place{.parent = "/", .leaf = {}, .name = std::string(path.substr(slash + 1))};
    if (above != std::string_view::npos) {
        place.parent = directory.substr(0, above == 0 ? 1 : above);
        place.leaf = directory.substr(above + 1);
    }
    return place;
}

std::span<const std::string_view> places(const std::string_view& where) {
    return where == "auto" ? std::span(kPlaces) : std::span(&where, 1);
}

std::string reason(int error, std::string_view call) { return fmt::format("{} ({})", std::strerror(error), call); }

bool others_may_write(const struct stat& status) { return (status.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

// A trouble in words is this room's error until the last place has failed.
using Attempt = std::expected<void, std::string>;

std::expected<sys::Fd, std::string> own_directory(sys::Kernel& kernel, const Place& place) {
    constexpr int kDirectory = O_RDONLY | O_DIRECTORY;
    auto parent =
        kernel.open_at(AT_FDCWD, place.parent.c_str(), place.leaf.empty() ? kDirectory : O_PATH | O_DIRECTORY);
    if (!parent) {
        return std::unexpected(fmt::format("{}: {}", place.parent, reason(parent.error(), "openat2")));
    }
    if (place.leaf.empty()) {
        return std::move(*parent);
    }
    const std::string path = fmt::format("{}/{}", place.parent == "/" ? "" : place.parent, place.leaf);
    const auto made = kernel.make_directory_at(parent->get(), place.leaf.c_str(), 0755);
    if (!made && made.error() != EEXIST) {
        return std::unexpected(fmt::format("{}: {}", path, reason(made.error(), "mkdirat")));
    }
    auto directory = kernel.open_at(parent->get(), place.leaf.c_str(), kDirectory);
    if (!directory) {
        return std::unexpected(fmt::format("{}: {}", path, reason(directory.error(), "openat2")));
    }
    if (made) { // whatever the umask took away
        if (const auto changed = kernel.change_mode(directory->get(), 0755); !changed) {
            return std::unexpected(fmt::format("{}: {}", path, reason(changed.error(), "fchmod")));
        }
    }
    return std::move(*directory);
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
    if (const sys::Sys<> changed = kernel.change_mode(file->get(), 0444); !changed) { // whatever the umask took away
        (void)kernel.remove_at(directory, name, 0);
        return std::unexpected(reason(changed.error(), "fchmod"));
    }
    return {};
}

Attempt write_at(sys::Kernel& kernel, std::string_view path, std::string_view text) {
    const auto place = place_of(path);
    if (!place) {
        return std::unexpected(fmt::format("{}: is not an absolute path of a file", path));
    }
    const auto directory = own_directory(kernel, *place);
    if (!directory) {
        return std::unexpected(directory.error());
    }
    const std::string_view directory_path = path.substr(0, path.size() - place->name.size());
    if (const Attempt good = check_directory(kernel, *directory); !good) {
        return std::unexpected(fmt::format("{}: {}", directory_path, good.error()));
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
    const std::string directory_path(path.substr(0, path.size() - place->name.size()));
    const auto directory = root < 0 ? kernel.open_at(AT_FDCWD, directory_path.c_str(), O_PATH | O_DIRECTORY)
                                    : kernel.open_at(root, directory_path.c_str() + 1, O_PATH | O_DIRECTORY);
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

} // namespace stepdown::verify
