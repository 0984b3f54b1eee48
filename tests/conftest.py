"""What all tests share: four CPU devices, as training on four cores has; and compiled programs are kept for the session."""

import os
import tempfile

import hypothesis

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "4")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp(prefix="dann-tests-"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

# How long an example takes is the machine's affair: nothing here is timed.
hypothesis.settings.register_profile("dann", deadline=None)
hypothesis.settings.load_profile("dann")
