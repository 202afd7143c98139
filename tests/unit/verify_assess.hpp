#pragma once

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sys/kernel.hpp"
#include "unit/verify_fixture.hpp"
#include "verify/assess.hpp"
#include "verify/receipt.hpp"

namespace stepdown::testing {

inline verify::Receipt a_receipt() {
    verify::Receipt receipt;
    receipt.wanted = dropped();
    receipt.filter = {"default", std::string(64, 'b')};
    return receipt;
}

// A receipt of whoever runs this test: protected only if that is root.
class VerifyAssess : public ::testing::Test {
  protected:
    VerifyAssess() {
        ::umask(022);
        put(place, verify::write_receipt(a_receipt()));
    }

    void leave(const verify::Receipt& receipt) { put(place, verify::write_receipt(receipt)); }

    Report assess(const FakeProc& proc, std::optional<pid_t> pid = {}) {
        return verify::assess(sys::real_kernel(), {.proc = proc.path(), .receipt = where, .pid = pid});
    }

    static Finding find(const std::vector<Finding>& findings, std::string_view id) {
        const auto found = std::ranges::find(findings, id, &Finding::check);
        EXPECT_NE(found, findings.end()) << id;
        return found == findings.end() ? Finding{} : *found;
    }

    // "pid/tid check" of everything that fails or is unknown.
    static std::vector<std::string> troubles(const Report& report) {
        std::vector<std::string> all;
        const auto take = [&all](const std::string& who, const std::vector<Finding>& findings) {
            for (const Finding& finding : findings) {
                if (finding.verdict == Verdict::kFail || finding.verdict == Verdict::kUnknown) {
                    all.push_back(who + " " + finding.check);
                }
            }
        };
        take("container", report.container);
        for (const Subject& subject : report.subjects) {
            take(std::to_string(subject.thread.pid) + "/" + std::to_string(subject.thread.tid), subject.findings);
        }
        return all;
    }

    // Makes /proc/1's files belong to the app, as they do when PID 1 is dumpable. Answers whose they are then.
    static std::uint32_t expose(const FakeProc& proc) {
        if (::geteuid() != 0) {
            return ::geteuid();
        }
        EXPECT_EQ(::chown(proc.status_path(1, 1).c_str(), 10001, 10001), 0);
        return 10001;
    }

    TemporaryDirectory directory;
    const std::string place = directory / "receipt";
    std::string where = place;
};

using Troubles = std::vector<std::string>;

inline Facts root() {
    Facts facts;
    facts.uid = all_four(0);
    facts.gid = all_four(0);
    facts.groups.emplace();
    facts.capabilities = CapabilitySets{0, 0xa80425fb, 0xa80425fb, 0xa80425fb, 0};
    facts.no_new_privs = false;
    facts.seccomp_mode = 2;
    facts.seccomp_filters = 1;
    return facts;
}

} // namespace stepdown::testing
