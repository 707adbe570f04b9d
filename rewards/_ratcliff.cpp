// A batch of pairs: groups are spread over threads, each with a memory of its own.
#include "_ratcliff.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>
#include <thread>

#include "_ratcliff_pair.h"

namespace ratcliff {
namespace {

// What one thread does at a time: some completions of a group.
struct Task {
    const Group* group;
    std::size_t from, to;
};

class Worker {
public:
    void run(const Task& task, const Options& options, std::int64_t* result) {
        const Group& group = *task.group;
        alphabet_.clear();
        if (group.reference.size <= kMaxSize) {
            for (std::size_t j = 0; j < group.reference.size; ++j) alphabet_.insert(group.reference.data[j]);
        }
        if (group.reference.size > kMaxSize) {
            for (std::size_t at = task.from; at < task.to; ++at) result[group.places[at]] = kOverBudget;
        } else if (alphabet_.size() <= 254) {
            score(bytes_, task, options, result);
        } else {
            score(words_, task, options, result);
        }
    }

private:
    template <class Id>
    struct Scratch {
        Reference<Id> reference;
        Pair<Id> pair;
    };

    template <class Id>
    void score(Scratch<Id>& scratch, const Task& task, const Options& options, std::int64_t* result) {
        const Group& group = *task.group;
        scratch.reference.build(alphabet_, group.reference, options.autojunk);
        for (std::size_t at = task.from; at < task.to; ++at) {
            result[group.places[at]] = scratch.pair.matched(scratch.reference, group.completions[at], options.budget);
        }
    }

    Alphabet alphabet_;
    Scratch<std::uint8_t> bytes_;
    Scratch<std::uint32_t> words_;
};

// Cut the batch into tasks of about equal size, so that few groups, or one large one, keep all threads busy.
std::vector<Task> tasks(const std::vector<Group>& groups, int threads) {
    std::size_t total = 0;
    for (const Group& group : groups) {
        for (const Text& text : group.completions) total += text.size + group.reference.size;
    }
    const std::size_t share = threads > 1 ? total / (static_cast<std::size_t>(threads) * 8) + 1 : total + 1;
    std::vector<Task> found;
    for (const Group& group : groups) {
        std::size_t from = 0, size = 0;
        for (std::size_t at = 0; at < group.completions.size(); ++at) {
            size += group.completions[at].size + group.reference.size;
            if (size >= share || at + 1 == group.completions.size()) {
                found.push_back({&group, from, at + 1});
                from = at + 1;
                size = 0;
            }
        }
    }
    return found;
}

}  // namespace

void matched(const std::vector<Group>& groups, const Options& options, std::int64_t* result) {
    const std::vector<Task> todo = tasks(groups, options.threads);
    std::atomic<std::size_t> next{0};
    const auto work = [&]() {
        Worker worker;
        for (std::size_t at = next++; at < todo.size(); at = next++) {
            try {
                worker.run(todo[at], options, result);
            } catch (const std::bad_alloc&) {
                const Task& task = todo[at];
                for (std::size_t k = task.from; k < task.to; ++k) result[task.group->places[k]] = kOverBudget;
                worker = Worker();
            }
        }
    };
    std::vector<std::thread> helpers;
    const std::size_t threads = std::min(static_cast<std::size_t>(std::max(1, options.threads)), todo.size());
    helpers.reserve(threads);
    try {
        while (helpers.size() + 1 < threads) helpers.emplace_back(work);
    } catch (const std::system_error&) {
        // no more threads to be had: those that run do all the work
    }
    work();
    for (std::thread& helper : helpers) helper.join();
}

}  // namespace ratcliff
