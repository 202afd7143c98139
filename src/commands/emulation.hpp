#pragma once

#include <optional>
#include <vector>

#include "commands/log.hpp"
#include "confine/load.hpp"
#include "confine/profile.hpp"
#include "emulate/answers.hpp"
#include "emulate/listener.hpp"
#include "stepdown/error.hpp"
#include "stepdown/plan.hpp"
#include "supervise/supervise.hpp"
#include "sys/fd.hpp"
#include "sys/kernel.hpp"

// Root emulation, wired: emulate/ says which calls and what they are told, confine/ makes the filter of that, and
// supervise/ hands PID 1 each notification.
namespace stepdown::commands {

// What of it a start needs. The filter is loaded before the app's own, so that of two refusals the app's counts, and a
// profile of the user's need not allow seccomp(2).
struct RootEmulation {
    emulate::Emulation chosen;
    confine::Filter filter; // off() where nothing is emulated

    bool listens() const { return chosen.level == emulate::Level::kFull; }
};

// Everything is allowed but what is emulated, through every architecture of the kernel: which of them the app may use,
// its own filter says.
confine::Profile profile_of(const emulate::Emulation& emulation);

// This machine's numbers of the calls that PID 1 answers.
std::vector<emulate::CallNumber> call_numbers();

// Errors (kUsage) say what is wrong with the Plan's value, or that this machine cannot.
Result<RootEmulation> root_emulation_of(const Plan& plan);

// What a process without PID 1 behind it can have: of full, the answers that a filter gives alone.
std::string without_listener(const std::string& emulate_root);

// Loads the filter, and answers with its notifications' descriptor. Async-signal-safe.
sys::Sys<sys::Fd> load_listened(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags) noexcept;

// The same where its calls are heard of from that moment: the descriptor goes through the socket, with one byte.
// Async-signal-safe.
sys::Sys<> load_heard(sys::Kernel& kernel, std::span<const sock_filter> program, unsigned flags, int socket) noexcept;

// /proc with O_PATH; none where it is another PID namespace's: the numbers would be somebody else's.
sys::Fd open_proc(sys::Kernel& kernel);

// PID 1's side of level full, and of whoever else hears of calls, who is asked before. Made before PID 1 confines
// itself: it opens /proc.
class RootListener {
  public:
    RootListener(sys::Kernel& kernel, const emulate::Emulation& chosen, const Log& log, emulate::Before before = {});

    // listener: as load_listened() answered, in this process.
    supervise::OtherWork work(sys::Fd listener);

  private:
    static bool answer(void* self);

    sys::Fd proc_;
    std::vector<emulate::CallNumber> numbers_;
    emulate::Session session_;
    std::optional<emulate::Owners> owners_;
    std::optional<emulate::Listener> listener_;
    emulate::Before before_;
    const Log& log_;
};

} // namespace stepdown::commands
