#include <cstddef>

#include "supervise/table.hpp"

namespace stepdown::supervise {
namespace {

using enum State;
using enum Action;

constexpr std::size_t kEvents = 6;

// clang-format off
constexpr Step kTable[][kEvents] = {
    //                 stop signal                   other signal               app ended                child ended                 no child left        timer
    /* running     */ {{kForwardAndTime, kStopping}, {kForward, kRunning},      {kDrain, kDraining},     {kNothing, kRunning},       {kNothing, kEnded}, {kNothing, kRunning}},
    /* stopping    */ {{kForward, kStopping},        {kForward, kStopping},     {kDrain, kDraining},     {kNothing, kStopping},      {kNothing, kEnded}, {kKillApp, kKilled}},
    /* killed      */ {{kNothing, kKilled},          {kNothing, kKilled},       {kDrain, kDraining},     {kNothing, kKilled},        {kNothing, kEnded}, {kNothing, kKilled}},
    /* draining    */ {{kNothing, kDraining},        {kNothing, kDraining},     {kNothing, kDraining},   {kDrainNew, kDraining},     {kNothing, kEnded}, {kKillRest, kDrainKilled}},
    /* drainkilled */ {{kNothing, kDrainKilled},     {kNothing, kDrainKilled},  {kNothing, kDrainKilled}, {kKillNew, kDrainKilled},  {kNothing, kEnded}, {kNothing, kDrainKilled}},
    /* ended       */ {{kNothing, kEnded},           {kNothing, kEnded},        {kNothing, kEnded},      {kNothing, kEnded},         {kNothing, kEnded}, {kNothing, kEnded}},
};
// clang-format on

} // namespace

Step step(State state, Event event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

} // namespace stepdown::supervise
