#pragma once

#include <string_view>

#include "cli/parsed.hpp"
#include "stepdown/error.hpp"

// What the rows of the option table name: each validates one value and stores it. One file a stage.
namespace stepdown::cli {

// identity_options.cpp
Result<> apply_user(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_allow_root(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_user_from(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_user_env(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_groups(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_keep_cap(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_passwd_entry(Parsed& parsed, std::string_view value, const Source& source);

// process_options.cpp
Result<> apply_umask(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_rlimit(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_cwd(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_nice(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_oom_score_adj(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_own_stdio(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_keep_fd(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_env(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_unset(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_env_file(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_clear_env(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_keep_env(Parsed& parsed, std::string_view value, const Source& source);

// setup_options.cpp
Result<> apply_setup(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_setup_file(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_state(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_runtime(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_cache(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_logs(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_own_policy(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_own_allow(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_own_across_mounts(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_mkdir(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_own(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_setup_best_effort(Parsed& parsed, std::string_view value, const Source& source);

// handover_options.cpp
Result<> apply_listen(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_secret(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_secrets_dir(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_before_drop(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_before_drop_dir(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_before_start(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_hook_timeout(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_wait_for(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_wait_timeout(Parsed& parsed, std::string_view value, const Source& source);

// confine_options.cpp
Result<> apply_seccomp(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_seccomp_allow(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_seccomp_deny(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_rootfs(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_ro(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_rw(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_exec(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_connect(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_bind(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_scope(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_landlock(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_seccomp_lenient(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_seccomp_report(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_seccomp_learn(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_startup(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_merge(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_emulate_root(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_emulate_owners(Parsed& parsed, std::string_view value, const Source& source);

// supervise_options.cpp
Result<> apply_signal(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_signal_group(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_stop_signal(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_stop_delay(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_grace(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_drain(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_exit_status(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_forking(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_pidfile(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_ready(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_watchdog(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_job_control(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_new_session(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_subreaper(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_log_orphans(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_kill_on_orphan(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_parent_death_signal(Parsed& parsed, std::string_view value, const Source& source);

// report_options.cpp
Result<> apply_format(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_as(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_check(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_output(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_pid(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_quiet(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_self(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_status_file(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_proc(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_group_by(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_policy(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_files(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_probe(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_fail_on(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_report_only(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_root(Parsed& parsed, std::string_view value, const Source& source);

// general_options.cpp
Result<> apply_no_init(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_receipt(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_log_level(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_log_format(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_config(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_lock(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_help(Parsed& parsed, std::string_view value, const Source& source);
Result<> apply_version(Parsed& parsed, std::string_view value, const Source& source);

} // namespace stepdown::cli
