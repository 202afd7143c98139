#include "confine/lint.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>

#include "confine/answers.hpp"
#include "confine/evaluate.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

constexpr FindingKind kKinds[] = {
    {"conflict", "two rules without conditions say different things of one call; the first counts"},
    {"duplicate", "a rule is written twice for one call"},
    {"shadowed", "an earlier rule with the same conditions decides; this one never does"},
    {"mixed",
     "one call has rules with and without conditions and different answers; runc and crun lose the conditional "
     "one"},
    {"default-action", "a rule gives the answer that the default gives anyway"},
    {"masked-value", "valueTwo has bits that the mask takes away, or is written where one value is compared"},
    {"no-execve", "forbids execve, so no app could start"},
    {"clone3-open", "clone is restricted by its flags, clone3 is allowed: its flags cannot be looked at"},
    {"user-namespaces", "an app may make user namespaces, in which it has every capability"},
    {"io-uring", "io_uring makes calls that no filter sees"},
    {"tiocsti", "ioctl is allowed with TIOCSTI, which types into the terminal"},
    {"kill-thread", "kills one thread and lets the others run: most programs hang"},
};

class Linter {
  public:
    Linter(const Profile* profile, std::span<const sock_filter> program, Architecture native)
        : profile_(profile), program_(program), native_(native) {}

    std::vector<Finding> run() {
        if (profile_ != nullptr) {
            look_at_rules();
        }
        look_at_whole();
        return std::move(findings_);
    }

  private:
    void report(std::string_view id, const std::string& place, std::string line) {
        findings_.push_back({std::string(id), place, std::move(line)});
    }

    void look_at_rules() {
        for (const Rule& rule : profile_->rules) {
            look_at(rule);
        }
        if ((profile_->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_THREAD) {
            report("kill-thread", "defaultAction", "SCMP_ACT_KILL_PROCESS ends all of it");
        }
    }

    void look_at(const Rule& rule) {
        if ((rule.action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_THREAD) {
            report("kill-thread", rule.place, "SCMP_ACT_KILL_PROCESS ends all of it");
        }
        look_at_values(rule);
        std::map<std::string, std::vector<std::string>> found; // by id and other rule: one finding names all calls
        for (const std::string& name : rule.names) {
            std::vector<const Rule*>& earlier = earlier_[name];
            const std::string what = against(rule, earlier);
            earlier.push_back(&rule);
            if (!what.empty()) {
                found[what].push_back(name);
            } else if (rule.action == profile_->default_action && !has_other_answer(name, rule)) {
                found["default-action \"defaultAction\" says so"].push_back(name);
            }
        }
        for (const auto& [what, names] : found) {
            const std::size_t blank = what.find(' ');
            report(what.substr(0, blank), rule.place, fmt::format("{}: {}", join(names), what.substr(blank + 1)));
        }
    }

    void look_at_values(const Rule& rule) {
        for (const Condition& condition : rule.conditions) {
            const bool masked = condition.compare == Compare::kMaskedEqual;
            if (masked && (condition.value_two & ~condition.value) != 0) {
                report("masked-value", rule.place,
                       fmt::format("argument {}: of valueTwo {:#x} counts {:#x}", condition.index, condition.value_two,
                                   condition.value_two & condition.value));
            } else if (!masked && condition.value_two != 0) {
                report("masked-value", rule.place,
                       fmt::format("argument {}: valueTwo {:#x} counts for nothing", condition.index,
                                   condition.value_two));
            }
        }
    }

    // "id explanation" of the first earlier rule that this one does not go with.
    std::string against(const Rule& rule, const std::vector<const Rule*>& earlier) const {
        for (const Rule* other : earlier) {
            if (other->conditions == rule.conditions) {
                const bool same = other->action == rule.action;
                const std::string_view id = same ? "duplicate" : rule.conditions.empty() ? "conflict" : "shadowed";
                return fmt::format("{} {} says {} already", id, other->place, action_text(other->action));
            }
        }
        for (const Rule* other : earlier) {
            if (other->conditions.empty() != rule.conditions.empty() && other->action != rule.action) {
                return fmt::format("mixed {} has {} and says {}", other->place,
                                   other->conditions.empty() ? "no conditions" : "conditions",
                                   action_text(other->action));
            }
        }
        return {};
    }

    bool has_other_answer(const std::string& name, const Rule& rule) const {
        return std::ranges::any_of(profile_->rules, [&](const Rule& other) {
            return &other != &rule && other.action != rule.action && std::ranges::contains(other.names, name);
        });
    }

    static std::string join(const std::vector<std::string>& names) {
        constexpr std::size_t kShown = 8;
        std::string text;
        for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
            text.append(text.empty() ? "" : ", ").append(names[i]);
        }
        return names.size() > kShown ? fmt::format("{} and {} more", text, names.size() - kShown) : text;
    }

    bool allows(std::string_view name, std::initializer_list<std::uint64_t> arguments = {}) const {
        const std::vector<Entry> entries = entries_of(name, native_);
        if (entries.empty()) {
            return false;
        }
        seccomp_data data = {};
        data.nr = static_cast<int>(entries.front().number);
        data.arch = facts_of(native_).audit;
        std::ranges::copy(arguments, data.args);
        const std::optional<Action> action = evaluate(program_, data);
        return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
    }

    void look_at_whole() {
        if (!allows("execve")) {
            report("no-execve", "execve", "allow it");
        }
        constexpr std::uint64_t kNewUser = 0x10000000;
        constexpr std::uint64_t kTiocsti = 0x5412;
        const bool by_clone = allows("clone", {kNewUser});
        if (allows("unshare", {kNewUser}) || by_clone) {
            report("user-namespaces", "unshare, clone", "refuse CLONE_NEWUSER (0x10000000)");
        } else if (allows("clone3")) {
            report("clone3-open", "clone3", "answer it with ENOSYS (errnoRet 38): C libraries go back to clone");
        }
        if (allows("io_uring_setup")) {
            report("io-uring", "io_uring_setup", "refuse it unless the app needs it");
        }
        if (allows("ioctl", {0, kTiocsti})) {
            report("tiocsti", "ioctl", "refuse argument 1 == 0x5412");
        }
    }

    const Profile* profile_;
    std::span<const sock_filter> program_;
    Architecture native_;
    std::map<std::string, std::vector<const Rule*>> earlier_;
    std::vector<Finding> findings_;
};

} // namespace

std::vector<FindingKind> finding_kinds() { return {std::begin(kKinds), std::end(kKinds)}; }

std::vector<Finding> lint(const Profile* profile, std::span<const sock_filter> program, Architecture native) {
    return Linter(profile, program, native).run();
}

} // namespace stepdown::confine
