#include <cstddef>

#include "supervise/table.hpp"

namespace stepdown::supervise {
namespace {

using enum State;
using enum Action;

constexpr std::size_t kEvents = 8;

// clang-format off
constexpr Step kTable[][kEvents] = {
    //                 stop signal                   with --stop-delay            other signal               app ended                child ended                no child left       timer                      watchdog
    /* running     */ {{kForwardAndTime, kStopping}, {kHold, kHolding},           {kForward, kRunning},      {kDrain, kDraining},     {kNothing, kRunning},      {kNothing, kEnded}, {kNothing, kRunning},      {kAbortApp, kStopping}},
    /* holding     */ {{kReleaseToo, kStopping},     {kReleaseToo, kStopping},    {kForward, kHolding},      {kDrain, kDraining},     {kNothing, kHolding},      {kNothing, kEnded}, {kRelease, kStopping},     {kAbortApp, kStopping}},
    /* stopping    */ {{kForward, kStopping},        {kForward, kStopping},       {kForward, kStopping},     {kDrain, kDraining},     {kNothing, kStopping},     {kNothing, kEnded}, {kKillApp, kKilled},       {kNothing, kStopping}},
    /* killed      */ {{kNothing, kKilled},          {kNothing, kKilled},         {kNothing, kKilled},       {kDrain, kDraining},     {kNothing, kKilled},       {kNothing, kEnded}, {kLeaveRest, kEnded},      {kNothing, kKilled}},
    /* draining    */ {{kNothing, kDraining},        {kNothing, kDraining},       {kNothing, kDraining},     {kNothing, kDraining},   {kDrainNew, kDraining},    {kNothing, kEnded}, {kKillRest, kDrainKilled}, {kNothing, kDraining}},
    /* drainkilled */ {{kNothing, kDrainKilled},     {kNothing, kDrainKilled},    {kNothing, kDrainKilled},  {kNothing, kDrainKilled}, {kKillNew, kDrainKilled}, {kNothing, kEnded}, {kLeaveRest, kEnded},      {kNothing, kDrainKilled}},
    /* ended       */ {{kNothing, kEnded},           {kNothing, kEnded},          {kNothing, kEnded},        {kNothing, kEnded},      {kNothing, kEnded},        {kNothing, kEnded}, {kNothing, kEnded},        {kNothing, kEnded}},
};
// clang-format on

} // namespace

Step step(State state, Event event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

} // namespace stepdown::supervise
