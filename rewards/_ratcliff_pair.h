// One pair of texts: how many characters Ratcliff/Obershelp matching matches.
//
// The definition (difflib). In a window, a part of a and a part of b, find the longest block that both have; of
// several take the one that starts first in a, of these the one that starts first in b. Count it, then do the same
// in the window to its left and in the one to its right. Done literally that is cubic. Three observations make it fast.
//
// 1. Levels. Let L be the length of the longest block in a window. The first block of length L, in the order of
//    (start in a, start in b), is taken. The window to its left holds no block of length L: it would start earlier
//    in a. The longest in the window to its right is again of length L if there is one, and then the first one in
//    there is taken. So the definition takes exactly what one sweep over all blocks of length L in order takes that
//    keeps each which starts behind the last one kept, in a and in b. What windows remain hold only shorter blocks,
//    and windows do not influence each other: levels can be swept over all of them together, longest first.
//
// 2. Runs. A block of length L in a window without longer ones cannot be extended, so it is a maximal run of equal
//    characters cut to the window. All maximal runs of at least K characters are found once, through an index of
//    b's K-grams. They are kept in buckets by length. When the turn comes to a length, each run in the bucket either
//    lies whole within a window, and is a block as in 1, or is cut by what was taken before it, and its pieces go
//    into the buckets of their lengths. At level L every block taken is at least that long, so there are at most
//    n / L + 1 windows, and walking along them on every level costs n log n in all.
//
// 3. Gaps. A window without a run of K characters is small, as a rule. There "for each position of a from left to
//    right, the first place in b behind the last block" is the sweep of 1, for L = K - 1 and down to 1, with no need
//    to know L beforehand: a level without blocks takes nothing. One machine word per position of a tells where in b
//    its character stands, and shifting and masking these words finds the blocks.
//
// With difflib's "autojunk" a block is sought among unpopular characters only and then extended by whatever is equal
// on both sides. The argument of 1 still holds, since a longer block taken only narrows the windows: nothing of
// length L to the left, the next one in order to the right. Runs are sought in copies of the texts in which popular
// characters equal nothing, with K = 1; in a window without any run difflib's search ends at the window's start and
// extends there, so that the common prefix counts.
//
// Work is counted in units of one to three nanoseconds. The factors at `budget_ -=` below were measured for that on
// hostile texts; what is linear in the texts and done once is not counted.
//
// Memory is bounded by kMaxRuns: a window with more runs is swept on its longest level alone, which needs no store
// (the order in which runs are found is the order of 1), and what remains of it is taken up anew.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "_ratcliff_text.h"

namespace ratcliff {

#ifndef RATCLIFF_MAX_RUNS  // a small one lets short texts reach the code for many runs
#define RATCLIFF_MAX_RUNS (1 << 21)
#endif
constexpr std::size_t kMaxRuns = RATCLIFF_MAX_RUNS;  // of 12 bytes

struct Window {
    std::int32_t alo, ahi, blo, bhi;

    bool empty() const { return alo >= ahi || blo >= bhi; }
};

struct Block {
    std::int32_t i, j, length;
};

// The work of one pair; memory is kept from one pair to the next.
template <class Id>
class Pair {
public:
    // M of a completion against a reference, or kOverBudget.
    std::int64_t matched(const Reference<Id>& reference, Text completion, std::int64_t budget) {
        if (reference.size() == 0 || completion.size == 0) return 0;
        if (completion.size > kMaxSize) return kOverBudget;
        reference.encode(completion, a_, a_seeds_);
        reference_ = &reference;
        n_ = static_cast<std::int32_t>(completion.size);
        a = a_.data();
        b = reference.ids();
        sa = reference.autojunk() ? a_seeds_.data() : a;
        sb = reference.seeds();
        if (completion.size == reference.size() && std::equal(a, a + n_, b)) return n_;
        budget_ = budget;
        total_ = 0;
        tasks_.clear();
        solve({0, n_, 0, static_cast<std::int32_t>(reference.size())}, reference.index());
        while (!tasks_.empty() && budget_ >= 0) {
            const Task task = tasks_.back();
            tasks_.pop_back();
            const Window& w = task.window;
            budget_ -= 4 * (std::int64_t{w.ahi} - w.alo + w.bhi - w.blo);
            local_.build(sb, w.blo, w.bhi, task.gram);
            solve(w, local_);
        }
        return budget_ >= 0 ? total_ : kOverBudget;
    }

private:
    struct Run {
        std::int32_t i, j, next;
    };
    struct Node {  // of the list of windows, ordered
        Window window;
        std::int32_t next;
    };
    struct Task {
        Window window;
        int gram;
    };

    void solve(const Window& window, const Index<Id>& index) {
        gram_ = index.gram();
        if (!collect(window, index)) {
            longest_only(window, index);
            return;
        }
        nodes_.assign(1, {window, -1});
        first_ = 0;
        for (std::int32_t length = longest_; length >= gram_; --length) {
            if (buckets_[length] >= 0) sweep(length);
        }
        if (budget_ < 0) return;
        for (std::int32_t node = first_; node >= 0; node = nodes_[node].next) finish(nodes_[node].window);
    }

    // Put every maximal run in the window into its bucket; false if there are too many.
    bool collect(const Window& window, const Index<Id>& index) {
        for (; longest_ > 0; --longest_) buckets_[longest_] = -1;
        runs_.clear();
        each_run(window, index, [this](std::int32_t i, std::int32_t j, std::int32_t length) {
            add(i, j, length);
            return runs_.size() < kMaxRuns;
        });
        return runs_.size() < kMaxRuns;
    }

    // Call found(i, j, length) for the maximal runs in the window, ordered by i, then j, until it returns false.
    template <class Found>
    void each_run(const Window& w, const Index<Id>& index, Found found) {
        const Chains<Id> chains = index.chains();
        const Id *const from = sa, *const to = sb;  // local: what is stored below cannot change them
        for (std::int32_t i = w.alo; i + chains.gram <= w.ahi; ++i) {
            std::int32_t j = chains.first(from + i);
            if (j < 0) continue;
            const Id before = i > w.alo ? from[i - 1] : Id{0};  // 0 stands nowhere in b
            std::int64_t work = 0;
            while (j >= 0) {
                if (before != 0 && j > w.blo && to[j - 1] == before) {  // not the start of a run
                    ++work;
                    j = chains.skip(j);
                    continue;
                }
                const std::int32_t length = common_prefix(from + i, to + j, std::min(w.ahi - i, w.bhi - j));
                work += 6 + length / 16;
                if (length >= chains.gram && !found(i, j, length)) return;
                j = chains.next(j);
            }
            budget_ -= work;
            if (budget_ < 0) return;
        }
    }

    void add(std::int32_t i, std::int32_t j, std::int32_t length) {
        if (length > longest_) {
            longest_ = length;
            if (buckets_.size() <= static_cast<std::size_t>(length)) buckets_.resize(length + 1, -1);
        }
        runs_.push_back({i, j, buckets_[length]});
        buckets_[length] = static_cast<std::int32_t>(runs_.size()) - 1;
    }

    // One level: take from the bucket what lies whole in a window, cut the rest.
    void sweep(std::int32_t length) {
        keys_.clear();
        for (std::int32_t run = buckets_[length]; run >= 0; run = runs_[run].next) {
            keys_.push_back(static_cast<std::uint64_t>(runs_[run].i) << 32 | static_cast<std::uint32_t>(runs_[run].j));
        }
        buckets_[length] = -1;
        budget_ -= 16 * static_cast<std::int64_t>(keys_.size());
        if (budget_ < 0) return;
        std::reverse(keys_.begin(), keys_.end());
        if (!std::is_sorted(keys_.begin(), keys_.end())) std::stable_sort(keys_.begin(), keys_.end());
        std::int32_t previous = -1, node = first_;
        for (const std::uint64_t key : keys_) {
            const auto i = static_cast<std::int32_t>(key >> 32), j = static_cast<std::int32_t>(key & 0xffffffff);
            while (node >= 0 && nodes_[node].window.ahi <= i) {
                previous = node;
                node = nodes_[node].next;
            }
            if (node < 0) break;
            const Window w = nodes_[node].window;
            if (w.alo <= i && w.blo <= j && i + length <= w.ahi && j + length <= w.bhi) {
                take({i, j, length}, previous, node);
            } else if (j + length > w.blo) {
                const std::int32_t from = std::max({0, w.alo - i, w.blo - j});
                const std::int32_t to = std::min({length, w.ahi - i, w.bhi - j});
                if (to - from >= gram_) add(i + from, j + from, to - from);
                const std::int32_t behind = w.ahi - i;
                if (length - behind >= gram_) add(i + behind, j + behind, length - behind);
            }
        }
    }

    // Count a block of the window at node and split the window; leave node at the first window behind the block.
    void take(Block block, std::int32_t& previous, std::int32_t& node) {
        const Window w = nodes_[node].window;
        extend(block, w);
        total_ += block.length;
        const Window left{w.alo, block.i, w.blo, block.j};
        const Window right{block.i + block.length, w.ahi, block.j + block.length, w.bhi};
        if (left.empty() && right.empty()) {
            const std::int32_t next = nodes_[node].next;
            (previous < 0 ? first_ : nodes_[previous].next) = next;
            node = next;
        } else if (left.empty()) {
            nodes_[node].window = right;
        } else {
            nodes_[node].window = left;
            previous = node;
            if (!right.empty()) {
                nodes_.push_back({right, nodes_[node].next});
                nodes_[node].next = static_cast<std::int32_t>(nodes_.size()) - 1;
            }
            node = nodes_[node].next;
        }
    }

    // With autojunk: what is equal on both sides of a block belongs to it.
    void extend(Block& block, const Window& w) const {
        if (!reference_->autojunk()) return;
        while (block.i > w.alo && block.j > w.blo && a[block.i - 1] == b[block.j - 1]) {
            --block.i, --block.j, ++block.length;
        }
        const std::int32_t i = block.i + block.length, j = block.j + block.length;
        block.length += common_prefix(a + i, b + j, std::min(w.ahi - i, w.bhi - j));
    }

    // A window with more runs than are kept: sweep its longest level while looking for it, start over on what is left.
    void longest_only(const Window& window, const Index<Id>& index) {
        std::int32_t longest = 0;
        Window rest = window;
        chain_.clear();
        each_run(window, index, [&](std::int32_t i, std::int32_t j, std::int32_t length) {
            if (length > longest) {
                longest = length;
                rest = window;
                chain_.clear();
            }
            if (length == longest && i >= rest.alo && j >= rest.blo) {
                Block block{i, j, length};
                extend(block, rest);
                chain_.push_back(block);
                rest.alo = block.i + block.length;
                rest.blo = block.j + block.length;
            }
            return true;
        });
        rest = window;
        for (const Block& block : chain_) {
            total_ += block.length;
            push({rest.alo, block.i, rest.blo, block.j}, gram_);
            rest.alo = block.i + block.length;
            rest.blo = block.j + block.length;
        }
        push(rest, gram_);
    }

    void push(const Window& window, int gram) {
        if (!window.empty()) tasks_.push_back({window, gram});
    }

    // A window without runs of gram_ characters.
    void finish(const Window& w) {
        if (reference_->autojunk() && gram_ > 1) {
            push(w, 1);
        } else if (reference_->autojunk()) {
            total_ += common_prefix(a + w.alo, b + w.blo, std::min(w.ahi - w.alo, w.bhi - w.blo));
        } else if (w.bhi - w.blo <= kWord) {
            total_ += gap(w);
        } else if (gram_ > 2) {
            push(w, gram_ > 4 && w.bhi - w.blo >= 1000 ? 4 : 2);
        } else {
            total_ += singles(w);
        }
    }

    // A window no wider than a word: bit k of rows_[r] says whether the r-th character of a is the k-th of b.
    std::int64_t gap(const Window& w) {
        const std::int32_t height = w.ahi - w.alo, width = w.bhi - w.blo;
        budget_ -= 4 * std::int64_t{height};
        if (rows_.size() < static_cast<std::size_t>(height)) rows_.resize(height);
        for (std::int32_t r = 0; r < height; ++r) rows_[r] = equal_mask(b + w.blo, width, a[w.alo + r]);
        return blocks(std::min({gram_ - 1, height, width}), 0, height, 0, width);
    }

    // Blocks of the given length, then of shorter ones between them, in rows [r, rows) and columns [c, columns).
    std::int64_t blocks(int length, std::int32_t r, std::int32_t rows, std::int32_t c, std::int32_t columns) const {
        std::int64_t count = 0;
        if (length == 1) {
            std::uint64_t free = mask(c, columns);
            for (; r < rows; ++r) {
                const std::uint64_t hits = rows_[r] & free;
                const std::uint64_t hit = hits & (~hits + 1);
                count += hits != 0;
                free = hits != 0 ? free & (~(hit << 1) + 1) : free;  // the columns behind the first hit
            }
            return count;
        }
        std::int32_t from = r;
        while (r + length <= rows && c + length <= columns) {
            std::uint64_t hits = rows_[r] & mask(c, columns - length + 1);
            for (int k = 1; k < length; ++k) hits &= rows_[r + k] >> k;
            if (hits == 0) {
                ++r;
                continue;
            }
            const int hit = lowest_bit(hits);
            count += length + between(length - 1, from, r, c, hit);
            r += length;
            from = r;
            c = hit + length;
        }
        return count + between(length - 1, from, rows, c, columns);
    }

    std::int64_t between(int length, std::int32_t r, std::int32_t rows, std::int32_t c, std::int32_t columns) const {
        if (r >= rows || c >= columns) return 0;
        return blocks(std::min({length, rows - r, columns - c}), r, rows, c, columns);
    }

    // A wide window in which no two neighbours match: for each character of a the first place in b behind the last.
    std::int64_t singles(const Window& w) {
        std::int64_t count = 0;
        std::int32_t j = w.blo;
        for (std::int32_t i = w.alo; i < w.ahi && j < w.bhi && budget_ >= 0; ++i) {
            if (a[i] == 0) continue;
            const std::int32_t found = find(b, j, w.bhi, a[i]);
            budget_ -= (found - j) / 16 + 4;
            if (found == w.bhi) continue;
            ++count;
            j = found + 1;
        }
        return count;
    }

    std::vector<Id> a_, a_seeds_;
    const Id *a = nullptr, *b = nullptr;    // the texts
    const Id *sa = nullptr, *sb = nullptr;  // the same, in which popular characters equal nothing
    const Reference<Id>* reference_ = nullptr;
    std::int32_t n_ = 0;
    int gram_ = 0;
    std::int64_t budget_ = 0, total_ = 0;
    Index<Id> local_;
    std::vector<Task> tasks_;
    std::vector<Run> runs_;
    std::vector<std::int32_t> buckets_;  // the last run of each length
    std::int32_t longest_ = 0;
    std::vector<std::uint64_t> keys_;
    std::vector<Node> nodes_;
    std::int32_t first_ = -1;
    std::vector<Block> chain_;
    std::vector<std::uint64_t> rows_;
};

}  // namespace ratcliff
