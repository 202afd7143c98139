#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <dirent.h>
#include <pthread.h>

#include "setup/job.hpp"

namespace stepdown::setup {

class Visitor;
class Walk;

// kWaits: for the others who read its innermost directory. kFailed: the crew knows why.
enum class WalkState { kDone, kWaits, kFailed };

// pthread_mutex_t and its guard: the library's own throws.
class Lock {
  public:
    explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { ::pthread_mutex_lock(&mutex_); }
    ~Lock() { ::pthread_mutex_unlock(&mutex_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    pthread_mutex_t& mutex_;
};

// An open directory; closing it is counted.
struct CloseDirectory {
    std::atomic<int>* open = nullptr;
    void operator()(DIR* stream) const noexcept {
        ::closedir(stream);
        open->fetch_sub(1, std::memory_order_relaxed);
    }
};
using Stream = std::unique_ptr<DIR, CloseDirectory>;

struct Entry {
    std::string name;
    unsigned char type = DT_UNKNOWN;
};

// A directory that several walks read: each name comes to one of them. It is settled by the walk that came first, its
// owner, once the others are through.
class SharedDirectory {
  public:
    SharedDirectory(Stream stream, bool held) : stream_(std::move(stream)), held_(held) {}

    DIR* stream() const { return stream_.get(); }
    bool is_held() const { return held_; } // walk.hpp
    bool is_exhausted() const { return exhausted_.load(std::memory_order_relaxed); }

    // A few names, the last one first; none: the end, or readdir(3)'s error, which one of the readers is told.
    int take(std::vector<Entry>& into);

    // Of the crew, under its lock.
    unsigned helpers = 0;
    Walk* waiting = nullptr; // the owner, who is through

  private:
    static constexpr std::size_t kBatch = 16; // fewer turns at the lock; more would leave the last reader too much

    Stream stream_;
    bool held_;
    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    std::atomic<bool> exhausted_ = false;
};

// Threads that share one walk, a thread a processor. Nobody is hired before a walk has turned out to be long, and each
// thread that has nothing to do is taken on by a walk that has: it reads the outermost directory with names left. All
// have ended when run() returns, so the credentials that the process gives up afterwards are given up by everybody.
//
// Memory is a few walks' levels, whatever the number of files. The first failure that ends the step, in time, is told.
class Crew {
  public:
    Crew(Job& job, Visitor& visitor);
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    Result<> run(sys::Fd top, std::string path); // top: a directory open for reading

    // ---- for its walks, from any thread.
    static constexpr int kOpenDirectories = 64;

    Job& job() { return job_; }
    Visitor& visitor() { return visitor_; }
    std::atomic<int>& open_directories() { return open_; }
    bool is_over() const { return over_.load(std::memory_order_relaxed); }
    bool somebody_idles() const { return idle_ > 0; }

    Result<> failed(const Trouble& trouble, std::string_view where, int fd = -1);
    std::unexpected<Error> give_up(const Trouble& trouble, std::string_view where, int fd = -1);

    bool count(std::uint64_t looked); // whether it is time to tell
    void tell(std::string_view path);
    void offer(std::shared_ptr<SharedDirectory> directory, std::string path); // to whoever idles
    bool is_read_by_others(const SharedDirectory& directory);

  private:
    static constexpr unsigned kMostThreads = 4;
    static constexpr std::size_t kMostWalks = 2UL * kMostThreads; // those that wait for others too

    using Walks = std::vector<std::unique_ptr<Walk>>;

    void hire();
    void work(std::unique_ptr<Walk> first);
    std::unique_ptr<Walk> next_after(std::unique_ptr<Walk> walk, WalkState state);
    std::unique_ptr<Walk> wait_for_work();
    void end(std::optional<Error> error); // under the lock

    Job& job_;
    Visitor& visitor_;
    std::atomic<int> open_ = 0;
    std::atomic<int> idle_ = 0; // threads that wait, less the walks offered to them
    std::atomic<bool> over_ = false;
    std::atomic<std::uint64_t> looked_ = 0;

    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER; // for all below
    pthread_cond_t offered_one_ = PTHREAD_COND_INITIALIZER;
    Walks offered_;
    Walks waiting_; // owners of shared directories
    std::size_t walks_ = 0;
    std::optional<Error> error_;
    bool hired_ = false;

    std::vector<pthread_t> threads_; // of the first walk's thread
};

} // namespace stepdown::setup
