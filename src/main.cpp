#include <unistd.h>

#include "commands/commands.hpp"

// Signals first: from here on none is lost and none can end PID 1. Nothing that static destructors would do matters at
// the end.
int main(int argc, char** argv) {
    using namespace stepdown;
    const supervise::SignalState given = supervise::take_signals();
    const cli::Words words{.argc = argc, .argv = argv, .environment = environ, .current_uid = ::geteuid()};
    ::_exit(commands::dispatch(words, given));
}
