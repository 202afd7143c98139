#include "cli/setters.hpp"

#include <algorithm>

#include <arpa/inet.h>

#include "cli/values.hpp"
#include "plan/environment.hpp"
#include "plan/path.hpp"

namespace stepdown::cli {
namespace {

// "KIND:REST" taken apart; the kind is empty when there is no colon.
std::pair<std::string_view, std::string_view> split_kind(std::string_view value) {
    const std::size_t colon = value.find(':');
    return colon == std::string_view::npos ? std::pair(std::string_view(), value)
                                           : std::pair(value.substr(0, colon), value.substr(colon + 1));
}

// "0.0.0.0:80", "[::]:443".
bool take_address(std::string_view text, std::string& address, std::uint16_t& port) {
    const std::size_t colon = text.rfind(':');
    const auto number =
        colon == std::string_view::npos ? std::nullopt : whole_number<std::uint16_t>(text.substr(colon + 1));
    if (!number || *number == 0) {
        return false;
    }
    port = *number;
    const std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    address = bracketed ? host.substr(1, host.size() - 2) : host;
    unsigned char parsed[16];
    return ::inet_pton(bracketed ? AF_INET6 : AF_INET, address.c_str(), parsed) == 1;
}

Result<> set_timeout(std::chrono::milliseconds& target, std::string_view name, std::string_view value,
                     const Source& source) {
    const auto time = time_span(value);
    if (!time) {
        return refuse(source, name, value, "is no time: write 10s, 500ms, 2min, or a number of seconds");
    }
    target = *time;
    return {};
}

} // namespace

Result<> apply_listen(Parsed& parsed, std::string_view value, const Source& source) {
    ListenSocket asked;
    auto [kind, rest] = split_kind(value);
    for (std::size_t comma = rest.find(','); comma != std::string_view::npos;) {
        const std::size_t end = std::min(rest.find(',', comma + 1), rest.size());
        const std::string_view word = rest.substr(comma + 1, end - comma - 1);
        if (word.starts_with("mode=") && octal_mode(word.substr(5))) {
            asked.mode = octal_mode(word.substr(5));
        } else if (word.starts_with("name=") && word.size() > 5 && !word.contains(':')) {
            asked.name = word.substr(5);
        } else {
            return refuse(source, "listen", value, "has something other than mode=OCTAL or name=NAME after a comma");
        }
        if (end == rest.size()) {
            rest = rest.substr(0, rest.find(','));
            break;
        }
        comma = end;
    }
    if (kind == "unix") {
        asked.kind = ListenSocket::Kind::kUnix;
        asked.address = plan::without_var_run(rest);
        if (auto checked = check_path(rest, "listen", value, source); !checked) {
            return checked;
        }
    } else if (kind == "tcp" || kind == "udp") {
        asked.kind = kind == "tcp" ? ListenSocket::Kind::kTcp : ListenSocket::Kind::kUdp;
        if (!take_address(rest, asked.address, asked.port)) {
            return refuse(source, "listen", value, "has no address and port, as 0.0.0.0:80 or [::]:443");
        }
    } else {
        return refuse(source, "listen", value, "is not tcp:ADDRESS:PORT, udp:ADDRESS:PORT or unix:PATH");
    }
    if (asked.mode && asked.kind != ListenSocket::Kind::kUnix) {
        return refuse(source, "listen", value, "has a mode, which only unix: takes");
    }
    asked.name = asked.name.empty() ? std::string(kind) : asked.name;
    parsed.plan.sockets.push_back(std::move(asked));
    return {};
}

Result<> apply_secret(Parsed& parsed, std::string_view value, const Source& source) {
    Secret secret;
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos || !plan::is_variable_name(value.substr(0, equals))) {
        return refuse(source, "secret", value, "is not NAME=PATH[,MODE|,env]");
    }
    secret.name = value.substr(0, equals);
    std::string_view path = value.substr(equals + 1);
    if (const std::size_t comma = path.rfind(','); comma != std::string_view::npos) {
        const std::string_view how = path.substr(comma + 1);
        const auto mode = octal_mode(how);
        if (how != "env" && (!mode || (*mode & ~0440U) != 0)) {
            return refuse(source, "secret", value, "has neither env nor a mode up to 0440 after its comma");
        }
        secret.in_environment = how == "env";
        secret.mode = mode.value_or(secret.mode);
        path = path.substr(0, comma);
    }
    if (auto checked = check_path(path, "secret", value, source); !checked) {
        return checked;
    }
    if (std::ranges::contains(parsed.plan.secrets, secret.name, &Secret::name)) {
        return refuse(source, "secret", value, "names a secret twice");
    }
    secret.path = path;
    parsed.plan.secrets.push_back(std::move(secret));
    return {};
}

Result<> apply_secrets_dir(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "secrets-dir", value, source); !checked) {
        return checked;
    }
    parsed.plan.secrets_directory = plan::without_var_run(value);
    return {};
}

Result<> apply_before_drop(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.hooks.before_drop.emplace_back(value);
    return {};
}

Result<> apply_before_drop_dir(Parsed& parsed, std::string_view value, const Source& source) {
    if (auto checked = check_path(value, "before-drop-dir", value, source); !checked) {
        return checked;
    }
    parsed.plan.hooks.before_drop_dirs.emplace_back(value);
    return {};
}

Result<> apply_before_start(Parsed& parsed, std::string_view value, const Source&) {
    parsed.plan.hooks.before_start.emplace_back(value);
    return {};
}

Result<> apply_hook_timeout(Parsed& parsed, std::string_view value, const Source& source) {
    return set_timeout(parsed.plan.hooks.timeout, "hook-timeout", value, source);
}

Result<> apply_wait_for(Parsed& parsed, std::string_view value, const Source& source) {
    const auto [kind, rest] = split_kind(value);
    WaitFor target;
    if (kind == "tcp") {
        const std::size_t colon = rest.rfind(':');
        const auto port =
            colon == std::string_view::npos ? std::nullopt : whole_number<std::uint16_t>(rest.substr(colon + 1));
        std::string_view host = rest.substr(0, std::min(colon, rest.size()));
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        host = bracketed ? host.substr(1, host.size() - 2) : host;
        if (!port || *port == 0 || host.empty()) {
            return refuse(source, "wait-for", value, "has no host and port, as tcp:db:5432");
        }
        target.target = host;
        target.port = std::to_string(*port);
    } else if (kind == "unix" || kind == "file") {
        target.kind = kind == "unix" ? WaitFor::Kind::kUnix : WaitFor::Kind::kFile;
        if (auto checked = check_path(rest, "wait-for", value, source); !checked) {
            return checked;
        }
        target.target = rest;
    } else {
        return refuse(source, "wait-for", value, "is not tcp:HOST:PORT, unix:PATH or file:PATH");
    }
    parsed.plan.wait_for.push_back(std::move(target));
    return {};
}

Result<> apply_wait_timeout(Parsed& parsed, std::string_view value, const Source& source) {
    return set_timeout(parsed.plan.wait_timeout, "wait-timeout", value, source);
}

} // namespace stepdown::cli
