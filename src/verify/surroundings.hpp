#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stepdown/report.hpp"
#include "sys/kernel.hpp"
#include "verify/mounts.hpp"
#include "verify/tree.hpp"

namespace stepdown::verify {

// What a look at a container, as opposed to one of its threads, may use. A look that needs more adds a member here.
struct Scene {
    sys::Kernel& kernel;
    const std::string& proc;                         // a mounted proc(5)
    const std::vector<Sighting>& threads;            // the container's
    const std::optional<std::vector<Mount>>& mounts; // as its PID 1 sees them; empty: not readable
    const sys::Fd& root;                             // its root directory; invalid: not readable
};

struct Seen {
    Verdict verdict = Verdict::kUnknown;
    std::string observed;
    std::string file = {}; // when it is about one
};

// A list in a sentence: the first few, and how many more.
class Listing {
  public:
    void add(std::string_view item);
    bool empty() const { return count_ == 0; }
    std::string text() const;

  private:
    std::string text_;
    unsigned count_ = 0;
};

// One row of the table: one file look_*.cpp, one row, one test. A row can see several things, each a finding.
struct Look {
    std::string_view id;
    std::string_view title;
    std::string_view expected;
    std::string_view remedy;
    Severity severity; // of a failure
    Severity unseen;   // of not knowing
    std::string_view references;
    std::vector<Seen> (*look)(const Scene&);
    bool files = false; // walks the file system: only when asked for
};

std::span<const Look> looks();

// A finding for each thing seen, in the table's order. least: rows that could not reach it are left out, which is what
// a caller who wants the verdict alone saves.
std::vector<Finding> look_around(const Scene& scene, bool files, Severity least);

// The rows that walk the file system alone, from this root directory.
std::vector<Finding> look_at_files(sys::Kernel& kernel, const sys::Fd& root);

// look_*.cpp
std::vector<Seen> look_at_root(const Scene& scene);
std::vector<Seen> look_for_executable_mounts(const Scene& scene);
std::vector<Seen> look_at_masks(const Scene& scene);
std::vector<Seen> look_for_runtime_sockets(const Scene& scene);
std::vector<Seen> look_at_devices(const Scene& scene);
std::vector<Seen> look_at_descriptors(const Scene& scene);
std::vector<Seen> look_for_foreign(const Scene& scene);
std::vector<Seen> look_for_zombies(const Scene& scene);
std::vector<Seen> look_for_privileged_files(const Scene& scene);

} // namespace stepdown::verify
