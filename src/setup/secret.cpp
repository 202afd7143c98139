#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "setup/job.hpp"
#include "setup/place.hpp"
#include "setup/secret.hpp"
#include "setup/trusted.hpp"
#include "sys/write.hpp"

namespace stepdown::setup {
namespace {

constexpr off_t kLargest = 1 << 20;

// Whether the app finds its files there, and nobody but it and root can put others in their places.
bool is_private(const struct stat& now, uid_t uid) {
    const bool others_write = (now.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (now.st_mode & S_ISVTX) == 0;
    const bool is_open_roots = now.st_uid == 0 && (now.st_mode & S_IXOTH) != 0;
    return S_ISDIR(now.st_mode) && !others_write && (now.st_uid == uid || is_open_roots);
}

// A new directory is the app's alone. One that is there may be in others' use, as /dev/shm is: it stays as it is.
Result<> make_private_directory(Job& job, std::string_view path) {
    const auto place = reach(job, path, true);
    if (!place) {
        return std::unexpected(place.error());
    }
    const auto found = look_at(job.kernel, **place);
    if (!found) {
        return job.give_up(found.error(), path);
    }
    if (!*found) {
        const SetupStep step{.kind = SetupKind::kMakeDirectory, .path = std::string(path), .mode = 0500};
        return make_directory(job, step);
    }
    const struct stat& now = (*found)->now;
    if (is_private(now, job.uid)) {
        return {};
    }
    return fail(
        ExitCode::kSetup,
        fmt::format("--secrets-dir: {} is no directory that the app may enter and only it and root may write to "
                    "(owner {}:{}, mode {:04o}): name a new one in it, as {}/secrets",
                    printable(path), now.st_uid, now.st_gid, now.st_mode & kPermissionBits, printable(path)));
}

} // namespace

Result<std::string> read_secret(sys::Kernel& kernel, const Secret& secret) {
    const std::string what = "--secret: cannot read " + secret.path + " for " + secret.name;
    const auto file = open_trusted(kernel, secret.path);
    const auto now = file ? kernel.stat_at(file->get(), "") : std::unexpected(file.error());
    if (!now) {
        return call_failed(ExitCode::kSetup, what, "openat2", now.error(),
                           "mount the secret there; links on its path must be root's");
    }
    if (now->st_size > kLargest) {
        return fail(ExitCode::kSetup, what + ": it is larger than a mebibyte, which is no secret");
    }
    auto text = kernel.read_whole(*file);
    if (!text) {
        return call_failed(ExitCode::kSetup, what, "read", text.error());
    }
    if (text->empty()) {
        return fail(ExitCode::kSetup, what + ": it is empty");
    }
    return std::move(*text);
}

Result<bool> leave_secret(sys::Kernel& kernel, const Secret& secret, std::string_view directory, std::string_view text,
                          uid_t uid, gid_t gid) {
    Job job = plain_job(kernel, "--secret", secret.name, uid, gid);
    if (auto made = make_private_directory(job, directory); !made) {
        return std::unexpected(made.error());
    }
    const std::string path = std::string(directory) + "/" + secret.name;
    const auto place = reach(job, path, false);
    if (!place || !*place) {
        return place ? Result<bool>(job.give_up({Act::kEnter, ENOENT}, path)) : std::unexpected(place.error());
    }
    const auto gone = kernel.remove_at((*place)->parent.get(), secret.name.c_str(), 0); // the last start's
    if (!gone && gone.error() != ENOENT) {
        return job.give_up({Act::kRemove, gone.error()}, path);
    }
    const auto file =
        kernel.open_at((*place)->parent.get(), secret.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!file) {
        return job.give_up({Act::kCreate, file.error()}, path);
    }
    if (const auto written = sys::write_whole(file->get(), text); !written) {
        return job.give_up({Act::kWrite, written.error()}, path);
    }
    const auto now = kernel.stat_at(file->get(), "");
    const auto set =
        now ? settle(job, {file->get()}, *now, {uid, gid, secret.mode}) : Try<bool>(trouble(Act::kLook, now.error()));
    if (!set) {
        return job.give_up(set.error(), path);
    }
    struct statfs where{};
    return ::fstatfs(file->get(), &where) == 0 && where.f_type == TMPFS_MAGIC;
}

} // namespace stepdown::setup
