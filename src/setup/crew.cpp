#include <algorithm>
#include <cerrno>
#include <utility>

#include <sched.h>

#include "setup/crew.hpp"
#include "setup/walk.hpp"

namespace stepdown::setup {

int SharedDirectory::take(std::vector<Entry>& into) {
    const Lock lock(mutex_);
    while (!is_exhausted() && into.size() < kBatch) {
        errno = 0;
        if (const dirent* const entry = ::readdir(stream_.get())) {
            into.push_back({entry->d_name, entry->d_type});
            continue;
        }
        exhausted_ = true;
        std::ranges::reverse(into);
        return errno;
    }
    std::ranges::reverse(into);
    return 0;
}

Crew::Crew(Job& job, Visitor& visitor) : job_(job), visitor_(visitor) {}

Crew::~Crew() = default;

Result<> Crew::run(sys::Fd top, std::string path) {
    auto first = std::make_unique<Walk>(*this);
    if (Result<> begun = first->begin(std::move(top), std::move(path)); !begun) {
        return begun;
    }
    walks_ = 1;
    work(std::move(first));
    for (const pthread_t thread : threads_) {
        ::pthread_join(thread, nullptr);
    }
    return error_ ? Result<>(std::unexpected(std::move(*error_))) : Result<>();
}

// The others may meet more trouble before they notice that it is over: the job has heard enough by then.
Result<> Crew::failed(const Trouble& trouble, std::string_view where, int fd) {
    const Lock lock(mutex_);
    Result<> done = error_ ? std::unexpected(*error_) : job_.failed(trouble, where, fd);
    if (!done) {
        end(done.error());
    }
    return done;
}

std::unexpected<Error> Crew::give_up(const Trouble& trouble, std::string_view where, int fd) {
    const Lock lock(mutex_);
    auto line = error_ ? std::unexpected(*error_) : job_.give_up(trouble, where, fd);
    end(line.error());
    return line;
}

void Crew::end(std::optional<Error> error) {
    error_ = std::move(error);
    over_ = true;
    ::pthread_cond_broadcast(&offered_one_);
}

bool Crew::count(std::uint64_t looked) {
    const std::uint64_t before = looked_.fetch_add(looked, std::memory_order_relaxed);
    return before / Progress::kLooksPerReport != (before + looked) / Progress::kLooksPerReport;
}

void Crew::tell(std::string_view path) {
    const Lock lock(mutex_);
    if (!std::exchange(hired_, true)) {
        hire();
    }
    if (job_.progress != nullptr) {
        const std::uint64_t looked = looked_; // what the threads have in hand is not in it
        job_.progress->tell(looked, std::min(looked, job_.changed.load()), path);
    }
}

// A thread that is not to be had is not missed.
void Crew::hire() {
    cpu_set_t allowed;
    const int processors = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    const unsigned threads = std::min(static_cast<unsigned>(processors), kMostThreads);
    while (threads_.size() + 1 < threads) {
        pthread_t thread{};
        const auto start = [](void* crew) -> void* {
            static_cast<Crew*>(crew)->work(nullptr);
            return nullptr;
        };
        if (::pthread_create(&thread, nullptr, start, this) != 0) {
            return;
        }
        threads_.push_back(thread);
    }
}

void Crew::offer(std::shared_ptr<SharedDirectory> directory, std::string path) {
    const Lock lock(mutex_);
    if (idle_ <= 0 || walks_ >= kMostWalks) {
        return;
    }
    ++walks_;
    ++directory->helpers;
    --idle_;
    offered_.push_back(std::make_unique<Walk>(*this));
    offered_.back()->help_with(std::move(directory), std::move(path));
    ::pthread_cond_signal(&offered_one_);
}

bool Crew::is_read_by_others(const SharedDirectory& directory) {
    const Lock lock(mutex_);
    return directory.helpers > 0;
}

void Crew::work(std::unique_ptr<Walk> walk) {
    while (!is_over()) {
        if (walk == nullptr) {
            walk = wait_for_work();
            continue;
        }
        const WalkState state = walk->go();
        walk = next_after(std::move(walk), state);
    }
}

std::unique_ptr<Walk> Crew::wait_for_work() {
    const Lock lock(mutex_);
    ++idle_;
    while (offered_.empty() && !over_) {
        ::pthread_cond_wait(&offered_one_, &mutex_);
    }
    if (over_) {
        return nullptr;
    }
    std::unique_ptr<Walk> walk = std::move(offered_.back());
    offered_.pop_back();
    return walk;
}

// What the thread goes on with: the same walk, the owner of the directory that it helped with, or nothing.
std::unique_ptr<Walk> Crew::next_after(std::unique_ptr<Walk> walk, WalkState state) {
    const Lock lock(mutex_);
    if (state == WalkState::kFailed) {
        return nullptr;
    }
    if (state == WalkState::kWaits) {
        SharedDirectory& directory = walk->innermost();
        if (directory.helpers == 0) { // meanwhile
            return walk;
        }
        directory.waiting = walk.get();
        waiting_.push_back(std::move(walk));
        return nullptr;
    }
    SharedDirectory* const helped = walk->helped();
    if (helped == nullptr) { // the first, and so all
        end(std::nullopt);
        return nullptr;
    }
    --walks_;
    if (--helped->helpers > 0 || helped->waiting == nullptr) {
        return nullptr;
    }
    const auto owner =
        std::ranges::find(waiting_, std::exchange(helped->waiting, nullptr), &std::unique_ptr<Walk>::get);
    std::unique_ptr<Walk> resumed = std::move(*owner);
    waiting_.erase(owner);
    return resumed;
}

} // namespace stepdown::setup
