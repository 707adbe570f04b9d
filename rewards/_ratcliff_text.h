// Texts as small integers, an index of a text's K-grams, and the few operations on them that must be fast.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "_ratcliff.h"

#if defined(__SSE2__) && !defined(RATCLIFF_PLAIN)
#include <emmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(RATCLIFF_PLAIN)
#include <arm_neon.h>
#endif

#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(RATCLIFF_PLAIN)
#define RATCLIFF_LITTLE_ENDIAN 1
#endif

namespace ratcliff {

constexpr int kWord = 64;
constexpr std::size_t kMaxSize = std::size_t{1} << 30;  // positions and sums of two are 32 bits
constexpr int kPadding = 64;                             // ids behind the end of a text that may be read

inline int lowest_bit(std::uint64_t word) {
#if defined(__GNUC__)
    return __builtin_ctzll(word);
#else
    int bit = 0;
    for (; !(word & 1); word >>= 1) ++bit;
    return bit;
#endif
}

// Bits from up to, not including, to; to is at most 64.
inline std::uint64_t mask(int from, int to) {
    if (from >= to) return 0;
    return (~std::uint64_t{0} << from) & (~std::uint64_t{0} >> (kWord - to));
}

inline std::uint64_t eight_bytes(const std::uint8_t* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// The length of what a and b have in common at their start, at most limit.
template <class Id>
std::int32_t common_prefix(const Id* a, const Id* b, std::int32_t limit) {
    std::int32_t length = 0;
#if defined(RATCLIFF_LITTLE_ENDIAN)
    if constexpr (sizeof(Id) == 1) {
        for (; length < limit; length += 8) {
            const std::uint64_t differ = eight_bytes(a + length) ^ eight_bytes(b + length);
            if (differ != 0) return std::min(limit, length + lowest_bit(differ) / 8);
        }
        return limit;
    }
#endif
    while (length < limit && a[length] == b[length]) ++length;
    return length;
}

// Bit k says whether text[k] is id, for k below width, at most 64.
template <class Id>
std::uint64_t equal_mask(const Id* text, int width, Id id) {
    std::uint64_t found = 0;
#if defined(__SSE2__) && !defined(RATCLIFF_PLAIN)
    if constexpr (sizeof(Id) == 1) {
        const __m128i wanted = _mm_set1_epi8(static_cast<char>(id));
        for (int k = 0; k < width; k += 16) {
            const __m128i lanes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + k));
            const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(lanes, wanted));
            found |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << k;
        }
        return found & mask(0, width);
    }
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(RATCLIFF_PLAIN)
    if constexpr (sizeof(Id) == 1) {
        static const std::uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t wanted = vdupq_n_u8(id), weights = vld1q_u8(kBits);
        for (int k = 0; k < width; k += 16) {
            uint8x16_t bits = vandq_u8(vceqq_u8(vld1q_u8(text + k), wanted), weights);
            for (int halving = 0; halving < 3; ++halving) bits = vpaddq_u8(bits, bits);
            found |= static_cast<std::uint64_t>(vgetq_lane_u16(vreinterpretq_u16_u8(bits), 0)) << k;
        }
        return found & mask(0, width);
    }
#endif
    for (int k = 0; k < width; ++k) found |= static_cast<std::uint64_t>(text[k] == id) << k;
    return found;
}

// The first position of id in text[from, to), to if there is none.
template <class Id>
std::int32_t find(const Id* text, std::int32_t from, std::int32_t to, Id id) {
    if constexpr (sizeof(Id) == 1) {
        const void* found = std::memchr(text + from, id, static_cast<std::size_t>(to - from));
        return found ? static_cast<std::int32_t>(static_cast<const Id*>(found) - text) : to;
    } else {
        return static_cast<std::int32_t>(std::find(text + from, text + to, id) - text);
    }
}

// The code points of a reference, numbered from 1 in the order in which they appear; 0 is everything else.
class Alphabet {
public:
    void clear() {
        std::fill(std::begin(low_), std::end(low_), 0);
        if (high_used_ > 0) std::fill(high_.begin(), high_.end(), Entry{0, 0});
        high_used_ = size_ = 0;
    }

    std::uint32_t size() const { return size_; }

    std::uint32_t id(std::uint32_t point) const {
        if (point < kLow) return low_[point];
        return high_used_ == 0 ? 0 : high_[slot(point)].id;
    }

    std::uint32_t insert(std::uint32_t point) {
        if (point < kLow) {
            if (low_[point] == 0) low_[point] = ++size_;
            return low_[point];
        }
        if (2 * (high_used_ + 1) > high_.size()) grow();
        Entry& entry = high_[slot(point)];
        if (entry.id == 0) {
            entry = {point, ++size_};
            ++high_used_;
        }
        return entry.id;
    }

private:
    static constexpr std::uint32_t kLow = 256;
    struct Entry {
        std::uint32_t point, id;
    };

    // Open addressing; the number of slots is a power of two, at least half of them free.
    std::size_t slot(std::uint32_t point) const {
        std::size_t at = (point * 0x9E3779B1u >> 7) & (high_.size() - 1);
        while (high_[at].id != 0 && high_[at].point != point) at = (at + 1) & (high_.size() - 1);
        return at;
    }

    void grow() {
        std::vector<Entry> old(std::max<std::size_t>(64, 2 * high_.size()), Entry{0, 0});
        old.swap(high_);
        for (const Entry& entry : old) {
            if (entry.id != 0) high_[slot(entry.point)] = entry;
        }
    }

    std::uint32_t low_[kLow] = {};
    std::vector<Entry> high_;
    std::size_t high_used_ = 0;
    std::uint32_t size_ = 0;
};

// How long the grams should be that runs are sought by: few chance hits, yet not many gaps left to close.
inline int gram_for(std::int32_t size) { return size < 1000 ? 4 : size < 2000 ? 5 : 6; }

// Where the K-grams of a part of a text stand: chains of positions in order. A view into an Index.
template <class Id>
struct Chains {
    struct Link {
        std::int32_t next, skip;
    };

    const std::int32_t* heads;
    const Link* links;
    int gram, shift;

    // The first position of the grams that share a hash with the one at text; -1 if there is none.
    std::int32_t first(const Id* text) const { return heads[hash(text)]; }
    std::int32_t next(std::int32_t at) const { return links[at].next; }
    // As next, but past all that are preceded by the same character as this one. It makes text that repeats
    // itself, where nearly every match is the continuation of a longer one, cheap.
    std::int32_t skip(std::int32_t at) const { return links[at].skip; }

    // Whether the grams at a and at b are the same; reading up to eight ids is allowed.
    bool same(const Id* a, const Id* b) const {
#if defined(RATCLIFF_LITTLE_ENDIAN)
        if constexpr (sizeof(Id) == 1) return (eight_bytes(a) ^ eight_bytes(b)) << (64 - 8 * gram) == 0;
#endif
        bool equal = true;
        for (int k = 0; k < gram; ++k) equal &= a[k] == b[k];
        return equal;
    }

    std::size_t hash(const Id* text) const {
        std::uint64_t key = 0;
#if defined(RATCLIFF_LITTLE_ENDIAN)
        if constexpr (sizeof(Id) == 1) {
            key = eight_bytes(text) << (64 - 8 * gram);
            return static_cast<std::size_t>(key * 0x9E3779B97F4A7C15u >> shift);
        }
#endif
        for (int k = 0; k < gram; ++k) key = (key ^ text[k]) * 0x9E3779B97F4A7C15u;
        return static_cast<std::size_t>((key ^ key >> 32) * 0x9E3779B97F4A7C15u >> shift);
    }
};

template <class Id>
class Index {
public:
    int gram() const { return gram_; }

    // Index text[lo, hi).
    void build(const Id* text, std::int32_t lo, std::int32_t hi, int gram) {
        gram_ = gram;
        int bits = 6;
        while ((std::int64_t{1} << bits) < std::int64_t{4} * (hi - lo)) ++bits;  // roomy: few chance hits
        shift_ = 64 - bits;
        heads_.assign(std::size_t{1} << bits, -1);
        if (links_.size() < static_cast<std::size_t>(hi)) links_.resize(hi);
        const Chains<Id> view = chains();
        for (std::int32_t j = hi - gram; j >= lo; --j) {
            std::int32_t& head = heads_[view.hash(text + j)];
            const bool same = head >= 0 && j > lo && text[j - 1] == text[head - 1];
            links_[j] = {head, same ? view.skip(head) : head};
            head = j;
        }
    }

    Chains<Id> chains() const { return {heads_.data(), links_.data(), gram_, shift_}; }

private:
    int gram_ = 0, shift_ = 0;
    std::vector<std::int32_t> heads_;
    std::vector<typename Chains<Id>::Link> links_;
};

// A reference made ready for many completions. Ids fit Id: at most 254 different characters for a byte.
template <class Id>
class Reference {
public:
    void build(const Alphabet& alphabet, Text text, bool autojunk) {
        alphabet_ = &alphabet;
        size_ = text.size;
        ids_.assign(size_ + kPadding, 0);
        for (std::size_t j = 0; j < size_; ++j) ids_[j] = static_cast<Id>(alphabet.id(text.data[j]));
        autojunk_ = autojunk && size_ >= 200;  // difflib's rule, as the one below
        if (autojunk_) {
            std::vector<std::size_t> count(alphabet.size() + 1, 0);
            for (std::size_t j = 0; j < size_; ++j) ++count[ids_[j]];
            seed_.assign(alphabet.size() + 1, 0);
            for (std::size_t id = 1; id < count.size(); ++id) {
                if (count[id] <= size_ / 100 + 1) seed_[id] = static_cast<Id>(id);
            }
            const Id popular = static_cast<Id>(alphabet.size() + 1);  // equal to nothing in a, where it becomes 0
            seeds_.assign(size_ + kPadding, 0);
            for (std::size_t j = 0; j < size_; ++j) seeds_[j] = seed_[ids_[j]] != 0 ? ids_[j] : popular;
        }
        const auto size = static_cast<std::int32_t>(size_);
        index_.build(seeds(), 0, size, autojunk_ ? (size < 1000 ? 1 : 2) : gram_for(size));
    }

    // A completion in the reference's ids, and the same with 0 for the popular ones.
    void encode(Text text, std::vector<Id>& ids, std::vector<Id>& seeds) const {
        ids.resize(text.size + kPadding);
        std::fill(ids.end() - kPadding, ids.end(), Id{0});
        for (std::size_t i = 0; i < text.size; ++i) ids[i] = static_cast<Id>(alphabet_->id(text.data[i]));
        if (!autojunk_) return;
        seeds.resize(ids.size());
        for (std::size_t i = 0; i < ids.size(); ++i) seeds[i] = seed_[ids[i]];
    }

    std::size_t size() const { return size_; }
    bool autojunk() const { return autojunk_; }
    const Id* ids() const { return ids_.data(); }
    const Id* seeds() const { return autojunk_ ? seeds_.data() : ids_.data(); }
    const Index<Id>& index() const { return index_; }

private:
    const Alphabet* alphabet_ = nullptr;
    std::size_t size_ = 0;
    bool autojunk_ = false;
    std::vector<Id> ids_, seeds_;
    std::vector<Id> seed_;  // by id: itself, or 0 if it is popular
    Index<Id> index_;
};

}  // namespace ratcliff
