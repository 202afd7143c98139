#include <gtest/gtest.h>

#include "cli/policy_file.hpp"

using namespace stepdown;
using cli::read_policy;

namespace {

std::string refusal(const std::string& text) {
    const auto policy = read_policy(text, "p.toml");
    return policy ? "accepted" : policy.error().line;
}

} // namespace

TEST(Policy, NamesAreTwo) {
    EXPECT_TRUE(cli::named_policy("restricted"));
    EXPECT_TRUE(cli::named_policy("baseline"));
    EXPECT_FALSE(cli::named_policy("privileged"));
    EXPECT_FALSE(cli::named_policy("restricted")->floor.root_allowed);
    EXPECT_EQ(cli::named_policy("baseline")->floor.capabilities, 0xa80425fbU);
}

TEST(Policy, AFileStartsFromItsBaseAndAddsToIt) {
    const auto policy = read_policy("base = \"restricted\"\n"
                                    "allow-unconfined = true\n"
                                    "bounding = \"00000000a80425fb\"\n"
                                    "[[waiver]]\n"
                                    "check = \"devices\"\n"
                                    "reason = \"it is a VPN: it needs /dev/net/tun\"\n"
                                    "expires = 2027-01-31\n"
                                    "[[waiver]]\n"
                                    "check = \"uid\"\n"
                                    "reason = \"being ported\"\n"
                                    "expires = 0026-12-05\n",
                                    "p.toml");
    ASSERT_TRUE(policy) << policy.error().line;
    EXPECT_EQ(policy->name, "p.toml");
    EXPECT_TRUE(policy->floor.no_filter_allowed);
    EXPECT_TRUE(policy->floor.root_group_allowed);
    EXPECT_FALSE(policy->floor.root_allowed);
    EXPECT_EQ(policy->floor.bounding, 0xa80425fbU);
    ASSERT_EQ(policy->waivers.size(), 2U);
    EXPECT_EQ(policy->waivers[0], (Waiver{"devices", "it is a VPN: it needs /dev/net/tun", "2027-01-31"}));
    EXPECT_EQ(policy->waivers[1].expires, "0026-12-05") << "a year of today's would be later, as a text too";
    EXPECT_TRUE(read_policy("", "p.toml")) << "stepdown's own floor";
}

TEST(Policy, WhatIsNotUnderstoodIsRefusedByItsLine) {
    EXPECT_EQ(refusal("base = \"strict\"\n"), "p.toml:1: base: takes \"restricted\" or \"baseline\"");
    EXPECT_EQ(refusal("\nallow-rot = true\n"), "p.toml:2: allow-rot: no such key of a policy");
    EXPECT_EQ(refusal("allow-root = \"yes\"\n"), "p.toml:1: allow-root: takes true or false");
    for (const char* const mask : {"\"a8\"", "1", "\"00000000a80425fg\"", "\"-0000000a80425fb\""}) {
        EXPECT_EQ(refusal(std::string("capabilities = ") + mask + "\n"),
                  "p.toml:1: capabilities: takes a string of 16 hexadecimal digits, as CapEff in status");
    }
    EXPECT_NE(refusal("allow-root =\n").find("p.toml:1: "), std::string::npos);
}

TEST(Policy, AWaiverWithoutAReasonOrAnEndIsNone) {
    const std::string wanted = "a waiver has check = \"ID\", reason = \"WHY\" and expires = YYYY-MM-DD";
    for (const char* const text :
         {"[[waiver]]\ncheck = \"uid\"\nreason = \"r\"\n", "[[waiver]]\ncheck = \"uid\"\nexpires = 2027-01-31\n",
          "[[waiver]]\ncheck = \"uid\"\nreason = \"\"\nexpires = 2027-01-31\n",
          "[[waiver]]\ncheck = \"uid\"\nreason = \"r\"\nexpires = \"2027-01-31\"\n", "waiver = [1]\n"}) {
        EXPECT_NE(refusal(text).find(wanted), std::string::npos) << refusal(text);
    }
}

TEST(Policy, AWaiverIsOfACheckThatThereIsAndForAReason) {
    const std::string_view known[] = {"uid", "devices"};
    const auto waiver = [](const std::string& check, const std::string& reason) {
        return "[[waiver]]\ncheck = \"" + check + "\"\nreason = \"" + reason + "\"\nexpires = 2027-01-31\n";
    };
    EXPECT_TRUE(read_policy(waiver("devices", "a VPN"), "p.toml", known));
    const auto unknown = read_policy(waiver("device", "a VPN"), "p.toml", known);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().line, "p.toml:2: check: \"device\" is no check; there are uid, devices");
    EXPECT_NE(refusal(waiver("uid", " \\t ")).find("p.toml:1: a waiver has check"), std::string::npos);
}
