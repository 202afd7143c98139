#pragma once

#include "cli/words.hpp"
#include "supervise/signals.hpp"
#include "sys/kernel.hpp"

namespace stepdown::commands {

// One function a command; each returns the exit status of the process. given is what the process was given at its
// start; the two that give up privileges do so through kernel.
int run(sys::Kernel& kernel, const cli::Parsed& parsed, const supervise::SignalState& given);
int record(sys::Kernel& kernel, const cli::Parsed& parsed, const supervise::SignalState& given);
int exec(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& words, const supervise::SignalState& given);
int pause(sys::Kernel& kernel, const cli::Parsed& parsed); // no app: reaps until it is asked to stop
int ready(sys::Kernel& kernel, const cli::Parsed& parsed);
int install(const cli::Parsed& parsed);
int plan(sys::Kernel& kernel, const cli::Parsed& parsed);
int verify(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& words);
int profile(sys::Kernel& kernel, const cli::Parsed& parsed);
int selftest(sys::Kernel& kernel, const cli::Parsed& parsed);
int check_image(sys::Kernel& kernel, const cli::Parsed& parsed);

// Words → the command they name, with --help, --version and bad words answered here.
int dispatch(const cli::Words& words, const supervise::SignalState& given);

} // namespace stepdown::commands
