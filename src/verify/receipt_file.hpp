#pragma once

#include <string>
#include <string_view>

#include "stepdown/error.hpp"
#include "sys/kernel.hpp"
#include "verify/receipt.hpp"

namespace stepdown::verify {

// Where a receipt lives. where is "auto" (/run/stepdown.receipt; /dev/shm/stepdown/receipt where /run cannot be
// written, as under a read-only root) or an absolute path. "off" is the caller's to know.

// Puts text there, mode 0444, in a directory of mode 0755 that is made where it is missing, in a new file
// after removing an old one. Follows no symbolic link; uses no directory that another owns or that others may write to.
// Returns the path, or (ExitCode::kSetup) why none of the places would do. To be called as root where the start is
// root: before the drop.
Result<std::string> write_receipt_file(sys::Kernel& kernel, std::string_view text, std::string_view where);

// Makes a new, empty file with the same care in a directory that is there, open for writing; an old one is removed.
Result<sys::Fd> make_file_as_receipt(sys::Kernel& kernel, std::string_view path);

struct ReceiptFile {
    enum class State { kMissing, kUnreadable, kMalformed, kRead };

    State state = State::kMissing;
    std::string path;         // of what was found, or what was looked for
    std::string trouble;      // kUnreadable, kMalformed: why
    std::string exposed;      // kRead: why the app could have written it; empty: it is protected, only uid 0 can
    bool of_one_user = false; // kRead: it and its directory are one user's, not root's, and nobody else may write there
    Receipt receipt;          // kRead; every setting names path as its source
};

// Looks in the same places. One that is protected is preferred to one that is not.
// root: a directory to look in as if it were "/"; owner: who root is there, to this process.
ReceiptFile find_receipt(sys::Kernel& kernel, std::string_view where, int root = -1, uid_t owner = 0);

// Looks in the root directory of another process, with its root's uid: process is "/proc/7".
ReceiptFile find_receipt_of(sys::Kernel& kernel, std::string_view where, const std::string& process);

} // namespace stepdown::verify
