#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "confine/load.hpp"
#include "stepdown/plan.hpp"
#include "stepdown/report.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// A check of an image: what is always said of it.
struct ImageCheck {
    std::string_view id;
    std::string_view title;
    std::string_view expected;
    Severity severity;
    std::string_view references;
};

// remedy is told where the verdict asks for one.
Finding image_finding(const ImageCheck& check, Verdict verdict, std::string observed, std::string_view remedy = {},
                      std::string file = {});

// A path of an image, with its links followed inside it.
struct Place {
    sys::Fd fd; // O_PATH
    struct stat status{};
    std::string path; // without links; as it was asked for where /proc does not tell
};

// The files that check-image looks at. Never followed out of the image, which somebody else made.
struct Image {
    sys::Kernel& kernel;
    sys::Fd root;

    // Follows no link at all: what the start does on its way to what it gives away.
    sys::Sys<sys::Fd> open(std::string_view path, int flags) const;
    // Follows the image's own links: /bin is one.
    sys::Sys<Place> find(const std::string& path) const;
    // Empty for what cannot be read.
    std::string text(std::string_view path) const;
    std::string head(const Place& place, std::size_t length) const;
};

// path, or a folder above it.
bool is_below(std::string_view path, std::string_view folder);

// What the kernel asks of a mode for the app's ids: path_resolution(7), steps "Permissions". rwx is 4, 2, 1. Access
// lists are not read.
bool lets(const struct stat& status, const Plan& plan, unsigned rwx);

// The folder on the way to an absolute path, itself left out, that the app may not search; empty: none in the image.
std::string closed_folder(const Image& image, const Plan& plan, const std::string& path);

// image.path, image.writable: what the Plan names must be there, and the app must reach it and write to it.
std::vector<Finding> judge_image_paths(const Image& image, const Plan& plan);

// image.program, image.machine: the command is there, may be executed, and its machine's calls pass the filter.
// search_path: the app's PATH.
std::vector<Finding> judge_image_program(const Image& image, const Plan& plan, const confine::Filter* filter,
                                         std::string_view search_path);

} // namespace stepdown::commands
