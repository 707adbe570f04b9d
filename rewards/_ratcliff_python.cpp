// The Python module rewards._ratcliff: lists of strings in, ratios out. Stable ABI, so that one build serves every
// Python from 3.11 on. The interpreter is released while the work is done.
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "_ratcliff.h"

namespace {

// Texts are copied out of Python before the interpreter is released: so many characters at a time and thread, or a
// single pair. Few enough to stay in the cache, and for a memory that is not asked for anew for every batch.
constexpr std::size_t kSlab = std::size_t{1} << 16;

// Below this many characters to compare, about half a millisecond of work, a further thread costs more than it brings.
constexpr std::size_t kThreadShare = 40000;

struct Decref {
    void operator()(PyObject* object) const { Py_XDECREF(object); }
};
using Owned = std::unique_ptr<PyObject, Decref>;

// Pairs from a batch, with the texts they refer to.
class Slab {
public:
    Slab() : known_(PyDict_New()) {}

    std::size_t size() const { return points_.size(); }
    std::size_t pairs() const { return lengths_.size(); }

    // False with an exception set if either is not a string or memory runs out.
    bool add(PyObject* completion, PyObject* reference) {
        std::size_t group, length;
        Span span;
        if (!known_ || !find(reference, group) || !copy(completion, span)) return false;
        length = span.size + references_[group].size;
        work_ += length;
        completions_.push_back({group, span});
        lengths_.push_back(length);
        return true;
    }

    // Score what was added, append the ratios to the list, and forget the pairs.
    bool flush(ratcliff::Options options, PyObject* ratios) {
        std::vector<std::int64_t> counts(pairs());
        bool fits = true;
        Py_BEGIN_ALLOW_THREADS
        try {
            std::vector<ratcliff::Group> groups(references_.size());
            for (std::size_t at = 0; at < groups.size(); ++at) groups[at].reference = text(references_[at]);
            for (std::size_t at = 0; at < pairs(); ++at) {
                groups[completions_[at].group].completions.push_back(text(completions_[at].span));
                groups[completions_[at].group].places.push_back(at);
            }
            options.threads = static_cast<int>(std::min<std::size_t>(options.threads, 1 + work_ / kThreadShare));
            ratcliff::matched(groups, options, counts.data());
        } catch (const std::bad_alloc&) {
            fits = false;
        }
        Py_END_ALLOW_THREADS
        if (!fits) return PyErr_NoMemory() != nullptr;
        for (std::size_t at = 0; at < pairs(); ++at) {
            const Owned ratio(counts[at] < 0 ? Py_NewRef(Py_None) : PyFloat_FromDouble(value(counts[at], lengths_[at])));
            if (!ratio || PyList_Append(ratios, ratio.get()) < 0) return false;
        }
        PyDict_Clear(known_.get());
        last_ = nullptr;
        work_ = 0;
        points_.clear();
        references_.clear();
        completions_.clear();
        lengths_.clear();
        return true;
    }

private:
    struct Span {
        std::size_t from, size;
    };
    struct Completion {
        std::size_t group;
        Span span;
    };

    static double value(std::int64_t count, std::size_t length) {
        return length == 0 ? 1.0 : 2.0 * static_cast<double>(count) / static_cast<double>(length);
    }

    ratcliff::Text text(Span span) const { return {points_.data() + span.from, span.size}; }

    bool copy(PyObject* string, Span& span) {
        const Py_ssize_t size = PyUnicode_GetLength(string);  // raises TypeError unless it is a string
        if (size < 0) return false;
        span = {points_.size(), static_cast<std::size_t>(size)};
        points_.resize(span.from + span.size);
        return size == 0 || PyUnicode_AsUCS4(string, points_.data() + span.from, size, 0) != nullptr;
    }

    // The group of a reference: completions of one step follow each other as a rule, but need not.
    bool find(PyObject* reference, std::size_t& group) {
        if (reference == last_) {
            group = last_group_;
            return true;
        }
        PyObject* found = PyDict_GetItemWithError(known_.get(), reference);
        if (found != nullptr) {
            group = PyLong_AsSize_t(found);
        } else {
            if (PyErr_Occurred()) return false;
            Span span;
            if (!copy(reference, span)) return false;
            group = references_.size();
            references_.push_back(span);
            const Owned number(PyLong_FromSize_t(group));
            if (!number || PyDict_SetItem(known_.get(), reference, number.get()) < 0) return false;
        }
        last_ = reference;
        last_group_ = group;
        return true;
    }

    Owned known_;  // reference → its group
    PyObject* last_ = nullptr;
    std::size_t last_group_ = 0, work_ = 0;
    std::vector<std::uint32_t> points_;
    std::vector<Span> references_;
    std::vector<Completion> completions_;
    std::vector<std::size_t> lengths_;
};

PyObject* score(PyObject* completions, PyObject* references, const ratcliff::Options& options) {
    const Py_ssize_t count = PyTuple_Size(completions);
    if (count != PyTuple_Size(references)) {
        PyErr_Format(PyExc_ValueError, "%zd completions, but %zd references", count, PyTuple_Size(references));
        return nullptr;
    }
    Owned ratios(PyList_New(0));
    if (!ratios) return nullptr;
    Slab slab;
    const std::size_t enough = kSlab * std::min<std::size_t>(options.threads, 64);
    for (Py_ssize_t at = 0; at < count; ++at) {
        if (!slab.add(PyTuple_GetItem(completions, at), PyTuple_GetItem(references, at))) return nullptr;
        if ((slab.size() >= enough || at + 1 == count) && !slab.flush(options, ratios.get())) return nullptr;
    }
    return ratios.release();
}

PyObject* ratios(PyObject*, PyObject* args, PyObject* keywords) {
    static const char* names[] = {"completions", "references", "autojunk", "budget", "threads", nullptr};
    PyObject *completions, *references;
    int autojunk, threads;
    long long budget;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOpLi:ratios", const_cast<char**>(names), &completions,
                                     &references, &autojunk, &budget, &threads)) {
        return nullptr;
    }
    const Owned left(PySequence_Tuple(completions)), right(PySequence_Tuple(references));
    if (!left || !right) return nullptr;
    try {
        return score(left.get(), right.get(), {autojunk != 0, budget, std::max(1, threads)});
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    }
}

PyMethodDef methods[] = {
    {"ratios", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(ratios)), METH_VARARGS | METH_KEYWORDS,
     "ratios(completions, references, autojunk, budget, threads)\n--\n\n"
     "2M/T of each pair, None for a pair over the budget."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef_Slot slots[] = {
    {0, nullptr},
};

PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "rewards._ratcliff", "Exact Ratcliff/Obershelp matching of batches.", 0, methods, slots,
    nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit__ratcliff() { return PyModuleDef_Init(&module); }
