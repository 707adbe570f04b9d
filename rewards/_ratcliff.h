// Exact Ratcliff/Obershelp matching, as Python's difflib.SequenceMatcher defines it. No Python in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ratcliff {

// Code points; not owned.
struct Text {
    const std::uint32_t* data = nullptr;
    std::size_t size = 0;
};

// The completions that are compared with one reference.
struct Group {
    Text reference;
    std::vector<Text> completions;
    std::vector<std::size_t> places;  // where in the result the count for each completion goes
};

struct Options {
    bool autojunk = false;    // leave popular characters out of the search, as difflib does by default
    std::int64_t budget = 0;  // units of work that one pair may take, of one to three nanoseconds each
    int threads = 1;          // at most so many
};

constexpr std::int64_t kOverBudget = -1;

// M, the number of matched characters of each pair: 2 * M / (len(completion) + len(reference)) is the ratio.
// kOverBudget where a pair takes more than the budget or more memory than there is. The result depends neither on
// the number of threads nor on the machine's load.
void matched(const std::vector<Group>& groups, const Options& options, std::int64_t* result);

}  // namespace ratcliff
