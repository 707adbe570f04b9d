"""The native kernel of ``sequence_match``. Everything else about the package stands in pyproject.toml.

The extension is optional: without a compiler the package installs all the same, and another engine does the work.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "rewards._ratcliff",
            sources=["rewards/_ratcliff.cpp", "rewards/_ratcliff_python.cpp"],
            depends=["rewards/_ratcliff.h", "rewards/_ratcliff_pair.h", "rewards/_ratcliff_text.h"],
            language="c++",
            extra_compile_args=["-std=c++17", "-O3", "-g0", "-fvisibility=hidden"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
