#include <algorithm>

#include <fcntl.h>

#include <fmt/format.h>

#include "commands/image.hpp"
#include "commands/start.hpp"
#include "verify/probe_landlock.hpp"

namespace stepdown::commands {
namespace {

constexpr ImageCheck kPath = {"image.path", "what the start will own is there", "there, or made by an earlier step",
                              Severity::kMedium, "CIS-Docker-4.1"};
constexpr ImageCheck kWritable = {"image.writable", "the app can write where it must", "reachable and writable",
                                  Severity::kMedium, "CIS-Docker-4.1"};
constexpr ImageCheck kDirectory = {"image.directory", "the app can be in the folder it starts in",
                                   "a folder that the app may enter", Severity::kMedium, "CIS-Docker-4.1"};
constexpr ImageCheck kHome = {"image.home", "the app can write to its HOME", "reachable and writable", Severity::kInfo,
                              "CIS-Docker-4.1"};

// A shorthand, or a line that names the app's user.
bool gives_to_app(const SetupStep& step, const Plan& plan) {
    const Identity& app = *plan.identity;
    return step.for_app || (!step.user.empty() && (step.user == app.user_name || step.user == std::to_string(app.uid)));
}

// The start makes it the app's, whatever it is in the image.
bool is_given(const Plan& plan, std::string_view path) {
    return std::ranges::any_of(plan.setup, [&plan, path](const SetupStep& step) {
        const bool whole = step.kind == SetupKind::kOwn || step.kind == SetupKind::kMakeDirectory;
        return gives_to_app(step, plan) && (whole ? is_below(path, step.path) : path == step.path);
    });
}

// What landlock(7) will refuse, whatever the mode says.
bool landlock_refuses(const Plan& plan, std::string_view path) {
    const Landlock& asked = plan.landlock;
    return asked.mode != LandlockMode::kOff && asked.restricts_files() &&
           !verify::lets_write(asked, setup_paths(plan), path);
}

std::string folder_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

// Why the app cannot write there; empty: it can. new_file: it makes it itself where it is not there.
std::string obstacle(const Image& image, const Plan& plan, const std::string& path, bool new_file) {
    if (const std::string closed = closed_folder(image, plan, path); !closed.empty()) {
        return fmt::format("the app may not enter {}", closed);
    }
    if (landlock_refuses(plan, path)) {
        return "the Landlock rules refuse writing there: add --rw for its folder";
    }
    if (is_given(plan, path)) {
        return {};
    }
    const auto place = image.find(path);
    if (!place && new_file) {
        const auto folder = image.find(folder_of(path));
        return !folder                         ? "its folder is not there"
               : lets(folder->status, plan, 3) ? ""
                                               : "its folder is not the app's to write to";
    }
    if (!place) {
        return "not there";
    }
    return lets(place->status, plan, S_ISDIR(place->status.st_mode) ? 3 : 2)
               ? ""
               : fmt::format("mode {:04o} of {}:{}, and the app is {}:{}", place->status.st_mode & 07777,
                             place->status.st_uid, place->status.st_gid, plan.identity->uid, plan.identity->gid);
}

Finding judge_writing(const ImageCheck& check, const Image& image, const Plan& plan, const std::string& path,
                      bool new_file) {
    const std::string why = obstacle(image, plan, path, new_file);
    return image_finding(check, why.empty() ? Verdict::kPass : Verdict::kFail,
                         why.empty() ? path : fmt::format("{}: {}", path, why),
                         "make it the app's in the image, or with --mkdir, --own or --state", path);
}

// What the start is to give away must be there by then, and the app must be able to get to it.
void judge_given(std::vector<Finding>& findings, const Image& image, const Plan& plan) {
    std::vector<std::string_view> made;
    for (const SetupStep& step : plan.setup) {
        const bool pattern = !step.for_app && step.path.find_first_of("*?[") != std::string::npos;
        if (step.kind == SetupKind::kOwn && step.must_exist && !pattern) {
            const bool there = std::ranges::contains(made, step.path) || image.open(step.path, O_PATH | O_NOFOLLOW);
            findings.push_back(image_finding(kPath, there ? Verdict::kPass : Verdict::kFail,
                                             step.path + (there ? "" : ": not there, or behind a symbolic link"),
                                             "make it in the image, or with --mkdir before --own", step.path));
        } else if (step.kind != SetupKind::kOwn) {
            made.push_back(step.path);
        }
    }
    std::vector<std::string_view> judged;
    for (const SetupStep& step : plan.setup) {
        const bool whole = step.kind == SetupKind::kOwn || step.kind == SetupKind::kMakeDirectory;
        if (whole && plan.identity && gives_to_app(step, plan) && !std::ranges::contains(judged, step.path)) {
            judged.push_back(step.path);
            findings.push_back(judge_writing(kWritable, image, plan, step.path, false));
        }
    }
}

Finding judge_directory(const Image& image, const Plan& plan) {
    const std::string& path = plan.process.directory;
    const std::string closed = closed_folder(image, plan, path);
    const auto place = image.find(path);
    const bool good = closed.empty() && (is_given(plan, path) ||
                                         (place && S_ISDIR(place->status.st_mode) && lets(place->status, plan, 1)));
    return image_finding(kDirectory, good ? Verdict::kPass : Verdict::kFail,
                         path + (good              ? ""
                                 : !closed.empty() ? ": the app may not enter " + closed
                                 : place           ? ": no folder that the app may enter"
                                                   : ": not there"),
                         "make it in the image, and chmod a+x what is above it", path);
}

} // namespace

std::vector<Finding> judge_image_paths(const Image& image, const Plan& plan) {
    std::vector<Finding> findings;
    judge_given(findings, image, plan);
    if (!plan.identity) {
        return findings;
    }
    for (const FileGrant& grant : plan.landlock.files) {
        if (grant.kind == FileGrantKind::kWrite) {
            findings.push_back(judge_writing(kWritable, image, plan, grant.path, false));
        }
    }
    const Supervision& asked = plan.supervision;
    if (!asked.pid_file.empty()) { // the app writes it, PID 1 reads it
        findings.push_back(judge_writing(kWritable, image, plan, asked.pid_file, true));
    }
    if (asked.ready.kind == Readiness::Kind::kUnix) {
        findings.push_back(judge_writing(kWritable, image, plan, asked.ready.path, true));
    }
    if (!plan.process.directory.empty()) {
        findings.push_back(judge_directory(image, plan));
    }
    if (plan.identity->home != "/" && plan.identity->uid != 0) {
        findings.push_back(judge_writing(kHome, image, plan, plan.identity->home, false));
    }
    return findings;
}

} // namespace stepdown::commands
