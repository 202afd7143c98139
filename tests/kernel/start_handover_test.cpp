#include <array>
#include <cstdio>
#include <fstream>

#include "kernel/setup_tree.hpp"

// The real binary, and what its app finds: a shell that tells.
namespace stepdown::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

struct Told {
    int status = -1;
    std::string text; // standard output and error
};

class Handover : public SetupTree {
  protected:
    void SetUp() override {
        SetupTree::SetUp();
        fs::permissions(base(), fs::perms(0755));
    }

    // words: options, in a shell's quoting. script: the app's. before: what is in front of the program, as "A=1" or a
    // redirection's command.
    static Told start(const std::string& words, const std::string& script, const std::string& before = "") {
        const std::string command = "exec 2>&1; exec env -i PATH=/usr/bin:/bin " + before +
                                    " " STEPDOWN_BINARY " --receipt=off " + words + " -- sh -c '" + script +
                                    "' app one";
        std::FILE* const pipe = ::popen(("sh -c \"$(cat <<'EOF'\n" + command + "\nEOF\n)\"").c_str(), "r");
        Told told;
        std::array<char, 512> buffer;
        for (std::size_t got = 1; got > 0;) {
            got = std::fread(buffer.data(), 1, buffer.size(), pipe);
            told.text.append(buffer.data(), got);
        }
        const int status = ::pclose(pipe);
        told.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return told;
    }

    std::string file(const char* name, const std::string& text, mode_t mode = 0600) const {
        const fs::path path = tree() / name;
        std::ofstream(path) << text;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path.string();
    }
};

TEST_F(Handover, TheAppHasTheGroupsCapabilitiesAndLimitsThatWereAskedFor) {
    EXPECT_EQ(start("--user=12345 --groups=29,4", "grep Groups /proc/self/status").text, "Groups:\t4 29 \n");
    EXPECT_EQ(start("--user=12345 --groups=keep", "grep Groups /proc/self/status", "setpriv --groups 0,27,4242").text,
              "Groups:\t27 4242 \n");
    EXPECT_EQ(
        start("--user=backup --groups=passwd,keep,29", "grep Groups /proc/self/status", "setpriv --groups 0,27,4242")
            .text,
        "Groups:\t27 29 4242 \n");
    EXPECT_THAT(start("--user=12345 --rlimit=nofile=9999999999", "true").text,
                HasSubstr("cannot set the resource limit nofile=9999999999:9999999999: "));
    const Told kept = start("--user=12345 --keep-cap=net_bind_service", "grep -c ^Cap.*0400$ /proc/self/status");
    EXPECT_EQ(kept.text, "5\n");
    EXPECT_EQ(start("--user=12345 --umask=0027 --rlimit=core=0 --rlimit=nofile=99:100 --cwd=/usr --nice=5",
                    "umask; ulimit -c; ulimit -Sn; ulimit -Hn; pwd; nice")
                  .text,
              "0027\n0\n99\n100\n/usr\n5\n");
}

// Each with a uid that nobody else has: the kernel shows a user all keyrings of its uid, and keeps those of the dead a
// while.
TEST_F(Handover, TheAppHasASessionKeyringOfItsOwn) {
    int uid = 1'000'000 + 2 * ::getpid();
    for (const char* const words : {"", " --no-init"}) {
        const std::string user = std::to_string(++uid);
        EXPECT_EQ(start("--user=" + user + words,
                        "grep -c \" " + user + " .* keyring *_ses: empty\" /proc/keys; grep -c \" _ses\" /proc/keys")
                      .text,
                  "1\n1\n")
            << words;
    }
}

TEST_F(Handover, TheUserIsThatOfAPathOrOfVariables) {
    EXPECT_THAT(start("--user-env=PUID:PGID", "id", "PUID=12345 PGID=54321").text, HasSubstr("uid=12345 gid=54321"));
    for (const char* const bad : {"PUID=0", "PUID=-1", "PUID=x", "PUID=4294967296", "PUID=12345 PGID=0", ""}) {
        const Told told = start("--user-env=PUID:PGID", "id", bad);
        EXPECT_EQ(told.status, 100) << bad << told.text;
        EXPECT_THAT(told.text, Not(HasSubstr("uid="))) << bad;
    }
    ASSERT_EQ(::chown(tree().c_str(), 12345, 54321), 0);
    EXPECT_THAT(start("--user-from=" + tree().string(), "id").text, HasSubstr("uid=12345 gid=54321"));
    fs::create_directory_symlink(tree(), base() / "link");
    for (const char* const fallback : {"", "--user=12345 "}) {
        const Told told = start(fallback + ("--user-from=" + (base() / "link").string()), "id");
        EXPECT_EQ(told.status, 100);
        EXPECT_THAT(told.text, HasSubstr("is a symbolic link"));
    }
    EXPECT_EQ(start("--user-from=" + outside().string(), "id").status, 100) << "root's";
    EXPECT_THAT(start("--user=12345 --user-from=" + outside().string(), "id").text, HasSubstr("uid=12345"));
}

TEST_F(Handover, TheEnvironmentIsFilesThenFlags) {
    const std::string vars = file("vars", "A=file\nB=file\n");
    EXPECT_EQ(start("--user=12345 --clear-env --keep-env=PATH --env-file=" + vars + " --env=B=flag --unset=USER",
                    "env | grep -vE ^\\(PWD\\|_\\|PATH\\)= | sort", "GONE=1")
                  .text,
              "A=file\nB=flag\nHOME=/\nLOGNAME=12345\nSHELL=/bin/sh\n");
    const std::string names = file("names", "BARE\nNONE\nmy.var=1\n");
    EXPECT_EQ(start("--user=12345 --clear-env --keep-env=PATH --env-file=" + names,
                    "env | grep ^BARE; env | grep -c NONE; grep -ac my.var=1 /proc/$$/environ", "BARE=value")
                  .text,
              "BARE=value\n0\n1\n");
    fs::create_symlink(vars, tree() / "link");
    ASSERT_EQ(::lchown((tree() / "link").c_str(), 12345, 12345), 0);
    EXPECT_EQ(start("--user=12345 --env-file=" + (tree() / "link").string(), "true").status, 100) << "the app's link";
    ASSERT_EQ(::lchown((tree() / "link").c_str(), 0, 0), 0);
    EXPECT_EQ(start("--user=12345 --env-file=" + (tree() / "link").string(), "echo $A").text, "file\n");
}

TEST_F(Handover, StandardOutputCanBeOpenedAgainIfAskedFor) {
    EXPECT_THAT(start("--user=12345", "echo again >/dev/stdout").text, HasSubstr("Permission denied"));
    EXPECT_EQ(start("--user=12345 --own-stdio", "echo again >/dev/stdout").text, "again\n");
}

TEST_F(Handover, SocketsAreHandedOverByTheListenProtocol) {
    const std::string path = (tree() / "app.sock").string();
    const std::string script = "[ $LISTEN_PID = $$ ] && echo $LISTEN_FDS $LISTEN_FDNAMES; readlink /proc/$$/fd/3 "
                               "/proc/$$/fd/4 | cut -d: -f1; [ -e /proc/$$/fd/5 ] || echo end";
    for (const char* const init : {"", "--no-init "}) {
        const Told told = start(std::string(init) + "--user=12345 --listen=tcp:127.0.0.1:881 --listen=unix:" + path +
                                    ",mode=0640,name=ctl",
                                script);
        EXPECT_EQ(told.text, "2 tcp:ctl\nsocket\nsocket\nend\n") << init;
        EXPECT_EQ(look(path).st_uid, 12345U);
        EXPECT_EQ(look(path).st_mode & 07777, 0640U);
    }
}

TEST_F(Handover, OnlyKeptDescriptorsStayOpen) {
    const std::string opened = "sh -c \"exec 8</dev/null 9</dev/null; exec \\\"\\$@\\\"\" sh";
    EXPECT_EQ(
        start("--user=12345 --keep-fd=9", "for fd in 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done", opened).text,
        "9\n");
}

TEST_F(Handover, ADescriptorThatIsNotOpenCannotBeKept) {
    for (const char* const user : {"--user=12345", "--user=12345 --no-init"}) {
        for (const char* const number : {"3", "17"}) {
            const Told told = start(std::string(user) + " --keep-fd=" + number, "echo ran",
                                    "sh -c \"exec \\\"\\$@\\\" 3<&- 17<&-\" sh");
            EXPECT_EQ(told.status, 100) << told.text;
            EXPECT_THAT(told.text, HasSubstr(std::string("--keep-fd: descriptor ") + number + " is not open"));
        }
    }
}

TEST_F(Handover, ASecretIsAFileOfTheAppsOwn) {
    const std::string secret = file("db", "s3cret\n");
    const std::string option = "--user=12345 --secrets-dir=" + (base() / "secrets").string() + " --secret=DB=" + secret;
    EXPECT_THAT(start(option, "cat $DB_FILE; stat -c \"%u %a\" $DB_FILE").text, HasSubstr("s3cret\n12345 400\n"));
    EXPECT_EQ(start(option + ",env", "echo $DB").text, "s3cret\n");
    for (const auto& [words, before] :
         {std::pair(option, "DB=1"), std::pair(option, "DB_FILE=1"), std::pair("--env=DB=x " + option, ""),
          std::pair("--env=DB_FILE=x " + option, ""),
          std::pair("--env-file=" + file("vars", "DB=x\n") + " " + option, ""),
          std::pair("--user=12345 --secret=DB=" + file("empty", ""), ""), std::pair(option + ".none", "")}) {
        const Told told = start(words, "echo ran", before);
        EXPECT_TRUE(told.status == 100 || told.status == 101) << words << " " << before;
        EXPECT_THAT(told.text, Not(HasSubstr("ran\n")));
        EXPECT_THAT(told.text, Not(HasSubstr("s3cret")));
    }
}

TEST_F(Handover, ADirectoryForSecretsThatIsThereStaysAsItIs) {
    const std::string option = "--user=12345 --secret=DB=" + file("db", "s3cret\n") + " --secrets-dir=";
    struct There {
        uid_t uid;
        mode_t mode;
        bool used;
    };
    for (const auto& [uid, mode, used] : {There{0, 01777, true}, There{0, 0755, true}, There{12345, 0700, true},
                                          There{0, 0777, false}, There{0, 0700, false}, There{77, 0755, false}}) {
        const fs::path there = base() / "there";
        fs::create_directory(there);
        ASSERT_EQ(::chmod(there.c_str(), mode), 0);
        ASSERT_EQ(::chown(there.c_str(), uid, 0), 0);
        const struct stat before = look(there);
        const Told told = start(option + there.string(), "cat $DB_FILE");
        EXPECT_EQ(told.status, used ? 0 : 101) << mode << told.text;
        EXPECT_THAT(told.text,
                    HasSubstr(used ? "s3cret\n" : "is no directory that the app may enter and only it and root"));
        EXPECT_EQ(look(there).st_uid, before.st_uid);
        EXPECT_EQ(look(there).st_mode, before.st_mode);
        fs::remove_all(there);
    }
    fs::create_directories(base() / "full/DB/of/another");
    EXPECT_EQ(start(option + (base() / "full").string(), "true").status, 101);
    EXPECT_TRUE(fs::exists(base() / "full/DB/of/another")) << "a file of the last start is replaced, and nothing else";
    const std::string plain = file("plain", "");
    EXPECT_EQ(start(option + plain, "true").status, 101);
}

// docker run --user: entrypoint scripts leave their root half out then.
TEST_F(Handover, AStartThatIsNotRootsGoesOnWithoutWhatOnlyRootMayDo) {
    const std::string not_root = "setpriv --reuid=12345 --regid=12345 --clear-groups --bounding-set=-all";
    const std::string user = "--user=12345:12345 ";
    write_file(tree() / "roots");
    fs::create_directory(tree() / "mine");
    ASSERT_EQ(::chown((tree() / "mine").c_str(), 12345, 12345), 0);
    const std::string closed = (tree() / "closed").string();
    const Told told =
        start(user + "--own=" + tree().string() + " --mkdir=" + closed + " --mkdir=" + (tree() / "mine/made").string() +
                  ":0711 --setup=\"f " + closed + "/f\" --own-stdio",
              "echo ran", not_root);
    EXPECT_EQ(told.status, 0) << told.text;
    EXPECT_THAT(told.text, HasSubstr("skipped: --own " + tree().string() + ": cannot change the owner of "));
    EXPECT_THAT(told.text, HasSubstr("skipped: --mkdir " + closed + ": cannot create " + closed +
                                     ": Permission denied (mkdirat): the start is not root\'s\n"));
    EXPECT_THAT(told.text, HasSubstr("skipped: --setup " + closed + "/f: "));
    EXPECT_THAT(told.text, HasSubstr("ran\n"));
    EXPECT_THAT(told.text, Not(HasSubstr("cap-add")));
    EXPECT_FALSE(fs::exists(closed));
    EXPECT_EQ(look(tree() / "mine/made").st_mode & 07777, 0711U);
    EXPECT_TRUE(is_roots(tree() / "roots"));
    EXPECT_EQ(start(user + "--own=" + tree().string(), "echo ran", "setpriv --bounding-set=-chown").status, 101)
        << "root without CAP_CHOWN is told what is missing";
    fs::create_symlink("/etc", tree() / "mine/link");
    EXPECT_EQ(start(user + "--mkdir=" + (tree() / "mine/link/x").string(), "echo ran", not_root).status, 101)
        << "any other error";
    EXPECT_THAT(start(user + "--before-drop=\"id -u\"", "echo ran", not_root).text,
                HasSubstr("the hooks that are to run as root run as uid 12345\n12345\nran\n"));
}

TEST_F(Handover, HooksRunInTheirOrderAsWhoTheyAreFor) {
    fs::create_directory(base() / "hooks");
    std::ofstream(base() / "hooks/2.sh") << "echo two\n";
    std::ofstream(base() / "hooks/1") << "#!/bin/sh\necho one $(id -u)\n";
    std::ofstream(base() / "hooks/notes") << "no hook\n";
    fs::permissions(base() / "hooks/1", fs::perms(0755));
    const std::string directory = " --before-drop-dir=" + (base() / "hooks").string();
    EXPECT_EQ(start("--user=12345 --before-drop=\"echo zero\" --before-start=\"id -u\"" + directory, "echo $1").text,
              "zero\none 0\ntwo\n12345\none\n");
    EXPECT_EQ(start("--user=12345 --before-drop=false", "echo ran").status, 101);
    for (const char* const name : {"3.sh", "4.sh~", ".5.sh", "6.bak"}) {
        std::ofstream(base() / "hooks" / name) << "echo " << name << "\n"; // no #!
        fs::permissions(base() / "hooks" / name, fs::perms(0755));
    }
    std::ofstream(base() / "hooks/7.sh") << "#!/usr/bin/env echo\n";
    fs::permissions(base() / "hooks/7.sh", fs::perms(0755));
    EXPECT_EQ(start("--user=12345" + directory, "true").text,
              "one 0\ntwo\n3.sh\n" + (base() / "hooks/7.sh").string() + "\n");
    EXPECT_EQ(start("--user=12345 --hook-timeout=200ms --before-drop=\"sleep 60\"", "echo ran").status, 101);
    ASSERT_EQ(::chown((base() / "hooks/1").c_str(), 12345, 0), 0);
    EXPECT_EQ(start("--user=12345" + directory, "echo ran").status, 101) << "the app's file is not run as root";
}

TEST_F(Handover, AHookOfTheAppsThatFailsIsALineAndTheAppIsNotStarted) {
    for (const std::string user : {"--user=12345 ", "--user=12345 --no-init "}) {
        const Told failed = start(user + "--before-start=\"exit 7\"", "echo ran");
        EXPECT_EQ(failed.status, 101);
        EXPECT_EQ(failed.text, "stepdown: error: the hook \"exit 7\" ended with status 7\n");
        const Told missing = start(user + "--before-start=/nope", "echo ran");
        EXPECT_EQ(missing.status, 101);
        EXPECT_THAT(missing.text,
                    HasSubstr("/bin/sh: 1: /nope: not found\nstepdown: error: the hook \"/nope\" ended with "
                              "status 127\n"));
        const Told killed = start(user + "--before-start=\"kill -9 \\$\\$\"", "echo ran");
        EXPECT_EQ(killed.status, 101);
        EXPECT_THAT(killed.text, HasSubstr("was ended by signal 9\n"));
        const Told late = start(user + "--hook-timeout=200ms --before-start=\"exec sleep 60\"", "echo ran");
        EXPECT_EQ(late.status, 101);
        EXPECT_THAT(late.text, HasSubstr("was not done in time: killed\n"));
        EXPECT_EQ(start(user + "--before-start=\"grep -c NoNewPrivs:.1 /proc/self/status\" --before-start=\"id -u\"",
                        "echo $0 $1")
                      .text,
                  "1\n12345\napp one\n");
    }
}

TEST_F(Handover, WaitsForWhatIsNotThereYet) {
    const std::string flag = (tree() / "flag").string();
    EXPECT_EQ(start("--user=12345 --wait-for=file:" + flag, "echo ran",
                    "sh -c \"(sleep 0.5; touch " + flag + ") & exec \\\"\\$@\\\"\" sh")
                  .text,
              "ran\n");
    const Told late = start("--user=12345 --wait-timeout=300ms --wait-for=tcp:127.0.0.1:9", "echo ran");
    EXPECT_EQ(late.status, 101);
    EXPECT_THAT(late.text, HasSubstr("--wait-for: tcp:127.0.0.1:9 does not answer after 300 ms: Connection refused\n"));
    write_file(tree() / "closed");
    const std::string closed = (tree() / "closed/file").string();
    for (const auto& [target, why] : {std::pair(std::string("tcp:[::1]:9"), "tcp:[::1]:9 does not answer after 0 ms: "),
                                      std::pair("file:" + flag + "2", "No such file or directory"),
                                      std::pair("file:" + closed, "Not a directory")}) {
        const Told told = start("--user=12345 --wait-timeout=0", "echo ran", "STEPDOWN_WAIT_FOR=" + target);
        EXPECT_EQ(told.status, 101) << told.text;
        EXPECT_THAT(told.text, HasSubstr("STEPDOWN_WAIT_FOR: "));
        EXPECT_THAT(told.text, HasSubstr(why));
    }
}

} // namespace
} // namespace stepdown::testing
