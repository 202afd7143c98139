// The probe's verbs, by what they are about. Each takes what follows its name on the command line and answers with the exit status.
#pragma once

// The errno's name, where a test asks for it.
const char* name_of(int error);

// probe_tries.c: what the app could do
int do_try(char** args);
int do_can(char** args);
int do_bind(char** args);
int do_chown(char** args);
int do_signal_1(char** args);

// probe_facts.c: what the kernel says
int do_status(char** args);
int do_read(char** args);
int do_ids(char** args);
int do_capabilities(char** args);
int do_environment(char** args);
int do_descriptors(char** args);
int do_directory(char** args);
int do_arguments(char** args);
int do_signals(char** args);

// probe_ways.c: ways to live and to end
int do_exit(char** args);
int do_true(char** args);
int do_kill_self(char** args);
int do_sleep(char** args);
int do_ignore_term(char** args);
int do_wait_signal(char** args);
int do_orphans(char** args);
int do_daemonize(char** args);
int do_calls(char** args);
