#include <gtest/gtest.h>

#include "verify/cgroup.hpp"

using stepdown::verify::container_of;
using stepdown::verify::ContainerName;

namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kPod = "6f1c1e2a-1111-2222-3333-444455556666";

} // namespace

TEST(VerifyCgroup, EveryRuntimesShapeNamesItsContainer) {
    const std::string under_pod = "kubepods-burstable-pod6f1c1e2a_1111_2222_3333_444455556666.slice";
    const struct {
        std::string text;
        ContainerName name;
    } rows[] = {
        {"12:pids:/docker/" + kId + "\n11:memory:/docker/" + kId + "\n0::/docker/" + kId + "\n", {kId, ""}},
        {"0::/system.slice/docker-" + kId + ".scope\n", {kId, ""}},
        {"0::/machine.slice/libpod-" + kId + ".scope/container\n", {kId, ""}},
        {"0::/kubepods.slice/kubepods-burstable.slice/" + under_pod + "/cri-containerd-" + kId + ".scope\n",
         {kId, kPod}},
        {"0::/kubepods.slice/" + under_pod + "/crio-" + kId + ".scope\n", {kId, kPod}},
        {"5:cpu:/kubepods/besteffort/pod" + kPod + "/" + kId + "\n", {kId, kPod}},
        {"3:x:/\n2:name=systemd:/docker/" + kId + "\n0::/\n", {kId, ""}},
        {"0::/docker/" + std::string(64, 'a') + "/docker/" + kId + "\n", {kId, ""}}, // a container in a container
    };
    for (const auto& row : rows) {
        EXPECT_EQ(container_of(row.text), row.name) << row.text;
    }
}

TEST(VerifyCgroup, WhatIsInNoContainerHasNoName) {
    const std::string texts[] = {"",
                                 "\n",
                                 "0::/\n",
                                 "0::/init.scope\n",
                                 "0::/user.slice/user-1000.slice/session-2.scope\n",
                                 "no colons\n",
                                 "0:\n",
                                 "0::/docker/0123\n",
                                 "0::/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n",
                                 "0::/machine.slice/libpod-conmon-" + kId +
                                     ".scope\n", // the container's monitor, outside it
                                 "0::/machine.slice/crio-conmon-" + kId + ".scope\n"};
    for (const std::string& text : texts) {
        EXPECT_EQ(container_of(text), ContainerName{}) << text;
    }
}
