#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/confinement.hpp"
#include "stepdown/report.hpp"
#include "sys/fd.hpp"

namespace stepdown::verify {

// Whether the rules let the app write to a path, a plain one without links. state: what read_only_root leaves open.
bool lets_write(const Landlock& asked, std::span<const std::string> state, std::string_view path);

// Something that Landlock rules refuse, whatever the ids allow: tried before they are in force as well, since only what
// succeeds then tells anything by failing after. Several may have one id; harmless whatever the outcome.
struct Trial {
    std::string_view id;
    std::string_view title;
    int (*attempt)(const Trial&) = nullptr; // 0: it could; else the errno. Allocates nothing.
    std::string target = {};                // a path, or an abstract socket's name
    int flags = 0;
    std::uint16_t port = 0;
    int protocol = 0; // of socket(2)
};

// What the rules of a Plan should refuse: at most kMostTrials. abstract: a listening socket's name, from below.
constexpr std::size_t kMostTrials = 16;
std::vector<Trial> landlock_trials(const Landlock& asked, std::span<const std::string> state, std::string_view home,
                                   std::string_view abstract);

// An abstract UNIX socket of the caller's that listens, with a name of the kernel's choice; invalid: there is none.
sys::Fd listen_abstract(std::string& name);

// A finding an id.
std::vector<Finding> trial_findings(std::span<const Trial> trials, std::span<const int> before,
                                    std::span<const int> after);

} // namespace stepdown::verify
