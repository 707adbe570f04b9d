// Runs the native kernel, without Python around it, over the pairs that ratcliff_pairs.py writes: for sanitizers.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <vector>

#include "_ratcliff.h"

namespace {

struct Case {
    std::vector<std::uint32_t> completion, reference;
    std::int64_t expected[2];  // M without and with autojunk
};

std::int64_t number(std::istream& in) {
    std::int64_t value = 0;
    in.read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
}

std::vector<std::uint32_t> text(std::istream& in) {
    std::vector<std::uint32_t> points(static_cast<std::size_t>(number(in)));
    in.read(reinterpret_cast<char*>(points.data()), static_cast<std::streamsize>(4 * points.size()));
    return points;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::fprintf(stderr, "usage: check_ratcliff PAIRS\n"), 2;
    std::ifstream in(arguments[1], std::ios::binary);
    std::vector<Case> cases(static_cast<std::size_t>(number(in)));
    for (Case& each : cases) {
        each.completion = text(in);
        each.reference = text(in);
        each.expected[0] = number(in);
        each.expected[1] = number(in);
    }
    if (!in || cases.empty()) return std::fprintf(stderr, "%s: cut short\n", arguments[1]), 2;

    std::vector<ratcliff::Group> groups;
    for (std::size_t at = 0; at < cases.size(); ++at) {
        if (at == 0 || cases[at].reference != cases[at - 1].reference) {
            groups.push_back({{cases[at].reference.data(), cases[at].reference.size()}, {}, {}});
        }
        groups.back().completions.push_back({cases[at].completion.data(), cases[at].completion.size()});
        groups.back().places.push_back(at);
    }
    int wrong = 0;
    for (const std::int64_t budget : {std::int64_t{1} << 40, std::int64_t{2000}}) {
        for (const bool autojunk : {false, true}) {
            for (const int threads : {1, 4}) {
                std::vector<std::int64_t> found(cases.size());
                ratcliff::matched(groups, {autojunk, budget, threads}, found.data());
                for (std::size_t at = 0; at < cases.size(); ++at) {
                    const bool over = found[at] == ratcliff::kOverBudget && budget == 2000;
                    if (!over && found[at] != cases[at].expected[autojunk]) ++wrong;
                }
            }
        }
    }
    std::printf("%zu pairs, %d wrong\n", cases.size(), wrong);
    return wrong == 0 ? 0 : 1;
}
